"""`wsreplay show`."""

from __future__ import annotations

import base64
import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import Any

import click
import orjson

from wsreplay import display
from wsreplay.cli.completion import ContractName, FilterText, RecordingName, SessionNumber
from wsreplay.cli.options import NAMED_BY, READ_DEFAULT, connections_of, open_recording, split_session
from wsreplay.decode import Event, decoder_names, values
from wsreplay.formats import jsonl_export as exchange
from wsreplay.model import FIN, MASKED, OPCODE_NAMES, Connection, Direction, Fault, Frame, Opcode, Session
from wsreplay.store import paging
from wsreplay.store.condition import any_of, is_among
from wsreplay.store.reader import Recording
from wsreplay.trace import filter as filters
from wsreplay.trace.reading import Reading
from wsreplay.trace.sessions import stitch
from wsreplay.units import clock, count_text
from wsreplay.validator.findings import Judgement

POLL_S = 0.1
TYPE_WIDTH = 22
UNCUT = 2**31


@click.command(name="show")
@click.argument("file", metavar="FILE", type=RecordingName())
@click.argument("session", type=SessionNumber(), required=False)
@click.option("--filter", "expression", type=FilterText(), default="", metavar="EXPR",
              help="Which frames: type:tool_* dir:s2c user:u1 \"text\" …")
