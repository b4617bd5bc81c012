"""Taking frames out of a recording: one as JSON, or all that is shown into a file."""

from __future__ import annotations

import base64
from array import array
from collections.abc import Collection, Sequence
from pathlib import Path

import orjson

from wsreplay.files import new_file
from wsreplay.formats.cut import cut
from wsreplay.formats.jsonl_export import export
from wsreplay.model import OPCODE_NAMES, Direction, Frame, Session
from wsreplay.store.reader import Recording


def as_json(frame: Frame) -> str:
    """A frame with its facts, for a report: one JSON object; a payload that is not UTF-8 as base64."""
    document: dict[str, object] = {
        "frame": frame.id, "connection": frame.connection_id, "seq": frame.seq, "t": frame.t_ns / 1e9,
        "dir": Direction(frame.direction).short, "opcode": OPCODE_NAMES.get(frame.opcode, frame.opcode), "type": frame.type,
    }  # fmt: skip
    try:
        document["data"] = frame.payload.decode()
    except UnicodeDecodeError:
        document["base64"] = base64.b64encode(frame.payload).decode()
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


class SelectedFrames(Recording):
    """A recording of which only some frames are seen."""

    def __init__(self, path: Path, ids: Sequence[int]) -> None:
        super().__init__(path)
        self._ids = frozenset(ids)

    def frame_ids(self, connections: Collection[int] | None = None) -> array[int]:
        return array("Q", (frame_id for frame_id in super().frame_ids(connections) if frame_id in self._ids))


def write(path: Path, out: Path, session: Session | None, ids: Sequence[int] | None, *, cut_out: bool) -> None:
    """Write a session, or all of them (None), or of those the frames `ids`: as a recording cut out of this one, or in the
    exchange format. The file is new, and has its name only when it is whole. Raises WsreplayError."""
    with SelectedFrames(path, ids) if ids is not None else Recording.open(path) as reader:
        connections = list(session.connections) if session else reader.connections()
        if cut_out:
            cut(reader, [connection.id for connection in connections], out)
            return
        with new_file(out, replace=False) as half, half.open("xb") as file:
            file.writelines(line + b"\n" for line in export(reader, connections))
