"""Rows by number: frames, ghosts between them, a horizon. Compared with the plain list they stand for."""

from __future__ import annotations

from array import array
from bisect import bisect_left

from example_count import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tui.recording.conftest import FRAMES, MS, placed_items
from wsreplay.errors import CorruptRecording, RecordingError
from wsreplay.store import paging
from wsreplay.store.paging import Head
from wsreplay.store.reader import Recording
from wsreplay.tui.recording.extra_rows import when
from wsreplay.tui.recording.view import Pages, View


class Counted:
    """A reader that counts what it is asked, and refuses it while `error` is set."""

    def __init__(self, reader: Recording) -> None:
        self._reader = reader
        self.reads = 0
        self.error: RecordingError | None = None

    def query(self, sql: str, parameters=()):
        self.reads += 1
        if self.error is not None:
            raise self.error
        return self._reader.query(sql, parameters)


ids = st.sets(st.integers(1, FRAMES), max_size=60).map(sorted) | st.just(range(1, FRAMES + 1))

places = st.lists(st.integers(0, FRAMES + 5), max_size=12).map(sorted)


def rows_of(view: View) -> list[object]:
    rows = [view.row(number) for number in range(len(view))]
    return [row.id if isinstance(row, Head) else row for row in rows]


@settings(max_examples=examples(30), deadline=None)
@given(ids=ids, places=places, horizon=st.none() | st.integers(-1, FRAMES))
def test_a_view_is_the_list_of_frames_with_ghosts_and_faults_before_the_first_frame_after_them(reader, ids, places, horizon):
    ids = ids if isinstance(ids, range) else array("Q", ids)
    ghosts = placed_items(places)
    view = View(reader, ids, ghosts)
    view.set_horizon(None if horizon is None else horizon * MS)
    plain: list[object] = [frame_id for frame_id in ids if horizon is None or frame_id - 1 <= horizon]
    shown = [ghost for ghost in ghosts if horizon is None or when(ghost) <= horizon * MS]
    for ghost in reversed(shown):
        plain.insert(bisect_left(list(ids), ghost.before_id), ghost)
    rows = [view.row(number) for number in range(len(view))]
    assert [row.id if isinstance(row, Head) else row for row in rows] == plain
    for number, row in enumerate(rows):
        anchor = view.anchor(number)
        if isinstance(row, Head):
            assert view.row_of_frame(row.id) == number and view.holds(row.id)
            assert view.row_of_anchor(anchor) == number
        elif view.frames:
            assert view.row(view.row_of_anchor(anchor)) == row


moves = st.lists(st.tuples(st.sampled_from(["horizon", "ids"]), st.none() | st.integers(-1, FRAMES)), max_size=12)


