"""Filtering and searching a list of frames by the query bar."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from wsreplay.errors import FilterError
from wsreplay.tui.host import ScreenHost
from wsreplay.tui.jobs.jobs import RecordingJobs
from wsreplay.tui.recording.rows import Rows
from wsreplay.tui.recording.scan import ScanResult, matching_ids, near_match, next_match
from wsreplay.tui.recording.view import Anchor
from wsreplay.tui.widgets.frame_list import FrameList
from wsreplay.tui.widgets.query_bar import QueryBar

if TYPE_CHECKING:
    from wsreplay.trace.filter import Filter

FILTERING, SEARCHING, COUNTING = "filtering", "searching", "counting what is searched"


class SearchController:
    """The filter and the search of one list, which the user types, and their answers, which come from jobs.

    `show` shows the rows after they have changed, `highlight` makes a text visible wherever it stands.
    """

    def __init__(
        self, host: ScreenHost, rows: Rows, frames: FrameList, bar: QueryBar, jobs: RecordingJobs, show: Callable[[], object],
        highlight: Callable[[str], object],
    ) -> None:  # fmt: skip
        self._highlight = highlight
        self._host = host
        self._rows = rows
        self._frames = frames
        self._bar = bar
        self._jobs = jobs
        self._show = show
        # The filter that was asked, whether its last answer is still to come, and whether its job failed.
        self._asked: Filter | None = None
        self._is_waiting = False
        self._is_stopped = False
        # Whether there is another verdict than the one that the filter is being asked with.
        self._is_outdated = False
        # Before the user began to change the filter: its text, and what the cursor stood on.
        self._before = ""
        self._stood_on: Anchor | None = None
        # Whether the cursor returns there as soon as the rows are those of before.
        self._is_to_return = False
        # The frame that was found last.
        self._match: int | None = None
        # The frames that hold what is searched, as far as they are counted, and whether that is all; and what was counted: the
        # text, in which frames.
        self._found: array[int] | None = None
        self._is_counted = False
        self._counted: tuple[str, Sequence[int], int] | None = None

    async def begin(self, *, searching: bool) -> None:
        """Let the user type."""
        self._jobs.prepare()
        self._is_to_return = False
        if not self._bar.typing:
            is_last = self._frames.cursor >= self._frames.count - 1  # there is nowhere to return to: the end moves on
            self._before = self._bar.filter_text
            self._stood_on = None if is_last else self._frames.view.anchor(self._frames.cursor)
        await self._bar.begin(searching=searching)

    def typed(self) -> None:
        """What is typed stood still for a moment: answer while it is typed."""
        if self._bar.searching:
            self.find(from_here=True)
        else:
            self.filter(self._bar.filter_text)

    def left(self, keep: bool) -> None:
        """Enter, or Escape, which gives up what was typed."""
        bar = self._bar
        if keep and bar.mistake is not None and not bar.searching:
            self._host.notify(self._host.look.own(bar.mistake), title="not a valid filter", severity="warning", markup=False)
            return
        bar.end()
        self._frames.focus()
        if bar.searching:
            self.find(from_here=True) if keep else self.stop_searching()
        else:
            self.filter(bar.filter_text if keep else bar.keep(self._before))
        self._is_to_return = not keep
        if not self._is_waiting:
            self._return()

    def _return(self) -> None:
        """What was typed was given up: the cursor stands again where it stood."""
        view = self._frames.view
        if self._is_to_return and self._stood_on is not None and len(view):
            self._frames.move_to(view.row_of_anchor(self._stood_on), centre=True)
        self._is_to_return = False

    # Filtering.

    def filter(self, text: str) -> None:
        """Show what the filter lets through; the rows stay until the first answer. The bar says what is wrong with a text."""
        from wsreplay.trace import filter as filters

        try:
            asked = filters.parse(text)
        except FilterError:
            return
        if asked.is_empty:
            self._drop()
        elif self._asked is None or str(asked) != str(self._asked) or self._is_stopped:
            self._ask(asked)

    def narrow(self, term: str) -> None:
        """Let through only what fits a term too."""
        self.filter(self._bar.keep(f"{self._bar.filter_text} {term}".strip()))

    def ask_again(self) -> None:
        """The session is known as a whole now: what was asked before was asked of a part."""
        if self._asked is not None:
            self._ask(self._asked)

    def verdict_changed(self) -> None:
        """What was asked about findings is asked again, once the last answer is there: live, verdicts come all the time."""
        if self._asked is None or not self._asked.needs_judgement:
            return
        if self._is_waiting:
            self._is_outdated = True
        else:
            self._ask(self._asked)

    def _ask(self, asked: Filter) -> None:
        scan, place = self._rows.scan(asked), self._place_in_base()
        self._asked, self._is_stopped, self._is_waiting, self._is_outdated = asked, False, True, False
        work = partial(matching_ids, scan, self._rows.ask(asked), place)
        self._jobs.read_in_process(FILTERING, work, self._take_matches)
        self.say(0.0)

    def _place_in_base(self) -> int:
        """Where in all frames the list stands now: what is in sight is looked at first."""
        view = self._frames.view
        if not view.frames:
            return 0
        top = min(view.index_of_row(self._frames.scroll_offset.y), view.frames - 1)
        if view.ids is self._rows.base:
            return top
        return min(bisect_left(self._rows.base, view.ids[top]), max(0, len(self._rows.base) - 1))

    def _take_matches(self, result: ScanResult) -> None:
        asked = self._asked
        if asked is None:
            return
        if result.before or result.after or result.finished:
            self._rows.take_matches(asked, result)
            self._show()
        self.say(1.0 if result.finished else result.done)
        if result.finished:
            self._is_waiting = False
            self._return()
            if self._is_outdated:
                self._ask(asked)

    def grown(self) -> None:
        """The recording has more frames, and the filter has been asked about them."""
        if self._asked is not None and not self._is_stopped and not self._jobs.is_running(FILTERING):
            self.say()

    def say(self, done: float = 1.0) -> None:
        """What the rows are narrowed to: how many the filter lets through, whether only marked ones are shown."""
        rows = self._rows
        counted = f"{len(rows.matches or ()):,} of {len(rows.base):,}" if rows.matches is not None or done < 1.0 else ""
        so_far = f"  {done:.0%}" if done < 1.0 else ""
        if self._asked is not None and self._asked.needs_judgement and not rows.recording.evidence.is_there:
            so_far += "   no verdict"
        marked = f"{'   ' * bool(counted)}marked only" if rows.only_marked else ""
        all_again = f"   {self._host.look.key('keep.only_marked')} shows all" if rows.only_marked else ""
        self._bar.say(
            lambda look: [
                (counted, look.style("text")), (so_far, look.style("dim")), (marked, look.style("word")),
                (all_again, look.style("dim")),
            ]
        )  # fmt: skip

    def job_failed(self, name: str) -> None:
        """Something could not be done; where it was one of these questions, it can be asked again."""
        if name in (FILTERING, SEARCHING):
            if name == FILTERING:
                self._is_stopped = True
                self._is_waiting = self._is_to_return = False
                self._rows.give_up()
            self._bar.say(lambda look: [(f"{name} stopped", look.style("warning"))])

    def clear(self) -> bool:
        """Show everything again; whether there was a filter, or only marked rows were shown."""
        was_marked = self._rows.only_marked
        if was_marked:
            self._rows.marked_only(False)
        return self._drop(anew=was_marked)

    def _drop(self, *, anew: bool = False) -> bool:
        """Forget the filter; whether there was one, or the rows are to be shown `anew` in any case."""
        was = self._asked is not None or anew
        self._jobs.cancel(FILTERING)
        self._asked, self._is_waiting = None, False
        self._bar.clear()
        if was:
            self._rows.unfiltered()
            self._show()
        self.say()
        return was

    # Searching.

    def find(self, forward: bool = True, *, from_here: bool = False) -> None:
        """Find the next frame whose payload holds the text."""
        needle = self._bar.search_text
        view = self._frames.view
        if not needle or not view.frames:
            return
        self._highlight(needle)
        here = min(view.index_of_row(self._frames.cursor), view.frames - 1)
        start = here if not forward or from_here else here + 1
        where = self._rows.scan(text_filter(needle)), view.ids[: view.frames], start, forward
        look_on = partial(self._jobs.read_in_process, SEARCHING, partial(next_match, *where), partial(self._matched, needle))
        # What is near is found sooner than a process has started.
        self._jobs.read_in_thread(SEARCHING, partial(near_match, *where), partial(self._matched_near, needle, look_on))
        self._bar.say(lambda look: [("searching", look.style("dim"))])

    def _matched_near(self, needle: str, look_on: Callable[[], object], frame_id: int | None) -> None:
        """Found among the next frames; if not, the others are to be looked at."""
        if frame_id is None:
            look_on()
        else:
            self._matched(needle, frame_id)

    def _matched(self, needle: str, frame_id: int | None) -> None:
        if frame_id is None:
            is_all = self._rows.matches is None and not self._rows.only_marked and self._rows.horizon is None
            where = "no frame" if is_all else "none of the frames that are shown"
            self._bar.say(lambda look: [(look.own(f"— in {where}: {needle}"), look.style("warning"))])
            return
        if not self._frames.view.holds(frame_id):
            self.find(from_here=True)  # other rows are shown by now
            return
        row = self._frames.view.row_of_frame(frame_id)
        is_only = row == self._frames.cursor and frame_id == self._match
        self._match = frame_id
        self._say_found(needle, is_only=is_only)
        self._frames.move_to(row, centre=True)
        self._count(needle)

    def _count(self, needle: str) -> None:
        """Count the frames that hold a text, once for the frames that are shown."""
        view = self._frames.view
        counted = needle, view.ids, view.frames
        if self._counted is not None and self._counted[0] == needle and self._counted[1:] == counted[1:]:
            return
        self._counted, self._found, self._is_counted = counted, None, False
        work = partial(matching_ids, self._rows.scan(text_filter(needle)), view.ids[: view.frames], 0)
        self._jobs.read_in_process(COUNTING, work, partial(self._take_count, needle))

    def _take_count(self, needle: str, result: ScanResult) -> None:
        if self._found is None:
            self._found = array("Q")
        self._found = result.added_to(self._found)
        self._is_counted = result.finished
        self._say_found(needle)

    def _say_found(self, needle: str, *, is_only: bool = False) -> None:
        """What was found, which of how many it is, and how to go on."""
        counted = ""
        if self._found is not None and self._match is not None:
            count = len(self._found)
            counted = f"{bisect_left(self._found, self._match) + 1:,} of {count:,}{'' if self._is_counted else '+'}   "
            is_only = is_only or (self._is_counted and count == 1)
        ways = "the only frame" if is_only else self._ways_on()
        self._bar.say(lambda look: [(look.own(f"found {needle}   {counted}{ways}"), look.style("dim"))])

    def _ways_on(self) -> str:
        key = self._host.look.key
        return f"{key('session.next_match')} next  {key('session.previous_match')} previous"

    def stop_searching(self) -> bool:
        """Whether something was searched."""
        was = bool(self._frames.needle)
        self._jobs.cancel(SEARCHING)
        self._jobs.cancel(COUNTING)
        self._counted = self._found = None
        if was:
            self._highlight("")
            self.say()
        return was


def text_filter(needle: str) -> Filter:
    """A filter for payloads that hold a text as it is."""
    from wsreplay.trace.filter import Filter
    from wsreplay.trace.filter.ast import Text

    return Filter(Text(needle))
