"""Choosing from a list that can be narrowed and sorted, or typing what is not in it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, Generic, NamedTuple, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from wsreplay.errors import WsreplayError
from wsreplay.tui.look.paint import Run
from wsreplay.tui.messages import RowChosen
from wsreplay.tui.screens.filtered_list import FilteredList, Sort
from wsreplay.tui.widgets.error_guard import ErrorGuard
from wsreplay.tui.widgets.plain_input import PlainInput
from wsreplay.tui.widgets.status_line import StatusLine
from wsreplay.tui.widgets.table import Column, Table

Answer = TypeVar("Answer")
TYPED_AT_ONCE = frozenset("0123456789#.~")  # no key of a list: numbers and paths need not be asked for
_AROUND = 14  # lines of the terminal that the rows do not take


class PickerItem(NamedTuple, Generic[Answer]):
    """An answer, and what stands in its row, a text a column: of strangers, too."""

    answer: Answer
    cells: tuple[str, ...]


class Picker(ErrorGuard, ModalScreen["Answer | None"], FilteredList, Generic[Answer]):
    """Answers with what was chosen or typed, or None where the user gave up. `hint` says what can be typed."""

    DEFAULT_CSS = """
    Picker { align: center middle; background: $ws-ground 60%; }
    Picker Vertical { width: 100; max-width: 95%; height: auto; max-height: 95%; padding: 1 2; }
    Picker Vertical { background: $ws-raised; border: $ws-edge $ws-accent; }
    Picker Input.-textual-compact { background: $ws-ground; }
    Picker Label { width: 1fr; height: auto; }
    Picker #complaint { color: $ws-warning; }
    Picker StatusLine { padding: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "cancel", "Cancel", id="picker.cancel", show=False),
        Binding("tab", "turn", "To the field, or to the list", id="picker.type", show=False),
        Binding("up", "highlight(-1)", "Up", id="picker.up", show=False),
        Binding("down", "highlight(1)", "Down", id="picker.down", show=False),
    ]

    def __init__(self, question: str, columns: Sequence[Column], sorts: Sequence[Sort], hint: str) -> None:
        super().__init__()
        self.begin_filtering(sorts)
        # all there are, and those that are shown, in their order
        self.items: Sequence[PickerItem[Answer]] = ()
        self.rows: Sequence[PickerItem[Answer]] = ()
        self._question = question
        self.titles = StatusLine(id="titles")
        self.table = Table(columns, self._cells_of, self._answer_of, id="answers")
        self.field = PlainInput(placeholder=hint, compact=True)
        self._complaint = Label("", id="complaint", markup=False)
        self.keys = StatusLine(id="keys")

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(self.look.own(self._question), id="question", markup=False)
            yield self.filter
            yield self.titles
            yield self.table
            yield self.field
            yield self._complaint
            yield self.keys

    @abstractmethod
    def parse(self, text: str) -> Answer:
        """The answer that was typed. Raises WsreplayError, which is said below the field."""

    def check(self, answer: Answer) -> None:
        """Raises WsreplayError where an answer that was chosen will not do."""

    def on_mount(self) -> None:
        self.table.focus()
        self._paint_keys()

    def on_resize(self, _event: events.Resize) -> None:
        self._share_height()
        self.call_after_refresh(self._paint_titles)

    # Rows.

    def fill(self, items: Sequence[PickerItem[Answer]], empty: str, *, at: Answer | None = None) -> None:
        """Show these, or what stands there where there are none; the cursor on an answer."""
        self.items = items
        self.table.set_empty_lines(["", empty])
        self.show_items()
        if at is not None:
            self.table.move_to(next((row for row, item in enumerate(self.rows) if item.answer == at), 0), quiet=True)

    def show_items(self) -> None:
        here = self.rows[self.table.cursor].answer if self.rows else None
        self.rows = self.arranged(self.items, lambda item: "\t".join(item.cells))
        self.filter.say_count(len(self.rows), len(self.items))
        if self.items:
            self.table.set_empty_lines(["", "No row contains this text."])
        self.table.set_count(len(self.rows))
        self._share_height()
        self.table.move_to(next((row for row, item in enumerate(self.rows) if item.answer == here), 0), quiet=True)
        self._paint_titles()
        self._paint_keys()

    def focus_rows(self) -> None:
        self.table.focus()

    def _answer_of(self, row: int) -> Answer | None:
        return self.rows[row].answer if row < len(self.rows) else None

    def _cells_of(self, row: int) -> list[list[Run]]:
        look = self.look
        first, *others = self.rows[row].cells
        return [[(look.safe(first), look.style("strong"))], *[[(look.own(text), look.style("dim"))] for text in others]]

    def _share_height(self) -> None:
        rows = max(3, min(max(1, len(self.rows)), self.app.size.height - _AROUND))
        self.table.styles.height = rows + 2  # its border

    def _paint_titles(self) -> None:
        self.titles.say(self.table.heading(self.table.content_size.width + 1))

    def _paint_keys(self) -> None:
        keys = (
            ("list.open", "choose"), ("listing.filter", "filter"), ("listing.sort", "sort"), ("picker.type", "type one"),
            ("picker.cancel", "cancel"),
        )  # fmt: skip
        self.keys.say(self.order_runs(), keys=keys)

    # Keys.

    def on_row_chosen(self, message: RowChosen) -> None:
        if message.name is not None:
            self._settle(partial(self._checked, message.name))

    def _checked(self, answer: Answer) -> Answer:
        self.check(answer)
        return answer

    def _settle(self, answer: Callable[[], Answer]) -> None:
        """Give the answer, or say what is wrong with it."""
        try:
            settled = answer()
        except WsreplayError as error:
            self._complaint.update(self.look.own(str(error)))
        else:
            self.dismiss(settled)

    def on_key(self, event: events.Key) -> None:
        """What begins a number or a path is typed into the field."""
        if self.table.has_focus and event.character is not None and event.character in TYPED_AT_ONCE:
            event.stop()
            self._type(event.character)

    def on_paste(self, event: events.Paste) -> None:
        """What is pasted is a path, or a number."""
        if self.table.has_focus:
            event.stop()
            self._type(event.text.partition("\n")[0])

    def _type(self, text: str) -> None:
        self.field.focus()
        self.field.insert_text_at_cursor(text)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """What was typed, else the row of the cursor."""
        if event.value:
            self._settle(partial(self.parse, event.value))
        else:
            self.table.action_choose()

    def action_turn(self) -> None:
        (self.table if self.field.has_focus else self.field).focus()

    def action_highlight(self, rows: int) -> None:
        self.table.focus()
        self.table.action_move(rows)

    def action_cancel(self) -> None:
        """Clear the filter, then give up."""
        if not self.clear_filter():
            self.dismiss(None)