@click.option("--follow", "-f", is_flag=True, help="Go on while the recording grows.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("-c", "--contract", type=ContractName(), help=NAMED_BY)
@click.option("--as", "decoder", metavar="NAME", help=f"How messages are read: {', '.join(decoder_names())}. {READ_DEFAULT}")
@click.option("--raw", is_flag=True, help="Show payloads as they were sent, not what they say.")
def command(
    file: str, session: int | None, expression: str, follow: bool, as_json: bool, contract: str | None, decoder: str | None,
    raw: bool,
) -> None:  # fmt: skip
    """Print the frames of a recording, or of one SESSION: time, direction, type or opcode, size, payload.

    `wsreplay help filters` tells the filter language; terms separated by spaces must all match.
    """
    path, marked = split_session(file)
    chosen = filters.parse(expression)
    with open_recording(path) as recording:
        reading, names = (Reading(recording, decoder), None) if contract is None else _read_by(recording, contract, decoder)
        view = _View(recording, session or marked, chosen, bool(expression.strip()), reading, names)
        write = _json_line if as_json else _FrameLines(_width(), raw).line
        for item in view.items(follow):
            click.echo(write(item, view), nl=True)


def _read_by(recording: Recording, name: str, decoder: str | None) -> tuple[Reading, Callable[[str], str]]:
    """A recording's events as a contract says where they are, and what the contract calls each."""
    from wsreplay.contract import load
    from wsreplay.contract.decoding import reading_of

    contract = load(name)
    return reading_of(recording, contract, decoder), contract.map.name_of


def _width() -> int:
    """Columns of the terminal, or as COLUMNS says; what goes into a pipe or a file is not cut."""
    fitted = sys.stdout.isatty() or "COLUMNS" in os.environ
    return shutil.get_terminal_size((160, 24)).columns if fitted else UNCUT


class _View:
    """The frames that are asked for, the faults injected among them, and what is known of their connections."""

    def __init__(
        self, recording: Recording, session: int | None, chosen: filters.Filter, filtered: bool, reading: Reading,
        name_of: Callable[[str], str] | None,
    ) -> None:  # fmt: skip
        self.reading = reading
        self._name_of = name_of
        self._recording = recording
        self._session = session
        self._filter = chosen
        self._filtered = filtered
        self._shown: set[int] = set()
        self._held: dict[int, list[Fault]] = {}
        self._last_fault = 0
        self.connections: dict[int, Connection] = {}
        self.sessions: dict[int, Session] = {}

    def contract_name(self, type_: str | None) -> str | None:
        """What the contract calls an event of the product's, where that is another name."""
        name = self._name_of(type_) if self._name_of is not None and type_ is not None else type_
        return None if name == type_ else name

    def _refresh(self) -> None:
        connections = self._recording.connections()
        self.connections = {connection.id: connection for connection in connections}
        self.sessions = {connection.id: session for session in stitch(connections) for connection in session.connections}
        self.reading.refresh(connections)
        self._context = filters.Context.of(self._recording, self._judgement(), reader=self.reading)
        self._wanted = connections_of(self._recording, self._session)

    def _judgement(self) -> Judgement | None:
        if not self._filter.needs_judgement:
            return None
        from wsreplay.validator import judge
        from wsreplay.validator.select import select_contracts

        return judge(self._recording, select_contracts(self._recording)[0])

    def items(self, follow: bool) -> Iterator[Frame | Fault]:
        last = -1
        waiting: deque[Fault] = deque()
        while True:
            live = follow and self._recording.live
            end = self._recording.last_id()
            if end > last:
                self._refresh()  # after the end is known, so that the connection of every frame before it is
            matches = self._filter.predicate(self._context)
            wanted = None if self._wanted is None else {session.id for session in self._wanted}
            waiting.extend(self._new_faults(wanted))
            for frame in self._candidates(last, end, wanted):
                self.reading.observe(frame)
                yield from self._due(waiting, frame.t_ns)
                if matches(frame):
                    self._shown.add(frame.connection_id)
                    yield from self._held.pop(frame.connection_id, ())
                    yield frame
            yield from self._due(waiting)
            if not live:
                return
            last = end
            time.sleep(POLL_S)

    def _candidates(self, after_id: int, end: int, wanted: set[int] | None) -> Iterator[Frame]:
        """The frames up to `end` that the filter may let through; SQLite hands over no other, unless a session is asked for."""
        if wanted is None:
            # All frames of decoded connections are read, since what is asked for may answer one that is not.
            decoded = is_among("connection_id", self.reading.decoded).upper
            wanted_frames = any_of([self._filter.where(self._context), decoded])
            return paging.frames_where(self._recording, after_id + 1, end, wanted_frames)
        return takewhile(lambda frame: frame.id <= end, self._recording.frames(after_id=after_id, connections=wanted))

    def _new_faults(self, wanted: set[int] | None) -> list[Fault]:
        new = self._recording.faults(after_id=self._last_fault)
        self._last_fault = max((fault.id for fault in new), default=self._last_fault)
        if any(fault.connection_id not in self.connections for fault in new):
            self._refresh()
        return [fault for fault in new if wanted is None or fault.connection_id is None or fault.connection_id in wanted]

    def _due(self, waiting: deque[Fault], until_ns: int | None = None) -> Iterator[Fault]:
        """Take the faults up to a time; with a filter those of a connection are held until one of its frames is shown."""
        while waiting and (until_ns is None or waiting[0].t_ns <= until_ns):
            fault = waiting.popleft()
            if not self._filtered or fault.connection_id is None or fault.connection_id in self._shown:
                yield fault
            else:
                self._held.setdefault(fault.connection_id, []).append(fault)


class _FrameLines:
    """Frames and faults as lines for people."""

    def __init__(self, width: int, raw: bool) -> None:
        self._width = width
        self._raw = raw
        self._connection: int | None = None

    def line(self, item: Frame | Fault, view: _View) -> str:
        text = self._fault(item) if isinstance(item, Fault) else self._frame(item, view)
        if item.connection_id == self._connection or item.connection_id not in view.connections:
            return text
        self._connection = item.connection_id
        return f"{self._heading(view)}\n{text}"

    def _fault(self, fault: Fault) -> str:
        head = f"{'':>7} {clock(fault.t_ns, 6):>12} "
        return head + display.fit(display.visible(f"{display.INJECTED}: {fault.said}"), max(40, self._width - len(head)))

    def _frame(self, frame: Frame, view: _View) -> str:
        reading = view.reading
        sign = "◀" if frame.direction else "▶"
        name = OPCODE_NAMES.get(frame.opcode, f"opcode {frame.opcode}")
        types = reading.types(frame)
        several = f" ×{len(types)}" if len(types) > 1 else ""
        kind = display.fit(display.visible(types[0]), TYPE_WIDTH - len(several)) + several if types else name
        kind = display.pad(kind, TYPE_WIDTH)
        text = f"{frame.id:>7} {clock(frame.t_ns, 6):>12} {sign} {kind} {len(frame.payload):>8}  "
        if types and (ours := view.contract_name(types[0])) is not None:
            text += f"({display.visible(ours)})  "
        return text + self._body(frame, reading, max(20, self._width - display.cells(text)))

    def _body(self, frame: Frame, reading: Reading, width: int) -> str:
        """What a message says; its payload as it was sent where that is the same, or asked for."""
        if not self._raw and frame.connection_id in reading.decoded:
            bodies = [body for event in reading.events(frame) if (body := _event_text(event))]
            if bodies:
                return display.fit("  ".join(bodies), width)
        if frame.opcode == Opcode.BINARY and not reading.types(frame):
            return display.preview_bytes(frame.payload, width)
        return display.preview(_payload(frame), width)

    def _heading(self, view: _View) -> str:
        connection = view.connections[self._connection or 0]
        session = view.sessions[connection.id]
        user = f" · {display.visible(connection.user)}" if connection.user else ""
        choice = view.reading.choice(connection.id)
        how = "" if choice.plain else f" · {display.visible(choice.text)}"
        return f"── session {session.id} · connection {connection.id}{user} · {display.visible(connection.path)}{how}"


def _event_text(event: Event) -> str:
    """An event's id and document; "" where it has neither."""
    document = "" if event.document is None else values.write(event.document, unknown=display.hex_text).decode()
    id = f"#{event.id}" if event.id is not None else ""
    attached = " ".join(f"[{count_text(len(attachment), 'byte')}]" for attachment in event.attachments)
    return display.visible(" ".join(part for part in (id, document, attached) if part))


def _payload(frame: Frame) -> bytes:
    """What is shown of a payload: of a close frame its code and reason (RFC 6455, section 5.5.1)."""
    if frame.opcode == 8 and len(frame.payload) >= 2:
        return str(int.from_bytes(frame.payload[:2], "big")).encode() + b" " + frame.payload[2:]
    return frame.payload


def _events_of(frame: Frame, view: _View) -> list[dict[str, Any]]:
    return [
        {"type": event.type, "id": event.id, "role": str(event.role),
         "request": event.request and [event.request.frame, event.request.place], "frames": event.frames,
         "warning": event.warning}
        for event in view.reading.events(frame)
    ]  # fmt: skip


def _json_line(item: Frame | Fault, view: _View) -> bytes:
    return orjson.dumps(_fault_object(item, view) if isinstance(item, Fault) else _frame_object(item, view))


def _fault_object(fault: Fault, view: _View) -> dict[str, Any]:
    session = view.sessions.get(fault.connection_id or 0)
    side = None if fault.direction is None else Direction(fault.direction).short
    detail = {"kind": fault.kind, "detail": fault.detail, "frame": fault.frame_id}
    return {
        "connection": fault.connection_id, "session": session and session.id, "t": exchange.seconds(fault.t_ns), "dir": side,
        "fault": detail,
    }  # fmt: skip


def _frame_object(frame: Frame, view: _View) -> dict[str, Any]:
    types = view.reading.types(frame)
    line: dict[str, Any] = {
        "id": frame.id, "connection": frame.connection_id, "session": view.sessions[frame.connection_id].id,
        "user": view.connections[frame.connection_id].user, "seq": frame.seq, "t": exchange.seconds(frame.t_ns),
        "dir": Direction(frame.direction).short, "opcode": OPCODE_NAMES.get(frame.opcode, frame.opcode),
        "type": types[0] if types else None,
        "size": len(frame.payload), "fin": bool(frame.flags & FIN), "masked": bool(frame.flags & MASKED),
    }  # fmt: skip
    if frame.connection_id in view.reading.decoded:
        line["decoder"] = view.reading.choice(frame.connection_id).name
        line["events"] = _events_of(frame, view)
    if types and (name := view.contract_name(types[0])) is not None:
        line["contract_type"] = name
    try:
        line["data"] = frame.payload.decode()
    except UnicodeDecodeError:
        line["base64"] = base64.b64encode(frame.payload).decode()
    return line
