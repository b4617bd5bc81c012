"""What keys are called: by Textual, and on the screen; and which keys a hint names."""

from __future__ import annotations

from functools import cache

from textual.binding import Binding

_SHOWN = {
    "question_mark": "?", "full_stop": ".", "comma": ",", "left_square_bracket": "[", "right_square_bracket": "]", "colon": ":",
    "less_than_sign": "<", "greater_than_sign": ">", "slash": "/", "apostrophe": "'", "backslash": "\\", "plus": "+",
    "underscore": "_", "up": "↑", "down": "↓", "left": "←", "right": "→", "escape": "esc", "minus": "-", "equals_sign": "=",
    "percent_sign": "%",
}  # fmt: skip
HINTED = {
    "app.help": "question_mark", "app.quit": "ctrl+q", "detail.down": "j", "detail.up": "k",
    "diff.next": "right_square_bracket", "diff.previous": "left_square_bracket", "diff.turn": "tab", "findings.edit_rule": "E",
    "findings.fold": "space",
    "help.names": "i", "help.search": "slash",
    "keep.mark": "m", "keep.only_marked": "M", "keep.page": "f", "list.last": "G", "list.open": "enter",
    "picker.cancel": "escape", "picker.type": "tab",
    "listing.filter": "slash", "listing.next_wrong": "right_square_bracket", "listing.sort": "s", "playback.go_to": "colon",
    "playback.play": "space", "recordings.reload": "r",
    "screen.back": "q", "screen.contract": "c", "screen.escape": "escape", "screen.validate": "R", "session.diff": "D",
    "session.filter": "slash", "session.findings": "v", "session.follow": "F", "session.next_match": "n",
    "session.previous_match": "N", "session.read_again": "r", "session.search": "ctrl+f", "session.waterfall": "w",
    "sessions.all": "a", "sessions.diff": "D", "sessions.findings": "v", "statistics.back": "S", "statistics.count": "r",
    "trace.next_finding": "right_square_bracket",
    "trace.witness": "x", "waterfall.back": "w", "waterfall.fit": "z", "waterfall.next_wrong": "right_square_bracket",
    "waterfall.pan_left": "a", "waterfall.pan_right": "d", "waterfall.read_again": "r", "waterfall.zoom_in": "plus",
    "waterfall.slowest": "x", "waterfall.sort": "s", "waterfall.squeeze": "I", "waterfall.zoom_out": "minus",
}  # fmt: skip
"""The key of a binding that hints name, by the binding's id, where it has not been given another."""


def shown(key: str) -> str:
    """`question_mark` as `?`, `ctrl+f` as `^f`."""
    return _SHOWN.get(key, key.replace("ctrl+", "^"))


@cache
def pressed(key: str) -> str:
    """What Textual calls a key that a user may have spelt as its character."""
    return next(iter(Binding.make_bindings([Binding(key, "")]))).key
