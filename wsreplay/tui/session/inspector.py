"""What the detail shows of the row that the cursor stands on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wsreplay.decode import Event
from wsreplay.errors import WsreplayError
from wsreplay.model import Frame, Opcode, Session
from wsreplay.store.paging import Head
from wsreplay.store.reader import Recording
from wsreplay.trace.gaps import gap_text
from wsreplay.tui.host import ScreenHost
from wsreplay.tui.jobs.jobs import RecordingJobs
from wsreplay.tui.jobs.task import JobContext
from wsreplay.tui.recording.clock import ShownClock
from wsreplay.tui.recording.evidence import GhostRow
from wsreplay.tui.recording.extra_rows import EventRow, ExtraRow, FaultRow, NoteRow, OwedRow
from wsreplay.tui.recording.facts import DetailLine, fault_facts, finding_facts, frame_facts, kind_of, note_facts, owed_facts
from wsreplay.tui.recording.layout import SHOWN_BYTES, broken, wrapped
from wsreplay.tui.recording.open_recording import OpenRecording
from wsreplay.tui.widgets.detail import PANES, Detail, LaidPayload, Layout, RowNodes, event_lines, payload_layout, payload_lines

if TYPE_CHECKING:
    from wsreplay.tui.recording.json_tree import JsonNode
    from wsreplay.validator.findings import Finding

Item = Head | ExtraRow | None

LAYING = "formatting the payload"
_GAP: list[DetailLine] = [("plain", "")]  # before what is not the first


class Inspector:
    """Keeps a `Detail` at what is looked at. Payloads that take long are laid out beside the interface."""

    def __init__(
        self, host: ScreenHost, recording: OpenRecording, detail: Detail, jobs: RecordingJobs, session: Session | None
    ) -> None:  # fmt: skip
        self._host = host
        self._recording = recording
        self._detail = detail
        self._session = session
        self._jobs = jobs
        # The pane that the user chose.
        self.pane = PANES[0]
        # What is looked at, and the frame, if it is one that can be read.
        self.item: Item = None
        self.frame: Frame | None = None
        # The events to show in the place of the payload.
        self._events: tuple[Event, ...] = ()
        # The frame's payload, once it is laid out; or why it could not be.
        self._pretty: LaidPayload | None = None
        self._why_not_laid = ""
        # A frame as it was read, its events, and these laid out, where that takes no time.
        self._plain: tuple[Frame, tuple[Event, ...], LaidPayload | None] | None = None
        # The nodes that are folded, by their paths.
        self._folded: set[str] = set()
        # What is not recorded of the frame, or behind it.
        self._missing: list[DetailLine] = []
        # Why there is nothing to show.
        self._trouble = ""

    @property
    def _clock(self) -> ShownClock:
        return self._recording.clock(self._host.host.clock_form, self._session)

    def findings(self) -> Sequence[Finding]:
        """Those that stand at the row."""
        if isinstance(self.item, GhostRow):
            return (self.item.finding,)
        return self._recording.evidence.by_frame.get(self.item.id, ()) if isinstance(self.item, Head) else ()

    def show(self, item: Item, *, again: bool = False, trouble: str = "") -> None:
        """Show a row; `again` where something about it changed, and the place in its text is to stay.

        `trouble` says why there is no row to show.
        """
        self.item, self._trouble = item, trouble
        before, self.frame = self.frame, self._read(item)
        if before is None or self.frame is None or before.id != self.frame.id or isinstance(item, EventRow):
            self._pretty = None
            self._jobs.cancel(LAYING)
        self._events = self._read_events(item)
        is_short = isinstance(item, FaultRow | NoteRow | OwedRow)
        pane = "findings" if isinstance(item, GhostRow) else "meta" if is_short else self.pane
        self._detail.show_pane(pane)
        is_new = self._pretty is None and not self._jobs.is_running(LAYING)
        if pane == "json" and is_new and self.frame is not None and self._is_large(self.frame):
            self._why_not_laid = ""
            self._lay_out_beside(self.frame)
        self._detail.show(self._layout(pane), keep_place=again, nodes_of=self._nodes_in(pane))

    def turn_pane(self, steps: int) -> None:
        """What is no frame has one pane only."""
        if isinstance(self.item, ExtraRow) and not isinstance(self.item, EventRow):
            return
        self.choose_pane(PANES[(PANES.index(self.pane) + steps) % len(PANES)])

    def choose_pane(self, pane: str) -> None:
        self.pane = pane
        self.show(self.item, trouble=self._trouble)

    def _read(self, item: Item) -> Frame | None:
        self._missing = []
        if isinstance(item, EventRow):
            return item.frame
        if not isinstance(item, Head):
            return None
        try:
            self._missing = [("warning", gap_text(gap)) for gap in self._recording.reader.gaps(behind=item.id)]
            return self._recording.reader.frame(item.id)
        except WsreplayError as error:
            self._trouble = str(error)
            return None

    def _read_events(self, item: Item) -> tuple[Event, ...]:
        """What its decoder makes of the frame that is looked at; nothing where the payload says as much."""
        if isinstance(item, EventRow):
            return (item.event,)
        reading, frame = self._recording.reading, self.frame
        if frame is None:
            return ()
        try:
            reading.read_from(self._recording.reader)
            events = reading.events(frame)
        except WsreplayError as error:
            self._trouble = str(error)
            return ()
        is_plain = not reading.is_decoded(frame.connection_id) and len(events) < 2
        return () if is_plain and not any(event.warning for event in events) else events

    def _layout(self, pane: str) -> Layout:
        own = self._host.look.own
        if isinstance(self.item, NoteRow):
            note = note_facts(self.item.mark, self._clock, self._host.look.key("keep.mark"))
            return lambda width: wrapped(note, width, own)
        if isinstance(self.item, OwedRow):
            owed = owed_facts(self.item, self._clock)
            return lambda width: wrapped(owed, width, own)
        if isinstance(self.item, FaultRow):
            about = self._fault_lines(self.item)
            return lambda width: wrapped(about, width, own)
        if pane == "findings":
            findings = self._findings_lines() or [("dim", "no findings at this frame")]
            return lambda width: wrapped(findings, width, own)
        frame = self.frame
        if frame is None:
            lines: list[DetailLine] = self._in_vain(self._trouble) if self._trouble else [("dim", "No frame selected")]
            return lambda width: wrapped(lines, width, own)
        if pane == "meta":
            facts = self._facts(frame)
            return lambda width: wrapped(facts, width, own)
        heading = self._headings()
        if pane == "json" and self._is_large(frame) and self._pretty is None:
            why, waiting = self._why_not_laid, ("dim", f"laying out {len(frame.payload):,} bytes …")
            instead = [*heading, *(self._in_vain(why) if why else [waiting])]
            return lambda width: wrapped(instead, width, own)
        rest_key = self._host.look.key("keep.page")
        laid = self._laid(frame, pane)
        if laid is not None and self._folded:
            from wsreplay.tui.recording.json_tree import tree_lines

            laid = laid._replace(lines=[shown.line for shown in tree_lines(laid.lines, self._folded)])
        lay = payload_layout(frame, pane, own, rest_key, laid)
        return lambda width: [*wrapped(heading, width, own), *lay(width)]

    def _laid(self, frame: Frame, pane: str) -> LaidPayload | None:
        """A frame's payload as lines that may be a tree; None in other panes, and for what is shown in hex."""
        if pane != "json" or self._pretty is not None:
            return self._pretty if pane == "json" else None
        if self._plain is None or self._plain[0] is not frame or self._plain[1] is not self._events:
            laid: LaidPayload | None = None
            if self._events:
                laid = event_lines(self._events, self._recording.contract_name)
            elif frame.opcode == Opcode.TEXT and not self._is_large(frame):
                laid = payload_lines(frame, "json")
            self._plain = frame, self._events, laid
        return self._plain[2]

    def _nodes_in(self, pane: str) -> RowNodes | None:
        """What gives the nodes of the lines that are shown, where these are a tree."""
        frame = self.frame
        laid = None if frame is None or isinstance(self.item, GhostRow) else self._laid(frame, pane)
        if laid is None or not any(kind == "json" for kind, _ in laid.lines):
            return None
        heading, own, lines = self._headings(), self._host.look.own, laid.lines

        def nodes_of(width: int) -> list[JsonNode | None]:
            from wsreplay.tui.recording.json_tree import tree_lines

            rows: list[JsonNode | None] = [None] * len(wrapped(heading, width, own))
            for line, node in tree_lines(lines, self._folded):
                rows += [node] * len(broken([line], width, own))
            return rows

        return nodes_of

    def fold(self, path: str) -> None:
        """Fold a node, in every payload that has one there, or unfold it."""
        self._folded ^= {path}
        self._show_folded(path)

    def fold_all(self, *, folded: bool) -> None:
        """Fold all nodes but the outermost, or none."""
        from wsreplay.tui.recording.json_tree import nodes_of

        lines = self.json_lines()
        nodes = nodes_of(lines) if folded else []
        self._folded = {node.path for node in nodes if node is not None and node.is_foldable and node.path != "$"}
        self._show_folded("$")

    def _show_folded(self, path: str) -> None:
        self._detail.show(self._layout("json"), keep_place=True, nodes_of=self._nodes_in("json"))
        self._detail.move_to_node(path)

    def json_lines(self) -> Sequence[DetailLine]:
        """The lines of the document that is looked at, nothing folded."""
        laid = self._laid(self.frame, "json") if self.frame is not None else None
        return laid.lines if laid is not None else ()

    def _in_vain(self, why: str) -> list[DetailLine]:
        """What is said instead of what could not be shown."""
        again = f"{self._host.look.key('session.read_again')} reads it again"
        return [("warning", why), ("plain", ""), ("dim", again)]

    def _facts(self, frame: Frame) -> list[DetailLine]:
        session = self._recording.session_of.get(frame.connection_id)
        connection = self._recording.connections.get(frame.connection_id)
        number, read_by = session.id if session else None, self._recording.decoder(frame.connection_id)
        return frame_facts(frame, connection, number, self._clock, read_by=read_by)

    def _fault_lines(self, item: FaultRow) -> list[DetailLine]:
        fault = item.fault
        session = self._recording.session_of.get(fault.connection_id) if fault.connection_id is not None else None
        return fault_facts(fault, session.id if session else None, self._clock)

    def _headings(self) -> list[DetailLine]:
        """What is wrong with a frame, and what is missing of it, stands above its payload."""
        lines: list[DetailLine] = []
        for finding in self.findings():
            sign, _ = self._host.look.sign_of(finding)
            lines.append((kind_of(finding), f"{sign} {finding.message}"))
        if not lines and isinstance(self.item, Head):
            known = self._recording.evidence.sign_at(self.item.id)
            if known is not None:  # there are so many that only this is known
                lines.append(("warning", f"{self._host.look.sign_of(known)[0]} {known.rule}: its text was not saved"))
        lines += self._missing
        return [*lines, ("plain", "")] if lines else []

    def _findings_lines(self) -> list[DetailLine]:
        lines: list[DetailLine] = []
        for finding in self.findings():
            file, words = self._recording.evidence.words(finding)
            lines += [*_GAP[: len(lines)], *finding_facts(finding, words, file, self._clock)]
        elsewhere = [finding for finding in self._witnessed() if finding not in self.findings()]
        if elsewhere:
            lines += [*_GAP[: len(lines)], ("dim", "a witness of:")]
            lines += [(kind_of(finding), finding.message) for finding in elsewhere]
        return lines

    def _witnessed(self) -> list[Finding]:
        """The findings that this frame is a witness of, wherever they stand."""
        if not isinstance(self.item, Head):
            return []
        findings, frame_id = self._recording.evidence.findings, self.item.id
        return [finding for finding in findings if frame_id in (finding.activation, *finding.frames)]

    @staticmethod
    def _is_large(frame: Frame) -> bool:
        """Whether its payload takes long to be laid out."""
        return len(frame.payload) > SHOWN_BYTES

    def _lay_out_beside(self, frame: Frame) -> None:
        events, contract_name = self._events, self._recording.contract_name

        def work(_reader: Recording, context: JobContext) -> None:
            context.publish(event_lines(events, contract_name) if events else payload_lines(frame, "json"))

        self._jobs.read_in_thread(LAYING, work, self._take)

    def job_failed(self, name: str, why: str) -> None:
        """Something could not be done: where it was a payload's layout, it is said why."""
        if name == LAYING:
            self._why_not_laid = why
            self._show_laid()

    def _take(self, laid: LaidPayload) -> None:
        self._pretty = laid
        self._show_laid()

    def _show_laid(self) -> None:
        if self.pane == "json":
            self._detail.show(self._layout("json"), keep_place=True, nodes_of=self._nodes_in("json"))
