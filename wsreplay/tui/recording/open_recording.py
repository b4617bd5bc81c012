"""An open recording, and what is known of it so far."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Self

from wsreplay.decode import PLAIN
from wsreplay.errors import WsreplayError
from wsreplay.model import Connection, Mark, Run, Session
from wsreplay.store import paging
from wsreplay.store.access import PATIENCE_S
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import AS_RECORDED, Choices, ReadAs
from wsreplay.trace.frame_reading import FrameReading
from wsreplay.trace.links import Links
from wsreplay.tui.recording.clock import ClockForm, ShownClock, last_ns
from wsreplay.tui.recording.evidence import MOST_LOADED, NO_EVIDENCE, Evidence
from wsreplay.tui.recording.known_spans import KnownSpans, SpanNews
from wsreplay.tui.recording.stitching import find_users

if TYPE_CHECKING:
    from wsreplay.contract import Contract
    from wsreplay.tui.recording.extra_rows import PlacedRow

SESSION_PIECE = 50_000
MOST_ASKED = 100  # connections of which the head says what they are read by
LINKED_AT_ONCE = 5_000  # frames of a recording that grows
LOCKED_S = 0.05  # a key does not wait longer for a program that has locked the file


class OpenRecording:
    """One recording for one interface: its reader for the UI's thread, its sessions, its evidence.

    Jobs open readers of their own by `path`. `read_as` says how, where the user does.
    """

    def __init__(self, reader: Recording, read_as: ReadAs = AS_RECORDED) -> None:
        self._take(reader)
        self.read_as = read_as
        self.path: Path = reader.path
        # What the validator says.
        self.evidence: Evidence = NO_EVIDENCE
        # The same as it came, without what was loaded since.
        self.told: Evidence = NO_EVIDENCE
        self.known_spans = KnownSpans()
        # What was recorded when: runs of the recorder, connections and sessions by their numbers.
        self.runs: list[Run] = []
        self.connections: dict[int, Connection] = {}
        self.sessions: list[Session] = []
        # By connection.
        self.session_of: dict[int, Session] = {}
        # All marks, and those on frames by the frame's id.
        self.marks: list[Mark] = []
        self.marked: dict[int, Mark] = {}
        # How many faults were injected, by connection, and the last that was counted.
        self.injected: dict[int | None, int] = {}
        self._last_fault = 0
        # What is known to stand between the frames.
        self.placed_rows: Sequence[PlacedRow] = ()
        # What its connections are read by, which contract says where their types are, and what links their frames.
        self.choices = Choices(read_as.decoder)
        self._contract: Contract | None = None
        # Who its connections belong to.
        self._users = find_users(None, read_as)
        self.reading = FrameReading(self.choices, Links())
        # Whether it is being written.
        self.live = False
        # Of the frames known so far.
        self.last_id = 0
        # How often connections came or changed.
        self.changes = 0
        self.refresh()

    @classmethod
    def open(cls, path: str | Path, read_as: ReadAs = AS_RECORDED, *, patience_s: float = PATIENCE_S) -> Self:
        """Open one, and wait so long for a program that has locked the file. Raises WsreplayError."""
        return cls(Recording.open(path, patience_s), read_as)

    def close(self) -> None:
        self.reader.close()

    def reopen(self) -> None:
        """Read the file from the disk again, with nothing left of what was read before. Raises WsreplayError."""
        before = dict(vars(self))
        self._take(Recording.open(self.path, patience_s=LOCKED_S))
        self.connections, self.sessions, self.session_of = {}, [], {}
        self._users = find_users(self._contract, self.read_as)
        self.injected, self._last_fault = {}, 0
        self._choose_decoders()
        try:
            self.refresh()
        except WsreplayError:
            self.reader.close()
            vars(self).update(before)
            raise
        before["reader"].close()

    def _take(self, reader: Recording) -> None:
        reader.wait_for_locks(LOCKED_S)
        self.reader = reader

    def refresh(self) -> None:
        """Read again what a recorder may have changed; all of it or, where it cannot be read, nothing."""
        reader = self.reader
        live, last_id, runs, marks = reader.live, reader.last_id(), reader.runs(), reader.marks()
        changed = reader.changed_connections(self.connections)
        faults = list(reader.counted_faults(self._last_fault))
        before = self.last_id
        self.live, self.last_id, self.runs = live, last_id, runs
        is_more_told = last_id > before and self._users.is_open()
        if changed or is_more_told:
            self.changes += 1
            self.connections |= {connection.id: connection for connection in changed}
            self._stitch()
        self._refresh_decoders(last_id)
        for connection_id, count, last in faults:
            self.injected[connection_id] = self.injected.get(connection_id, 0) + count
            self._last_fault = max(last, self._last_fault)
        self._set_marks(marks)

    def _stitch(self) -> None:
        self.sessions = self._users.stitch(self.reader, self.connections.values())
        self.session_of = {connection.id: session for session in self.sessions for connection in session.connections}

    # What its messages say.

    def read_by(self, contract: Contract | None) -> None:
        """Read types and users where this contract says that they are. Raises the errors of the RecordingError family."""
        if contract == self._contract:
            return
        self._contract = contract
        self._users = find_users(contract, self.read_as)
        self._stitch()
        self._choose_decoders()
        self._refresh_decoders(self.last_id)

    def _choose_decoders(self) -> None:
        if self._contract is None:
            self.choices = Choices(self.read_as.decoder)
            self.reading = FrameReading(self.choices, Links())
            return
        from wsreplay.contract.decoding import choices_of, frame_reading_of

        self.choices = choices_of(self._contract, self.read_as.decoder)
        self.reading = frame_reading_of(self.choices, Links(), self._contract)

    def _refresh_decoders(self, last_id: int) -> None:
        """Choose the decoders of new connections, and link what came since the links were taken."""
        until = self.reading.links.until
        if self.choices.refresh(self.reader, self.connections.values()) and until:
            self.reading.take_links(Links())  # what was linked was read otherwise
        elif until and until < last_id:
            self.reading.link(self.reader, min(last_id, until + LINKED_AT_ONCE))

    @property
    def is_unlinked(self) -> bool:
        """Whether answers are there, or may be, whose requests nobody has looked for yet."""
        return not self.reading.links.until and any(name != PLAIN for name in self.choices.names().values())

    def contract_name(self, type_: str) -> str | None:
        """What the contract calls an event of the product's, where that is another name."""
        name = type_ if self._contract is None else self._contract.map.name_of(type_)
        return None if name == type_ else name

    def take_evidence(self, evidence: Evidence) -> None:
        """The validator has found something else than before."""
        self.evidence = self.told = evidence

    def load_findings(self, pages: Iterable[int]) -> bool:
        """Take in what findings say that were not kept; whether there are more than before."""
        before = self.evidence
        for page in pages:
            if page not in self.evidence.loaded and page < len(self.evidence.packed):
                is_full = len(self.evidence.loaded) >= MOST_LOADED
                self.evidence = (self.told if is_full else self.evidence).with_page(page)
        return self.evidence is not before

    def take_spans(self, news: SpanNews) -> None:
        """The validator says what became of spans."""
        self.known_spans.take(news)

    def take_placed_rows(self, rows: Sequence[PlacedRow]) -> None:
        """It is known where faults and notes stand."""
        self.placed_rows = rows

    def refresh_marks(self) -> None:
        self._set_marks(self.reader.marks())

    def _set_marks(self, marks: list[Mark]) -> None:
        self.marks = marks
        self.marked = {mark.frame_id: mark for mark in self.marks if mark.frame_id is not None}

    def session(self, number: int | None) -> Session | None:
        """The session with this number, if there is one; None for None: the whole recording."""
        return self.sessions[number - 1] if number is not None and 1 <= number <= len(self.sessions) else None

    def session_now(self, session: Session) -> Session:
        """What a session became: connections that turn out to be of one user make one, and others get new numbers."""
        return self.session_of.get(session.connections[0].id, session)

    def decoder(self, connection_id: int) -> str:
        """What a connection's messages are read by, and why; "" for plain JSON."""
        choice = self.choices[connection_id]
        return "" if choice.plain else f"{choice.text}: {choice.reason}"

    def decoders(self, session: Session | None) -> list[str]:
        """What the messages of a session, or of the whole recording, are read by, unless it is plain JSON."""
        connections = session.connections if session else self.connections.values()
        choices = (self.choices[connection.id] for connection in islice(connections, MOST_ASKED))
        return list(dict.fromkeys(choice.text for choice in choices if not choice.plain))

    def users(self, session: Session | None) -> dict[int, str | None]:
        """The connections of a session, or of the whole recording, and whose they are."""
        sessions = [session] if session else self.sessions
        return {connection.id: connection.user for session in sessions for connection in session.connections}

    def faults(self, session: Session | None) -> int:
        """How many faults were injected into a session, or into the whole recording."""
        if session is None:
            return sum(self.injected.values())
        return sum(self.injected.get(number, 0) for number in (None, *(connection.id for connection in session.connections)))

    def placed_rows_of(self, session: Session | None) -> list[PlacedRow]:
        """The faults and notes of a session, or of the whole recording; a note is of every session that was open then."""
        if session is None:
            return list(self.placed_rows)
        if not self.placed_rows:
            return []
        connections = {None, *(connection.id for connection in session.connections)}
        from wsreplay.tui.recording.extra_rows import NoteRow  # the first rows do without

        return [
            row for row in self.placed_rows
            if (_was_open(session, row.mark.t_ns) if isinstance(row, NoteRow) else row.fault.connection_id in connections)
        ]  # fmt: skip

    def whole(self) -> range:
        first, last = paging.bounds(self.reader)
        return range(first, last + 1)

    def ids_at_once(self, session: Session | None) -> Sequence[int] | None:
        """The ids of a session's frames where they can be had without reading them all, else None."""
        whole = self.whole()
        if self.live:
            self.refresh()  # another session may have begun
        if session is None or len(self.sessions) == 1:
            return whole
        if len(session.connections) == 1:
            return paging.dense_range(self.reader, session.connections[0].id)
        return None

    def first_ids(self, session: Session) -> array[int]:
        """The first ids of a session's frames: enough for a screen, while a worker gathers all."""
        connections = [connection.id for connection in session.connections]
        return next(iter(paging.ids_in_pieces(self.reader, connections, step=SESSION_PIECE)), array("Q"))

    def start_ns(self, session: Session | None) -> int:
        return session.opened_ns if session else min((run.start_ns for run in self.runs), default=0)

    def clock(self, form: ClockForm, session: Session | None) -> ShownClock:
        """How the times of a session, or of the whole recording, are written and read."""
        is_of_all = session is None and form is ClockForm.SESSION
        shown = ClockForm.RECORDING if is_of_all else form
        return ShownClock(shown, self.start_ns(session), tuple(self.runs), last_ns(session, self.runs))

    def reached_ns(self, session: Session | None) -> int:
        """Where a session, or the recording, ends so far."""
        closed = session.closed_ns if session else None
        return closed if closed is not None else self.reader.reached_ns()


def _was_open(session: Session, t_ns: int) -> bool:
    return session.opened_ns <= t_ns and (session.closed_ns is None or t_ns <= session.closed_ns)
