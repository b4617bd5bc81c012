"""Two sessions compared: what is the same, what changed, what only one has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from wsreplay.diff.conversation import DROP, END, OPEN, ComparedMessage
from wsreplay.diff.rows import Kind, Row
from wsreplay.model import Direction
from wsreplay.tui.diff.alignment import Alignment, RowPayloads, Side, aligned
from wsreplay.tui.diff.json_lines import changed_fields, difference
from wsreplay.tui.diff.list import DiffList
from wsreplay.tui.diff.row_filter import SORTS, WORDS, narrow
from wsreplay.tui.look.paint import Run
from wsreplay.tui.messages import RowChosen, RowMoved
from wsreplay.tui.recording.layout import wrapped
from wsreplay.tui.screens.base import BaseScreen
from wsreplay.tui.screens.filtered_list import FilteredList
from wsreplay.tui.widgets.detail import Detail
from wsreplay.tui.widgets.head import head_runs
from wsreplay.tui.widgets.status_line import StatusLine

ALIGNING, FILTERING = "aligning", "filtering"
NOTHING = Alignment((), Counter(), 0)
_NAMES = {Kind.SAME: "the same, ids and times aside", Kind.CHANGED: "changed", Kind.MOVED: "in another order",
          Kind.ONLY_A: "only in A", Kind.ONLY_B: "only in B"}  # fmt: skip


class DiffScreen(BaseScreen, FilteredList):
    """Enter looks into a pair; `]` and `[` go to the next and the previous difference.

    `contract` says where ids stand; None: the usual one.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_square_bracket", "difference(1)", "Next difference", id="diff.next", show=False),
        Binding("left_square_bracket", "difference(-1)", "Previous difference", id="diff.previous", show=False),
        Binding("tab", "turn", "To the other pane", id="diff.turn", show=False),
        Binding("x", "leave_out", "Leave out events of this type", id="diff.leave_out", show=False),
        Binding("X", "compare_all", "Compare all types again", id="diff.compare_all", show=False),
    ]

    DEFAULT_CSS = """
    DiffScreen #pairs { height: 2fr; }
    DiffScreen #difference { width: 1fr; height: 1fr; }
    """

    def __init__(self, a: Side, b: Side, contract: str | None) -> None:
        super().__init__()
        self.begin_filtering(SORTS)
        # All rows, of which the list shows those that the filter lets through.
        self.rows: Sequence[Row] = ()
        self._counts: Counter[Kind] = Counter()
        # Types that are left out, as `--ignore-type` takes them; and how many events of which type were.
        self._ignore_types: list[str] = []
        self._left_out: Mapping[str, int] = {}
        self.a, self.b, self.contract = a, b, contract
        self.payloads = RowPayloads(a[0]), RowPayloads(b[0])
        self.head = StatusLine(id="head")
        self.list = DiffList(*self.payloads, id="pairs")
        self.detail = Detail(id="difference")
        self.foot = StatusLine(id="foot")
        self.jobs = self.jobs_of(a[0])

    def compose(self) -> Iterable[Widget]:
        yield self.head
        yield self.filter
        yield self.list
        yield self.detail
        yield self.foot

    def on_mount(self) -> None:
        self.list.border_title = f"A session {self.a[1]}  |  B session {self.b[1]}"
        self.detail.border_title = "difference"
        self.list.set_empty_lines(["", f"{ALIGNING} …"])
        self.list.focus()
        self.paint_lines()
        self._align()

    def _align(self) -> None:
        self.jobs.cancel(ALIGNING)
        sessions = self.a[1], self.b[1]
        work = partial(aligned, self.b[0], sessions, self.contract, self.host.read_as, tuple(self._ignore_types))
        self.jobs.read_in_process(ALIGNING, work, self._aligned)

    def job_failed(self, name: str, why: str) -> None:
        if name == ALIGNING:
            self._aligned(NOTHING, why)
        else:
            super().job_failed(name, why)

    def on_unmount(self) -> None:
        for payloads in self.payloads:
            payloads.close()

    def _aligned(self, alignment: Alignment, why: str = "") -> None:
        back = f"{self.look.key('screen.back')} goes back"
        self.list.set_empty_lines(["", why, back] if why else ["", "Both sessions are empty."])
        self.rows, self._counts, first, self._left_out = alignment
        self.list.fill(self.rows)
        self.list.move_to(first, centre=True, quiet=True)
        self.paint_lines()
        self._show_pair()
        if self._is_narrowed:
            self.show_items()

    @property
    def _is_narrowed(self) -> bool:
        """Whether the list is not simply all rows in their order."""
        return bool(self.filter.text) or self.sort is not SORTS[0]

    def show_items(self) -> None:
        self.jobs.cancel(FILTERING)
        if self._is_narrowed:
            self.filter.say_working()
            work = partial(narrow, self.rows, self.filter.text, self.sort.key, (self.a[0], self.b[0]))
            self.jobs.run_in_thread(FILTERING, work, self._narrowed)
        else:
            self._narrowed(self.rows)

    def _narrowed(self, rows: Sequence[Row]) -> None:
        """The cursor stays on its row, where that is still shown."""
        here = self.list.rows[self.list.cursor] if self.list.rows else None
        if self.rows:
            self.list.set_empty_lines(["", "No row contains this text.", f"{self.look.key('screen.escape')} shows all of them"])
        self.list.fill(rows)
        self.filter.say_count(len(rows), len(self.rows))
        self.list.move_to(next((number for number, row in enumerate(rows) if row is here), 0), centre=True, quiet=True)
        self.paint_lines()
        self._show_pair()

    def focus_rows(self) -> None:
        self.list.focus()

    def on_row_moved(self, message: RowMoved) -> None:
        if message.sender is self.list:
            self._show_pair()

    def _show_pair(self) -> None:
        if not self.list.rows:
            self.detail.border_title = "difference"
            self.detail.show(lambda _width: [])
            return
        row = self.list.rows[self.list.cursor]
        lines = [*changed_fields(row.fields), *difference(self._payload(0, row.a), self._payload(1, row.b))]
        self.detail.border_title = _NAMES[row.kind]
        self.detail.show(lambda width: wrapped(lines, width, self.look.own))

    def _payload(self, side: int, message: ComparedMessage | None) -> bytes | None:
        return None if message is None else self.payloads[side].of(message)

    def paint_lines(self) -> None:
        look = self.look
        (path_a, number_a), (path_b, number_b) = self.a, self.b
        sides = f"A session {number_a}", f"B session {number_b}"
        if path_a == path_b:
            self.head.say(head_runs(look, "comparison", *sides, path_a.name), self._aside())
        else:
            names = f"{sides[0]} {path_a.name}", f"{sides[1]} {path_b.name}"
            self.head.say(head_runs(look, "comparison", *names), self._aside())
        counted = [f"{self.list.sign(kind)} {self._counts[kind]:,} {word}".strip() for kind, word in WORDS.items()]
        self.list.border_subtitle = f" {look.signs.dot} ".join(counted)
        keys = (
            ("diff.next", "next difference"), ("diff.previous", "previous"), ("diff.turn", "other pane"),
            ("listing.filter", "filter"), ("listing.sort", "sort"), ("screen.back", "back"),
            ("diff.leave_out", "leave this type out"),
        )  # fmt: skip
        self.foot.say([], look.keys(("app.help", "help")), keys=keys)

    def _aside(self) -> list[Run]:
        """What is not compared, and by what the rows are sorted, where that is not as usual."""
        left_out = ", ".join(f"{self.look.safe(type_)} {count:,}" for type_, count in self._left_out.items())
        runs = [(f"not compared: {left_out} ", self.look.style("dim"))] if left_out else []
        return [*runs, *self.order_runs()]

    def on_row_chosen(self, _message: RowChosen) -> None:
        self.detail.focus()

    def action_turn(self) -> None:
        (self.list if self.detail.has_focus else self.detail).focus()

    def action_difference(self, steps: int) -> None:
        rows = range(self.list.cursor + 1, len(self.list.rows)) if steps > 0 else range(self.list.cursor - 1, -1, -1)
        row = next((row for row in rows if self.list.rows[row].kind is not Kind.SAME), None)
        if row is None:
            self.notify("No more differences below." if steps > 0 else "No differences above.")
        else:
            self.list.move_to(row, centre=True)

    def action_leave_out(self) -> None:
        if not self.list.rows:
            return
        message = self.list.rows[self.list.cursor].said
        if message.name == END:
            self._ignore_types += [END, DROP]  # however it ended
        else:
            side = "" if message.name == OPEN else f"{Direction(message.direction).short}:"
            self._ignore_types.append(side + message.name)
        self._align()

    def action_compare_all(self) -> None:
        if self._ignore_types:
            self._ignore_types.clear()
            self._align()

    def action_escape(self) -> None:
        """To the list, clear the filter, then back."""
        if self.detail.has_focus:
            self.list.focus()
        elif not self.clear_filter():
            super().action_escape()
