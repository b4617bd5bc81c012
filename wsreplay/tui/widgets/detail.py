"""The detail of what the cursor stands on: its payload as JSON, raw or in hex, its facts, its findings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Region
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from wsreplay.decode import Event
from wsreplay.display import is_structured
from wsreplay.model import Frame, Opcode
from wsreplay.tui.hosted import Themed
from wsreplay.tui.look.paint import Run, line
from wsreplay.tui.messages import NodeAsked, PaneChosen
from wsreplay.tui.recording import layout
from wsreplay.tui.recording.decoded_heads import document_text
from wsreplay.tui.recording.facts import DetailLine, LineKind
from wsreplay.tui.recording.summary import close_parts

if TYPE_CHECKING:
    from wsreplay.tui.recording.json_tree import JsonNode

PANES = ("json", "raw", "hex", "meta", "findings")
HIGHLIGHTED_CELLS = 4096
WHEEL = 3  # lines
_TOKEN = r"""(?P<key>"(?:[^"\\]|\\.)*"(?=\s*:)) | (?P<string>"(?:[^"\\]|\\.)*"?)
      | (?P<number>-?\d[\d.eE+-]*) | (?P<word>true|false|null)"""

Layout = Callable[[int], list[DetailLine]]
RowNodes = Callable[[int], "Sequence[JsonNode | None]"]
"""The node in each line that a layout gives for a width."""


class Detail(Themed, Widget, can_focus=True):
    """Shows lines; which ones, its screen says. Lines are wrapped for the width and painted as they are seen.

    It scrolls by itself: a ScrollView lays the whole screen out anew whenever its content gets another height, and this one's
    has another at each row the cursor goes to.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_lines(-1)", "Up", id="detail.up", show=False),
        Binding("down,j", "scroll_lines(1)", "Down", id="detail.down", show=False),
        Binding("pageup,ctrl+u", "scroll_pages(-1)", "Page up", id="detail.page_up", show=False),
        Binding("pagedown,ctrl+d", "scroll_pages(1)", "Page down", id="detail.page_down", show=False),
        Binding("home,g", "scroll_pages(-1000000)", "Top", id="detail.first", show=False),
        Binding("end,G", "scroll_pages(1000000)", "End", id="detail.last", show=False),
        Binding("space", "ask('fold')", "Fold or unfold the node", id="detail.fold", show=False),
        Binding("z", "await_fold", "Fold: za the node, zM all, zR none", id="detail.fold_prefix", show=False),
        Binding("p", "ask('path')", "Copy the path of the node", id="detail.copy_path", show=False),
        Binding("P", "ask('value')", "Copy the value of the node", id="detail.copy_value", show=False),
        Binding("equals_sign", "ask('filter')", "Filter by the value of the node", id="detail.filter", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        # Which of PANES is shown.
        self.pane = "json"
        # The first line in sight; what makes lines for a width, the lines, and for which width (-1: to be made anew).
        self.top = 0
        self._make: Layout = lambda _width: []
        self._laid: list[DetailLine] = []
        self._laid_for = -1
        # What is made visible.
        self._needle = ""
        # Of a tree, the row of the cursor, which node stands in each row for a width, and whether a key for folding is to come.
        self.cursor = 0
        self._nodes_of: RowNodes | None = None
        self._row_nodes: Sequence[JsonNode | None] | None = None
        self._awaits_fold = False

    def show(self, make: Layout, *, keep_place: bool = False, nodes_of: RowNodes | None = None) -> None:
        """Show what `make` lays out for a width in cells; of JSON, `nodes_of` gives the node of each of these lines."""
        before = self._in_sight()
        self._make = make
        self._nodes_of, self._row_nodes = nodes_of, None
        self._laid_for = -1
        if not keep_place:
            self.top = self.cursor = 0
            if self.is_attached and self.text_selection is not None:
                self.screen.clear_selection()  # it was of another text
        self._lay()
        self._repaint_from(before)

    def show_pane(self, pane: str) -> None:
        """Name the panes in the border, this one as the chosen one."""
        if self.pane == pane and self.border_title:
            return
        self.pane = pane
        self.border_title = " ".join(f"[b u]{name}[/]" if name == pane else f"[$ws-dim]{name}[/]" for name in PANES)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Lay out for the width it has now: a widget that is mounted late is not always told of its first size."""
        self._lay()
        return super().render_lines(crop)

    def _lay(self) -> None:
        room = self.size.width - 1  # the last column is the scroll bar's
        if room > 0 and room != self._laid_for:
            self._laid_for = room
            self._laid, self._row_nodes = self._make(room), None
        self.top = max(0, min(self.top, len(self._laid) - self.size.height))
        self.cursor = max(0, min(self.cursor, len(self._laid) - 1))

    def find(self, needle: str) -> None:
        """Make a text visible wherever it stands in a line."""
        if needle != self._needle:
            self._needle = needle
            self.refresh()

    def _in_sight(self) -> list[tuple[DetailLine | None, bool]]:
        """What each line shows, and whether the scroll bar's thumb is beside it."""
        return [(self._line(y), self._has_thumb(y)) for y in range(self.size.height)]

    def _repaint_from(self, before: list[tuple[DetailLine | None, bool]]) -> None:
        """Paint the lines that changed: one payload often looks like the one before it, and most of the pane is empty."""
        changed = [y for y, (now, was) in enumerate(zip(self._in_sight(), before, strict=False)) if now != was]
        if changed:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    def _line(self, y: int) -> DetailLine | None:
        row = self.top + y
        return self._laid[row] if row < len(self._laid) else None

    @property
    def text(self) -> str:
        """What the pane holds, as plain text."""
        return "\n".join(text for _, text in self._laid)

    def render_line(self, y: int) -> Strip:
        room = max(0, self.size.width - 1)
        kind, text = self._line(y) or ("plain", "")
        text = self._shown(text)
        runs = self._coloured(text) if kind in ("json", "code") else [(text, self._style(kind))]
        is_cursor = self.has_focus and self._nodes_of is not None and self.top + y == self.cursor
        ground = self.look.ground("cursor" if is_cursor else "ground")
        thumb, style = self._bar(y)
        strip = self._with_matches(line(runs, room, ground), text)
        shown = self._selected(strip, text, self.top + y).apply_offsets(0, self.top + y)
        return Strip([*shown, Segment(thumb, ground + style)], room + 1)

    # What the mouse selects.

    def _selected(self, strip: Strip, text: str, row: int) -> Strip:
        """A line with what is selected of it made visible."""
        selection = self.text_selection
        span = selection.get_span(row) if selection is not None else None
        if span is None:
            return strip
        return self._over(strip, text, span[0], span[1] if span[1] >= 0 else len(text))

    def _with_matches(self, strip: Strip, text: str) -> Strip:
        """A line with what is searched in it made visible."""
        needle = self.look.safe(self._needle)
        at = text.find(needle) if needle else -1
        while at >= 0:
            strip = self._over(strip, text, at, at + len(needle))
            at = text.find(needle, at + len(needle))
        return strip

    def _over(self, strip: Strip, text: str, first: int, end: int) -> Strip:
        """A line with its characters from one to another on the ground of what is found."""
        cells = cell_len(text[:first]), min(cell_len(text[:end]), strip.cell_length)
        if cells[0] >= cells[1]:
            return strip
        before, over, *rest = strip.divide([*cells, strip.cell_length])
        ground = self.look.style("strong", on="match")
        covered = Strip([Segment(text, style + ground if style else ground) for text, style, _ in over], over.cell_length)
        return Strip.join([before, covered, *rest])

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What is selected, as it is shown."""
        first = selection.start or Offset(0, 0)
        last = selection.end or Offset(HIGHLIGHTED_CELLS, len(self._laid) - 1)
        lines = [self._shown(text) for _, text in self._laid[first.y : last.y + 1]]
        if not lines:
            return None
        lines[-1] = lines[-1][: last.x]
        lines[0] = lines[0][first.x :]
        return "\n".join(lines), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def _shown(self, text: str) -> str:
        return self.look.own(text[:HIGHLIGHTED_CELLS])

    def _bar(self, y: int) -> Run:
        """The scroll bar's cell in a line."""
        thumb = self.look.signs.thumb if self._has_thumb(y) else " "
        return thumb, self.look.style("faint" if self.has_focus else "line")

    def _has_thumb(self, y: int) -> bool:
        height, count = self.size.height, len(self._laid)
        if count <= height:
            return False
        length = max(1, height * height // count)
        first = (height - length) * self.top // max(1, count - height)
        return first <= y < first + length

    def _style(self, kind: LineKind) -> Style:
        if kind in ("head", "accent"):
            return self.look.style("accent", bold=kind == "head")
        if kind in ("error", "warning", "ok"):
            return self.look.style(kind, bold=True)
        return self.look.style("dim" if kind in ("dim", "info") else "text")

    def _coloured(self, text: str) -> list[Run]:
        runs: list[Run] = []
        done = 0
        for match in re.finditer(_TOKEN, text, re.VERBOSE):
            runs.append((text[done : match.start()], self.look.style("dim")))
            runs.append((match[0], self.look.style(match.lastgroup or "text")))
            done = match.end()
        runs.append((text[done:], self.look.style("dim")))
        return runs

    def action_scroll_lines(self, lines: int) -> None:
        """Of a tree the cursor moves, and what is in sight with it."""
        if self._nodes_of is None:
            self._scroll_by(lines)
            return
        self.cursor = max(0, min(self.cursor + lines, len(self._laid) - 1))
        self.top = min(max(self.top, self.cursor - self.size.height + 1), self.cursor)
        self.refresh()

    def action_scroll_pages(self, pages: int) -> None:
        self.action_scroll_lines(pages * max(1, self.size.height - 2))

    def _scroll_by(self, lines: int) -> None:
        self.top = max(0, min(self.top + lines, len(self._laid) - self.size.height))
        self.refresh()

    # Of a tree.

    def node(self) -> JsonNode | None:
        """The node at the cursor."""
        if self._nodes_of is None:
            return None
        if self._row_nodes is None:
            self._row_nodes = self._nodes_of(self._laid_for)
        return self._row_nodes[self.cursor] if self.cursor < len(self._row_nodes) else None

    def move_to_node(self, path: str) -> None:
        """Put the cursor on the first line of a node."""
        self.node()
        rows = (row for row, node in enumerate(self._row_nodes or ()) if node is not None and node.path == path)
        self.action_scroll_lines(next(rows, self.cursor) - self.cursor)

    def action_ask(self, what: str) -> None:
        node = self.node()
        if node is None:
            raise SkipAction  # the key means something else elsewhere
        self.post_message(NodeAsked(what, node))

    def action_await_fold(self) -> None:
        if self._nodes_of is None:
            raise SkipAction
        self._awaits_fold = True

    def on_key(self, event: events.Key) -> None:
        """The second key of za, zM and zR."""
        awaited, self._awaits_fold = self._awaits_fold, False
        what = {"a": "fold", "M": "fold_all", "R": "unfold_all"}.get(event.key)
        if awaited and what is not None:
            event.stop()
            self.action_ask(what)

    def on_focus(self, _event: events.Focus) -> None:
        self.refresh()

    def on_blur(self, _event: events.Blur) -> None:
        self._awaits_fold = False
        self.refresh()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._scroll_by(WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._scroll_by(-WHEEL)

    def on_click(self, event: events.Click) -> None:
        """A click on a pane's name in the border chooses it, one beside the text scrolls there."""
        offset = event.get_content_offset(self)
        if offset is None and event.y == 0:
            at = event.x - 2
            for pane in PANES:
                if 0 <= at < len(pane):
                    self.post_message(PaneChosen(pane))
                at -= len(pane) + 1
        elif offset is not None and offset.x == self.size.width - 1:
            self.top = 0
            self._scroll_by(len(self._laid) * offset.y // max(1, self.size.height) - self.size.height // 2)
        elif offset is not None and self._nodes_of is not None:
            self.cursor = min(self.top + offset.y, len(self._laid) - 1)
            self.refresh()


class LaidPayload(NamedTuple):
    """A payload as lines, and how many bytes of its text are not in them."""

    lines: list[DetailLine]
    rest: int = 0


def payload_lines(frame: Frame, pane: str) -> LaidPayload:
    """A frame's payload as text: what takes long of its layout, and is the same for every width."""
    if not frame.payload:
        return LaidPayload([("dim", "no payload")])
    if pane == "json" and frame.opcode == Opcode.CLOSE:
        code, reason = close_parts(frame.payload)
        lines = [f"code   {'none' if code is None else code}", *([f"reason {reason}"] if reason else [])]
        return LaidPayload([("plain", text) for text in lines])
    pretty = layout.json_lines(frame.payload) if pane == "json" else None
    if pretty:
        return LaidPayload([("json", text) for text in pretty.lines], pretty.rest)
    raw = layout.raw_lines(frame.payload)
    return LaidPayload([("plain", text) for text in raw.lines], raw.rest)


def event_lines(events: Sequence[Event], contract_name: Callable[[str], str | None]) -> LaidPayload:
    """The events of a frame as text: of each its type, what it answers, what a strict reader would say, and its document."""
    lines: list[DetailLine] = []
    room = layout.SHOWN_BYTES
    rest = 0
    for event in events:
        lines += [("plain", "")] if lines else []
        lines += _event_heading(event, contract_name)
        document = layout.json_lines(document_text(event))
        if document is not None:
            shown = layout.shortened(document, room)
            room -= sum(map(len, shown.lines))
            rest += shown.rest
            lines += [("json", text) for text in shown.lines]
        lines += [
            ("dim", f"attachment {number}: {len(data):,} bytes") for number, data in enumerate(event.attachments, 1)
        ]
    return LaidPayload(lines, rest)


def _event_heading(event: Event, contract_name: Callable[[str], str | None]) -> Iterator[DetailLine]:
    words = [event.name or "no type"]
    ours = contract_name(event.name)
    if ours is not None:
        words.append(f"({ours})")
    if event.id is not None and not event.name.endswith(f"#{event.id}"):
        words.append(f"#{event.id}")
    if event.request is not None:
        words.append(f"answers frame {event.request.frame}")
    yield "head", "  ".join(words)
    if event.warning:
        yield "warning", event.warning


def payload_layout(frame: Frame, pane: str, shown: layout.Shown, rest_key: str, laid: LaidPayload | None = None) -> Layout:
    """How a frame's payload is laid out in a pane; `laid` are its `payload_lines`, where they are known.

    `rest_key` is the key for what the pane does not show.
    """
    is_binary = frame.opcode == Opcode.BINARY and pane == "json" and laid is None and not (
        is_structured(frame.payload) and layout.json_lines(frame.payload) is not None)
    if (pane == "hex" or is_binary) and frame.payload:
        hex_lines, more = partial(layout.hex_lines, frame.payload), _more(len(frame.payload) - layout.SHOWN_BYTES, rest_key)
        return lambda width: [*(("plain", text) for text in hex_lines(width)), *layout.wrapped(more, width, shown)]
    lines, rest = payload_lines(frame, pane) if laid is None else laid
    more = _more(rest, rest_key)
    return lambda width: [*layout.broken(lines, width, shown), *layout.wrapped(more, width, shown)]


def _more(rest: int, key: str) -> list[DetailLine]:
    note = layout.cut_note(rest, key)
    return [("dim", note)] if note else []
