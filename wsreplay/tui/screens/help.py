"""Help, made from the bindings themselves: what a key does here, and the id by which it can be given another."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget

from wsreplay.display import fit
from wsreplay.tui.config import config_path
from wsreplay.tui.look.keys import shown
from wsreplay.tui.messages import QueryLeft, QueryTyped
from wsreplay.tui.recording.facts import DetailLine
from wsreplay.tui.screens.base import BaseScreen
from wsreplay.tui.widgets.detail import Detail
from wsreplay.tui.widgets.head import head_runs
from wsreplay.tui.widgets.list_filter import ListFilter, is_kept
from wsreplay.tui.widgets.status_line import StatusLine

_ROOMS = {
    "recordings": "recordings", "sessions": "sessions", "listing": "what the list shows", "session": "session",
    "trace": "findings in the list", "findings": "findings", "waterfall": "waterfall", "statistics": "statistics",
    "diff": "diff", "playback": "player",
    "keep": "marks, copies, files", "screen": "everywhere", "app": "everywhere", "list": "lists", "detail": "detail",
}  # fmt: skip
_SIGNS = (
    ("✗ error", "▲ warning", "◆ missing: it never came", "⇅ out of order", "◷ late"),
    ("→ follows from the finding above it, and is counted apart",),
    ("▶ client to server", "◀ server to client", "▎ witness of the finding", "⚑ mark"),
    ("● recording", "◌ the recorder is silent", "■ ended", "╳ ended without a clean close"),
)
_FILTER = (
    ('type:tool_* user:u1 "timeout"', "terms separated by spaces must all match"),
    ("a | b", "!a", "(…)", "| means or, ! means not"),
    ("/tool.*failed/i", "$.tool_name=search*", "$.error"),
    ("fields: type dir op conn session user thread run sev rule size t",),
    ("dir:s2c", "op:ping", "sev>=warning", "size>10kB", "t>=1:30"),
)


_COLUMN, _KEYS = 48, 13  # cells
_GAP = 2
_BETWEEN = 6


class HelpScreen(BaseScreen):
    """What can be done on the screen below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "back", "Back", id="help.back", show=False),
        Binding("slash", "filter", "Search", id="help.search", show=False),
        Binding("i", "names", "Show the names of actions, for the configuration file", id="help.names", show=False),
    ]

    DEFAULT_CSS = "HelpScreen #help { width: 1fr; height: 1fr; }"

    def __init__(self, below: Screen[object]) -> None:
        super().__init__()
        self._below = below
        # Whether the names of actions stand beside the keys.
        self._with_names = False
        self.head = StatusLine(id="head")
        self.filter = ListFilter(id="filter")
        self.text = Detail(id="help")
        self.foot = StatusLine(id="foot")

    def compose(self) -> Iterable[Widget]:
        yield self.head
        yield self.filter
        yield self.text
        yield self.foot

    def on_mount(self) -> None:
        self.paint_lines()
        self.text.border_title = "keys"
        self._fill()
        self.text.focus()

    def _fill(self) -> None:
        bindings, keys = self._collect_bindings(), dict(self.host.config.keys)
        words, with_names = self.filter.text, self._with_names
        self.text.show(lambda width: help_lines(bindings, keys, width, words, with_names=with_names))

    def paint_lines(self) -> None:
        self.head.say(head_runs(self.look, "help", type(self._below).__name__.removesuffix("Screen").lower()))
        hints = (
            ("screen.back", "back"), ("help.search", "search"), ("detail.down detail.up", "scroll"),
            ("help.names", "names of keys"),
        )  # fmt: skip
        self.foot.say([], keys=hints)

    def action_help(self) -> None:
        self.action_back()

    def action_names(self) -> None:
        self._with_names = not self._with_names
        self._fill()

    async def action_filter(self) -> None:
        await self.filter.begin()

    def on_query_typed(self, _message: QueryTyped) -> None:
        self._fill()

    def on_query_left(self, message: QueryLeft) -> None:
        if not message.keep:
            self.filter.clear()
        self.filter.end()
        self.text.focus()
        self._fill()

    def action_escape(self) -> None:
        """Clear the search, then back."""
        if self.filter.clear():
            self._fill()
        else:
            super().action_escape()

    def _collect_bindings(self) -> list[Binding]:
        """Every binding with an id that holds on the screen below."""
        bindings: dict[str, Binding] = {}
        for node in (self._below, *self._below.walk_children(), self.app):
            for kind in type(node).__mro__:
                for binding in vars(kind).get("BINDINGS", ()):
                    if isinstance(binding, Binding) and binding.id and binding.id.partition(".")[0] in _ROOMS:
                        bindings.setdefault(binding.id, binding)
        return list(bindings.values())


