"""Frames, findings and spans of one open recording as small objects for answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from wsreplay.contract import Contract
from wsreplay.contract.decoding import choices_of, frame_reading_of
from wsreplay.decode import values
from wsreplay.display import close_text, gist, hex_text
from wsreplay.mcp.answer import seconds, text
from wsreplay.model import OPCODE_NAMES, Direction, Frame, Opcode
from wsreplay.report.result import Folded, place
from wsreplay.store.reader import Recording
from wsreplay.trace.links import Links
from wsreplay.validator.findings import Judgement, SpanRecord

_MOST_WITNESSES = 4
_GIST = 120  # characters
_MOST_LINKED = 200_000  # frames: beyond, answers to requests are not named after them


class FrameObjects:
    """Tells of frames in any order."""

    def __init__(self, recording: Recording, contract: Contract | None = None) -> None:
        self._recording = recording
        choices = choices_of(contract)
        choices.refresh(recording, recording.connections())
        self._reading = frame_reading_of(choices, Links(), contract)
        self._reading.read_from(recording)
        if self._reading.decoded and recording.last_id() <= _MOST_LINKED:
            self._reading.link(recording, recording.last_id())

    def types(self, frame: Frame) -> tuple[str, ...]:
        """Of the events that a frame completes."""
        return self._reading.types(frame)

    def documents(self, frame: Frame) -> list[bytes]:
        """What a frame says, as JSON, where a decoder reads it; nothing where it is plain."""
        if not self._reading.is_decoded(frame.connection_id):
            return []
        documents = (event.document for event in self._reading.events(frame))
        return [values.write(document, unknown=hex_text) for document in documents if document is not None]

    def row(self, frame: Frame) -> dict[str, Any]:
        """A frame in a list: what it is about, not what it says in full."""
        types = [text(type_) for type_ in self.types(frame)]
        payload = close_text(frame.payload) if frame.opcode == Opcode.CLOSE else frame.payload
        content = b"".join(self.documents(frame)) or payload
        opcode = OPCODE_NAMES.get(frame.opcode, str(frame.opcode))
        return {
            "frame": frame.id,
            "t": seconds(frame.t_ns),
            "dir": Direction(frame.direction).short,
            "connection": frame.connection_id,
            "type": types[0] if len(types) == 1 else types,
            "opcode": None if frame.opcode == Opcode.TEXT else opcode,
            "size": len(frame.payload),
            "about": gist(content, _GIST, types[0] if len(types) == 1 else None) or None,
        }

    def by_id(self, ids: Iterable[int]) -> dict[int, Frame]:
        """Those frames that there are."""
        wanted = sorted({id for id in ids if id})
        return {frame.id: frame for frame in self._recording.frames_by_id(wanted)}


def finding_rows(judgement: Judgement, findings: Sequence[Folded], frames: FrameObjects) -> Iterator[dict[str, Any]]:
    """Each finding with its place and its witnesses; what only follows from it is named beside it."""
    for folded in findings:
        finding = folded.finding
        shown = frames.by_id([*finding.frames[-_MOST_WITNESSES:], finding.after or 0, finding.before or 0])

        def near(id: int | None, shown: dict[int, Frame] = shown) -> str | None:
            if id is None or id not in shown:
                return None
            types = frames.types(shown[id])
            return f"{id} {text(types[0])}" if types else str(id)

        yield {
            "rule": finding.rule,
            "severity": str(finding.severity),
            "verdict": None if finding.verdict == "violated" else str(finding.verdict),
            "kind": finding.kind,
            "message": text(finding.message, 400),
            "session": finding.session,
            "count": None if finding.count == 1 else finding.count,
            "due": seconds(finding.at_ns),
            "late_by": seconds(finding.late_by),
            "after_frame": near(finding.after),
            "before_frame": near(finding.before) or ("none: nothing came after" if finding.after else None),
            "witnesses": [frames.row(shown[id]) for id in finding.frames[-_MOST_WITNESSES:] if id in shown],
            "contract": place(judgement, finding) or None,
            "so_also_broken": [consequence.rule for consequence in folded.consequences],
        }


def span_row(record: SpanRecord) -> dict[str, Any]:
    """A run, tool or operation."""
    return {
        "span": record.span,
        "name": text(record.name),
        "state": record.state,
        "session": record.session,
        "from": seconds(record.start_ns),
        "to": seconds(record.end_ns),
        "first_frame": record.start_frame or None,
        "last_frame": record.end_frame,
        "detail": text(record.detail) or None,
        "owes": [text(name) for name in record.owes],
    }
