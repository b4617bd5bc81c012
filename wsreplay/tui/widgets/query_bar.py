"""The line for a filter or a search: what is asked, what is wrong with it, how far the answer is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.timer import Timer

from wsreplay.errors import FilterError
from wsreplay.tui.hosted import Themed
from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.look.paint import Run, fitted
from wsreplay.tui.messages import QueryTyped
from wsreplay.tui.user_state import Kind
from wsreplay.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from textual.widgets import Input

    from wsreplay.tui.widgets.query_input import QueryInput

DEBOUNCE_S = 0.15
_AROUND = 8  # cells of the bar that neither what is typed nor what is wrong with it takes
DETAIL, LIST = ("list.open", "detail"), ("screen.escape", "back to the list")  # on a narrow screen one hides the other
HINTS = (
    ("session.filter", "filter"), ("session.search", "search"), ("trace.next_finding", "next finding"),
    ("session.findings", "findings"), ("session.waterfall", "waterfall"), ("playback.play", "play"),
    ("playback.go_to", "go to"), ("trace.witness", "witness"), ("keep.mark", "mark"), ("session.diff", "compare"),
    ("screen.back", "back"),
)  # fmt: skip


Said = Callable[[Appearance], list[Run]]


def _nothing(_look: Appearance) -> list[Run]:
    return []


class QueryBar(Themed, Horizontal):
    """A filter (`/`) is live while typed; a search (`^f`) looks for text. Errors stand on the right, underlined on the left."""

    DEFAULT_CSS = """
    QueryBar { height: 1; background: $ws-ground; }
    QueryBar QueryInput { height: 1; width: 1fr; display: none; }
    QueryBar #query-label { width: auto; padding: 0 0 0 1; display: none; }
    QueryBar #query-idle { width: 1fr; }
    QueryBar.-typing QueryInput, QueryBar.-typing #query-label { display: block; }
    QueryBar.-typing #query-idle { display: none; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        # whether it is the search that is asked now, or the filter; the text of each stays
        self.searching = False
        self.filter_text = ""
        self.search_text = ""
        # why what was typed is not a filter; None: it is one
        self.mistake: str | None = None
        self._idle = StatusLine(id="query-idle", ground="ground")
        # made after the first rows
        self._label: StatusLine | None = None
        self._state: StatusLine | None = None
        self._input: QueryInput | None = None
        # runs while the user types; then the query is told
        self._pause: Timer | None = None
        self._said: Said = _nothing

    def compose(self) -> ComposeResult:
        yield self._idle

    def on_mount(self) -> None:
        self._paint()

    @property
    def text(self) -> str:
        return self.search_text if self.searching else self.filter_text

    @property
    def _kind(self) -> Kind:
        """What is asked, as it is remembered."""
        return "searches" if self.searching else "filters"

    @property
    def typing(self) -> bool:
        return self.has_class("-typing")

    async def make_ready(self) -> None:
        """Make the rest: after the first rows are on the screen, and before the user asks for it."""
        if self._input is None:
            from wsreplay.tui.widgets.query_input import QueryInput

            self._input = QueryInput()
            self._label = StatusLine(id="query-label", ground="ground")
            self._state = StatusLine(id="query-state", ground="ground")
            labelled = self.mount(self._label, before=self._idle)
            await self.mount(self._input, self._state)  # both are asked for before either is awaited: a key may come between
            await labelled
            self._paint()

    async def begin(self, *, searching: bool) -> None:
        """Let the user type."""
        self.searching = searching
        await self.make_ready()
        assert self._input is not None
        self._input.placeholder = "text to find" if searching else 'type:tool_* user:u1 sev>=warning "timeout" $.path=value'
        self._input.value = self.text
        self._input.cursor_position = len(self.text)
        self._input.recall_from(self.host.user_state.texts(self._kind))
        self._input.action_select_all()  # what is typed takes the place of what was asked before
        self.add_class("-typing")
        self.screen.set_focus(self._input)
        self._paint()

    def end(self) -> None:
        """The user typed enough."""
        if self._pause is not None:
            self._pause.stop()
        if self.searching or self.mistake is None:
            self.host.user_state.keep_text(self._kind, self.text)
        self.remove_class("-typing")
        self._paint()

    def clear(self) -> None:
        """Forget the filter."""
        self.keep("")
        self.say()

    def keep(self, text: str) -> str:
        """The filter that is kept, whatever was typed."""
        self.filter_text, self.mistake = text, None
        self._paint()
        return text

    def say(self, state: Said = _nothing) -> None:
        """How far the answer is, on the right; in the colours that the look has when it is painted."""
        self._said = state
        self._paint()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value == self.text:
            return
        if self.searching:
            self.search_text = event.value
        else:
            self.filter_text = event.value
            self._check(event.value)
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(DEBOUNCE_S, self._tell)
        self._paint()

    def _check(self, text: str) -> None:
        assert self._input is not None
        self.mistake = self._input.underlined.position = None
        from wsreplay.trace import filter as filters

        try:
            filters.parse(text)
        except FilterError as error:
            self.mistake, self._input.underlined.position = error.message, error.position
        self._input.refresh()

    def _tell(self) -> None:
        if self.searching or self.mistake is None:
            self.post_message(QueryTyped(self.text))

    def _paint(self) -> None:
        look = self.look
        shown = self._said(look)
        if self.mistake is not None and self.typing:
            words = f"{look.signs.warning} {look.own(self.mistake)}"
            width = self.size.width
            room = max(width * 2 // 5, width - cell_len(self.text) - _AROUND)  # what was typed stays in sight
            if cell_len(words) > room:
                words = fitted(words, room, ellipsis=look.signs.ellipsis)
            shown = [(words, look.style("warning"))]
        if self._state is not None:
            self._state.fit(shown)
        accent = look.style("accent", bold=True)
        if self._label is not None:
            self._label.fit([("find" if self.searching else "/", accent)])
        if self.filter_text:
            self._idle.say([("/ ", accent), (look.safe(self.filter_text), look.style("strong"))])
        else:
            self._idle.say([], keys=self._hints())

    def hint(self) -> None:
        """The panes are arranged otherwise now, or the look is another: other keys are worth a hint."""
        self._paint()

    def _hints(self) -> Sequence[tuple[str, str]]:
        if self.screen.has_class("-detail-only"):
            return (LIST, *HINTS)
        return (DETAIL, *HINTS) if self.screen.has_class("-narrow") else HINTS
