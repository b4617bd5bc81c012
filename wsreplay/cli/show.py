"""`wsreplay show`."""

from __future__ import annotations

import base64
import shutil
import time
from collections.abc import Iterator

import click
import orjson

from wsreplay.cli.options import connections_of, split_session
from wsreplay.model import FIN, MASKED, OPCODE_NAMES, Connection, Direction, Frame, Session
from wsreplay.store.reader import Recording
from wsreplay.trace import display, exchange
from wsreplay.trace import filter as filters
from wsreplay.trace.sessions import stitch
from wsreplay.validator.findings import Judgement

POLL_S = 0.1
TYPE_WIDTH = 22


@click.command(name="show")
@click.argument("file", metavar="FILE")
@click.argument("session", type=int, required=False)
@click.option("--filter", "expression", default="", metavar="EXPR", help="Which frames: type:tool_* dir:s2c user:u1 \"text\" …")
@click.option("--follow", "-f", is_flag=True, help="Go on while the recording grows.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(file: str, session: int | None, expression: str, follow: bool, as_json: bool) -> None:
    """Print the frames of a recording, or of one SESSION: time, direction, opcode, type, size, payload.

    The filter language is described in `docs/filters.md`; side by side means and.
    """
    path, marked = split_session(file)
    chosen = filters.parse(expression)
    with Recording.open(path) as recording:
        view = _View(recording, session or marked, chosen)
        write = _json_line if as_json else _Lines(shutil.get_terminal_size((160, 24)).columns).line
        for frame in view.frames(follow):
            click.echo(write(frame, view), nl=True)


class _View:
    """The frames that are asked for, and what is known of their connections."""

    def __init__(self, recording: Recording, session: int | None, chosen: filters.Filter) -> None:
        self._recording = recording
        self._session = session
        self._filter = chosen
        self.connections: dict[int, Connection] = {}
        self.sessions: dict[int, Session] = {}
        self._refresh()

    def _refresh(self) -> None:
        connections = self._recording.connections()
        self.connections = {one.id: one for one in connections}
        self.sessions = {one.id: session for session in stitch(connections) for one in session.connections}
        self._context = filters.Context.of(self._recording, self._judgement())
        self._wanted = connections_of(self._recording, self._session)

    def _judgement(self) -> Judgement | None:
        if not self._filter.needs_judgement:
            return None
        from wsreplay.contract import load
        from wsreplay.validator import judge

        return judge(self._recording, load("agent-chat"))

    def frames(self, follow: bool) -> Iterator[Frame]:
        last = 0
        while True:
            live = follow and self._recording.live
            matches = self._filter.predicate(self._context)
            wanted = None if self._wanted is None else {one.id for one in self._wanted}
            for frame in self._recording.frames(after_id=last, connections=wanted):
                last = frame.id
                if frame.connection_id not in self.connections:
                    self._refresh()
                    matches = self._filter.predicate(self._context)
                if matches(frame):
                    yield frame
            if not live:
                return
            time.sleep(POLL_S)
            if self._recording.last_id() > last:
                self._refresh()


class _Lines:
    """Frames as lines for people."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._connection: int | None = None

    def line(self, frame: Frame, view: _View) -> str:
        sign = "◀" if frame.direction else "▶"
        name = OPCODE_NAMES.get(frame.opcode, f"opcode {frame.opcode}")
        kind = display.pad(display.visible(frame.type) if frame.type else name, TYPE_WIDTH)
        text = f"{frame.id:>7} {frame.t_ns / 1e9:>11.6f} {sign} {kind} {len(frame.payload):>8}  "
        text += display.preview(_payload(frame), max(20, self._width - display.cells(text)))
        if frame.connection_id == self._connection:
            return text
        self._connection = frame.connection_id
        return f"{self._heading(view)}\n{text}"

    def _heading(self, view: _View) -> str:
        connection = view.connections[self._connection or 0]
        session = view.sessions[connection.id]
        user = f" · {display.visible(connection.user)}" if connection.user else ""
        return f"── session {session.id} · connection {connection.id}{user} · {display.visible(connection.path)}"


def _payload(frame: Frame) -> bytes:
    """What is shown of a payload: of a close frame its code and reason (RFC 6455, section 5.5.1)."""
    if frame.opcode == 8 and len(frame.payload) >= 2:
        return str(int.from_bytes(frame.payload[:2], "big")).encode() + b" " + frame.payload[2:]
    return frame.payload


def _json_line(frame: Frame, view: _View) -> bytes:
    line = {
        "id": frame.id, "connection": frame.connection_id, "session": view.sessions[frame.connection_id].id,
        "user": view.connections[frame.connection_id].user, "seq": frame.seq, "t": exchange.seconds(frame.t_ns),
        "dir": Direction(frame.direction).short, "opcode": OPCODE_NAMES.get(frame.opcode, frame.opcode), "type": frame.type,
        "size": len(frame.payload), "fin": bool(frame.flags & FIN), "masked": bool(frame.flags & MASKED),
    }  # fmt: skip
    try:
        line["data"] = frame.payload.decode()
    except UnicodeDecodeError:
        line["base64"] = base64.b64encode(frame.payload).decode()
    return orjson.dumps(line)