@settings(max_examples=examples(30), deadline=None)
@given(ids=ids, places=places, moves=moves, late=st.sampled_from([0, 40]))
def test_a_view_that_is_moved_is_the_one_that_would_be_made_anew_and_counts_what_changed(reader, ids, places, moves, late):
    ids, items = list(ids), placed_items(places, known_after=late)
    view = View(reader, ids[: len(ids) // 2], items)
    for move, value in [*moves, ("ids", FRAMES)]:
        before, rows = (view.version, view.extra_version), rows_of(view)
        extra_rows = view.extra_rows()
        if move == "horizon":
            view.set_horizon(None if value is None else value * MS)
        else:
            view.set_ids(ids[: max(len(view.ids), value or 0)])
        anew = View(reader, view.ids, items)
        anew.set_horizon(view.horizon)
        assert rows_of(view) == rows_of(anew) and view.extra_rows() == anew.extra_rows()
        assert rows_of(view) == rows or view.version > before[0]
        assert view.extra_rows() == extra_rows or view.extra_version > before[1]
        again = view.version, view.extra_version
        view.set_horizon(view.horizon)
        assert again == (view.version, view.extra_version)


@settings(max_examples=examples(40), deadline=None)
@given(
    ids=ids, places=places, horizon=st.none() | st.integers(-1, FRAMES), at=st.integers(-2, FRAMES + 8),
    half=st.booleans(), steps=st.sampled_from([1, -1]),
)  # fmt: skip
def test_the_next_time_is_the_next_of_all_whatever_the_horizon_hides(reader, ids, places, horizon, at, half, steps):
    items, t_ns = placed_items(places, known_after=40), at * MS + half * MS // 2
    view = View(reader, ids, items)
    view.set_horizon(None if horizon is None else horizon * MS)
    times = [*((frame_id - 1) * MS for frame_id in ids), *map(when, items)]
    if steps > 0:
        assert view.next_time(t_ns, 1) == min((time for time in times if time > t_ns), default=None)
    else:
        assert view.next_time(t_ns, -1) == max((time for time in times if time < t_ns), default=None)


def test_the_next_time_takes_few_reads(reader):
    counted = Counted(reader)
    view = View(counted, range(1, FRAMES + 1))
    assert view.next_time(200 * MS, 1) == 201 * MS and view.next_time(200 * MS, -1) == 199 * MS
    assert counted.reads <= 2 * (FRAMES.bit_length() + 1)
    counted.error = RecordingError("locked by another program")
    assert view.next_time(200 * MS, 1) is None and view.next_time(200 * MS, -1) is None


def test_what_a_locked_file_does_not_give_is_asked_for_once_a_second_and_when_there_is_more(reader):
    now = [10.0]
    counted = Counted(reader)
    pages = Pages(counted, range(1, 101), clock=lambda: now[0])
    counted.error = RecordingError("locked by another program")
    assert [pages.head(index) for index in range(100)] == [None] * 100
    assert counted.reads == 1 and pages.trouble
    assert {pages.time(index) for index in range(100)} == {0}
    assert counted.reads == 2
    counted.error = None
    assert pages.head(5) is None and pages.known_time(5) is None and counted.reads == 2
    now[0] += 1.1
    assert pages.head(5).id == 6 and counted.reads == 3
    counted.error = RecordingError("locked by another program")
    pages.replace_ids(range(1, 201))
    assert pages.head(150) is None and pages.head(151) is None and pages.known_time(150) is None
    counted.error = None
    pages.replace_ids(range(1, 301))
    assert pages.head(150).id == 151 and pages.known_time(200) == 200 * MS


def test_a_page_with_a_hole_is_not_read_for_every_row(reader):
    now = [10.0]
    counted = Counted(reader)
    pages = Pages(counted, range(FRAMES - 50, FRAMES + 51), clock=lambda: now[0])
    assert [pages.head(index) is None for index in range(101)] == [False] * 51 + [True] * 50
    assert counted.reads == 1
    pages.replace_ids(range(FRAMES - 50, FRAMES + 52))
    assert [pages.head(index) is None for index in range(102)] == [False] * 51 + [True] * 51
    assert counted.reads == 2


def test_damage_in_one_place_does_not_hide_the_times_of_others(reader):
    counted = Counted(reader)
    pages = Pages(counted, range(1, FRAMES + 1))
    counted.error = CorruptRecording("damaged")
    assert pages.known_time(7) is None
    counted.error = None
    assert pages.known_time(8) == 8 * MS


def test_paging_never_scans(reader):
    """The statements of the paging path look rows up by key; one over the whole table would take longer with every frame."""
    statements = [
        (paging.BY_RANGE, (1, 128)), (paging.by_ids(3), (1, 2, 3)), (paging.TIME_OF, (5,)), (paging.FIRST_OF, (1,)),
        (paging.LAST_OF, (1,)), (paging.PIECE_OF, (1, 1, 100)), ("SELECT min(id) FROM frame", ()),
        ("SELECT max(id) FROM frame", ()),
    ]  # fmt: skip
    for sql, parameters in statements:
        plan = " ".join(str(row[3]) for row in reader.query(f"EXPLAIN QUERY PLAN {sql}", parameters))
        assert "SCAN" not in plan or "SEARCH" in plan, (sql, plan)
        assert "TEMP B-TREE" not in plan, (sql, plan)
