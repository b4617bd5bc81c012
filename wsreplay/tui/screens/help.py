"""Help, made from the bindings themselves: what a key does here, and the id by which it can be given another."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget

from wsreplay.tui.config import config_path
from wsreplay.tui.look.keys import shown
from wsreplay.tui.recording.facts import DetailLine
from wsreplay.tui.screens.base import BaseScreen
from wsreplay.tui.widgets.detail import Detail
from wsreplay.tui.widgets.head import head_runs
from wsreplay.tui.widgets.status_line import StatusLine

_ROOMS = {
    "recordings": "recordings", "sessions": "sessions", "listing": "what is wrong", "session": "session",
    "trace": "findings in the list", "findings": "findings", "waterfall": "waterfall", "statistics": "statistics",
    "diff": "diff", "player": "player",
    "keep": "marks, copies, files", "screen": "everywhere", "app": "everywhere", "list": "lists", "detail": "detail",
}  # fmt: skip
_SIGNS = (
    "✗ error      ▲ warning      ◆ missing: it never came      ⇅ out of order      ◷ late",
    "▶ client to server      ◀ server to client      ▎ witness of the finding      ⚑ mark",
    "● recording      ◌ the recorder is silent      ■ ended      ╳ ended without a clean close",
)
_FILTER = (
    'type:tool_* user:u1 "timeout"      terms separated by spaces must all match',
    "a | b      !a      (…)      | means or, ! means not",
    "/tool.*failed/i      $.tool_name=search*      $.error",
    "fields: type dir op conn session user thread run sev rule size t",
    "dir:s2c      op:ping      sev>=warning      size>10kB      t>=1:30",
)


class HelpScreen(BaseScreen):
    """What can be done on the screen below."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark", "back", "Back", id="help.back", show=False)]

    DEFAULT_CSS = "HelpScreen #help { width: 1fr; height: 1fr; }"

    def __init__(self, below: Screen[object]) -> None:
        super().__init__()
        self._below = below
        self.head = StatusLine(id="head")
        self.text = Detail(id="help")
        self.foot = StatusLine(id="foot")

    def compose(self) -> Iterable[Widget]:
        yield self.head
        yield self.text
        yield self.foot

    def on_mount(self) -> None:
        self.paint_lines()
        self.text.border_title = "keys"
        bindings, keys = self._collect_bindings(), dict(self.host.config.keys)
        self.text.show(lambda width: help_lines(bindings, keys, width))
        self.text.focus()

    def paint_lines(self) -> None:
        self.head.say(head_runs(self.look, "help", type(self._below).__name__.removesuffix("Screen").lower()))
        self.foot.say([], keys=(("screen.back", "back"), ("detail.down detail.up", "scroll")))

    def action_help(self) -> None:
        self.action_back()

    def _collect_bindings(self) -> list[Binding]:
        """Every binding with an id that holds on the screen below."""
        bindings: dict[str, Binding] = {}
        for node in (self._below, *self._below.walk_children(), self.app):
            for kind in type(node).__mro__:
                for binding in vars(kind).get("BINDINGS", ()):
                    if isinstance(binding, Binding) and binding.id and binding.id.partition(".")[0] in _ROOMS:
                        bindings.setdefault(binding.id, binding)
        return list(bindings.values())


def help_lines(bindings: Iterable[Binding], keys: Mapping[str, str], width: int) -> list[DetailLine]:
    """The keys by room, then the signs and the filter language."""
    rooms: dict[str, list[DetailLine]] = {}
    for binding in bindings:
        assert binding.id is not None
        pressed = ", ".join(shown(key) for key in keys.get(binding.id, binding.key).split(","))
        text = f"{pressed:<16}{binding.description:<38}"
        room = rooms.setdefault(_ROOMS[binding.id.partition(".")[0]], [])
        room.append(("plain", f"{text}{binding.id}" if width > 80 else text))
    lines: list[DetailLine] = []
    for name in sorted(rooms, key=list(_ROOMS.values()).index):
        lines += [("head", name), *_jumps_folded(rooms[name]), ("plain", "")]
    lines += [("head", "signs"), *(("plain", text) for text in _SIGNS), ("plain", "")]
    lines += [("head", "filter"), *(("plain", text) for text in _FILTER), ("plain", "")]
    ids = "the id on the right" if width > 80 else "an id, which a wider terminal shows here,"
    how = f"[keys] in {config_path()}: {ids} = \"keys\""
    return [*lines, ("head", "other keys"), *(("plain", part) for part in textwrap.wrap(how, width, break_on_hyphens=False))]


def _jumps_folded(lines: list[DetailLine]) -> list[DetailLine]:
    """The ten keys that jump to a share of the session are one line."""
    jumps = [line for line in lines if "player.jump_" in line[1] or " Jump to " in line[1]]
    rest = [line for line in lines if line not in jumps]
    return [*rest, ("plain", f"{'0 … 9':<16}Jump to 0 … 90 %")] if jumps else rest
