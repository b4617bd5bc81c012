"""Choosing what to compare a session with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from wsreplay.errors import UsageError
from wsreplay.store.paths import typed_path
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.trace.sessions import numbered, there_are
from wsreplay.tui.diff.alignment import Side
from wsreplay.tui.diff.candidates import Candidate, read_candidates
from wsreplay.tui.jobs.jobs import Jobs
from wsreplay.tui.recording.open_recording import LOCKED_S
from wsreplay.tui.recording.stitching import Stitch, stitcher
from wsreplay.tui.screens.filtered_list import Sort
from wsreplay.tui.screens.picker import Picker, PickerItem
from wsreplay.tui.widgets.table import Column
from wsreplay.units import duration_text

READING = "reading the sessions"
COLUMNS = (
    Column("user", 18), Column("session", 7), Column("began", 19, gives_way=1, beside=14),
    Column("lasted", 8, right=True, gives_way=2, beside=14), Column("file", 0, path=True),
)  # fmt: skip
SORTS = (
    Sort("place", lambda _item: 0), Sort("user", lambda item: item.cells[0].casefold()),
    Sort("time", lambda item: tuple(-ord(character) for character in item.cells[2])),
)  # fmt: skip


def parse_side(text: str, path: Path, stitched: Stitch) -> Side:
    """`3`, `#3`, `other.db` or `other.db#3`, of the working folder or of that of the recording; `stitched` makes its sessions.
    Raises WsreplayError."""
    text = text.strip()
    if "#" in text:
        name, _, number = text.rpartition("#")
    else:
        name, number = ("", text) if text.isdecimal() else (text, "1")
    wanted = numbered(number)
    if not wanted:
        raise UsageError("the first session is number 1")
    other = typed_path(name) if name else path
    if not other.is_file() and (beside := path.parent / other).is_file():
        other = beside
    if not other.is_file():
        raise UsageError(f"there is no recording {other}")
    with Recording.open(other, LOCKED_S) as reader:
        sessions = stitched(reader)
    if wanted > len(sessions):
        raise UsageError(f"{other.name} has no session {wanted}: {there_are(sessions)}")
    return other, wanted


class PartnerPicker(Picker[Side]):
    """Answers with the session to compare `own` with. `folder` holds the others, in its folders too where it `is_deep`."""

    def __init__(self, own: Side, folder: Path, contract: str | None, read_as: ReadAs, *, is_deep: bool) -> None:
        super().__init__(f"Compare session {own[1]} with", COLUMNS, SORTS, "or type a session's number, FILE or FILE#SESSION")
        self._own, self._folder, self._is_deep = own, folder, is_deep
        # Where users are named: this contract, and the reader before it.
        self._contract, self._read_as = contract, read_as
        self.jobs = Jobs(self, lambda: self.host.processes, lambda _name, _why: self._take(None))

    def on_mount(self) -> None:
        self.fill([], f"{READING} …")
        read = partial(read_candidates, self._own, self._folder, self._is_deep, self._contract, self._read_as)
        self.jobs.run_in_thread(READING, read, self._take)

    def _take(self, candidates: Sequence[Candidate] | None) -> None:
        """Some of them; None: these were all."""
        items = [*self.items, *(self._item(candidate) for candidate in candidates or ())]
        users = max((len(item.cells[0]) for item in items), default=0)
        self.table.fit_columns({"user": users})
        self.fill(items, "No other session is here." if candidates is None else f"{READING} …")
        if not items and candidates is None and not self.filter.typing:
            self.field.focus()

    def _item(self, candidate: Candidate) -> PickerItem[Side]:
        lasted = "open" if candidate.lasted_ns is None else duration_text(candidate.lasted_ns)
        number = str(candidate.side[1])
        return PickerItem(candidate.side, (candidate.user, number, candidate.began, lasted, candidate.name))

    def parse(self, text: str) -> Side:
        return parse_side(text, self._own[0], stitcher(self._contract, self._read_as))