def help_lines(
    bindings: Iterable[Binding], keys: Mapping[str, str], width: int, words: str = "", *, with_names: bool = False
) -> list[DetailLine]:
    """The keys by room side by side, then the signs and, where frames are filtered, how; of all that what has the words.

    `with_names` shows beside each key the name by which a configuration can give it to something else.
    """
    rooms: dict[str, list[str]] = {}
    has_frames = False
    for binding in bindings:
        assert binding.id is not None
        has_frames |= binding.id == "session.filter"
        pressed = ", ".join(shown(key) for key in keys.get(binding.id, binding.key).split(","))
        room = _ROOMS[binding.id.partition(".")[0]]
        text = f"{pressed:<{_KEYS}}{binding.description}"
        if is_kept(f"{room} {text} {binding.id}", words):
            rooms.setdefault(room, []).append(f"{text:<{_COLUMN + _KEYS}}{binding.id}" if with_names else text)
    names = sorted(rooms, key=list(_ROOMS.values()).index)
    blocks = [[name, *_jumps_folded(rooms[name])] for name in names]
    lines = _side_by_side(blocks, 1 if with_names else max(1, width // _COLUMN))
    for title, rows in (("signs", _SIGNS), ("filter", _FILTER if has_frames else ())):
        kept = [[text for text in row if is_kept(f"{title} {text}", words)] for row in rows]
        if texts := [text for row in kept for text in _wrapped(row, width)]:
            lines += [("head", title), *(("plain", text) for text in texts), ("plain", "")]
    if with_names and lines:
        how = f'[keys] in {config_path()}: the name on the right = "keys"'
        lines += [("head", "other keys"), *(("plain", part) for part in textwrap.wrap(how, width, break_on_hyphens=False))]
    return lines or [("dim", "Nothing here has these words.")]


def _side_by_side(blocks: Sequence[list[str]], count: int) -> list[DetailLine]:
    """Blocks of lines, each with a head, in so many columns of about the same height, in their order from the top down."""
    if count == 1:
        lines: list[DetailLine] = []
        for head, *rest in blocks:
            lines += [("head", head), *(("plain", text) for text in rest), ("plain", "")]
        return lines
    whole = sum(len(block) + 1 for block in blocks)
    columns: list[list[str]] = [[]]
    for head, *rest in blocks:
        if len(columns[-1]) + len(rest) / 2 > whole / count and len(columns) < count:
            columns.append([])
        columns[-1] += [f"{head}:", *(f"  {text}" for text in rest), ""]
    rows = zip_longest(*columns, fillvalue="")
    return [("plain", "".join(f"{fit(text, _COLUMN - _GAP):<{_COLUMN}}" for text in row).rstrip()) for row in rows]


def _wrapped(texts: Sequence[str], width: int) -> list[str]:
    """As many on a line as there is room for."""
    lines: list[str] = []
    for text in texts:
        if lines and len(lines[-1]) + _BETWEEN + len(text) <= width:
            lines[-1] += " " * _BETWEEN + text
        else:
            lines.append(text)
    return lines


def _jumps_folded(lines: list[str]) -> list[str]:
    """The ten keys that jump to a share of the session are one line."""
    jumps = [line for line in lines if " Jump to " in line]
    rest = [line for line in lines if line not in jumps]
    return [*rest, f"{'0 … 9':<{_KEYS}}Jump to 0 … 90 %"] if jumps else rest
