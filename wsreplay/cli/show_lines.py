"""Frames, faults and notes as lines for people: what `wsreplay show` prints."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import click

from wsreplay import display
from wsreplay.decode import Event, values
from wsreplay.model import OPCODE_NAMES, Connection, Fault, Frame, Gap, Opcode, Run, Session, moment_at
from wsreplay.trace.reading import Reading
from wsreplay.units import clock, count_text, duration_text

TYPE_WIDTH = 22
TIMES = ("elapsed", "delta", "clock", "utc")
_TIME_WIDTH = {"elapsed": 12, "delta": 10, "clock": 15, "utc": 15}
# Names, texts, numbers and words of JSON, also where it is cut off (RFC 8259).
_JSON_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"?(?P<colon>\s*:)?|(?<![\w.])-?\d[\d.eE+-]*|\b(?:true|false|null)\b')

Paint = Callable[..., str]


class Note(NamedTuple):
    """What no frame tells: how a connection ended, or that something is missing."""

    t_ns: int
    connection_id: int
    text: str
    gap: Gap | None = None


class Shown(Protocol):
    """What lines need to know besides the frame."""

    reading: Reading

    @property
    def connections(self) -> Mapping[int, Connection]: ...

    @property
    def sessions(self) -> Mapping[int, Session]: ...

    def contract_name(self, type_: str | None) -> str | None: ...


class Times:
    """The column of times: since the recording began, since the line before, by this computer's clock, in UTC."""

    def __init__(self, form: str, runs: Sequence[Run]) -> None:
        self.width = _TIME_WIDTH[form]
        self._form = form
        self._runs = runs
        # when the line before was, for `delta`
        self._last_ns = 0

    def text(self, t_ns: int) -> str:
        before, self._last_ns = self._last_ns, t_ns
        if self._form == "elapsed":
            return clock(t_ns, 6)
        if self._form == "delta":
            return f"+{duration_text(t_ns - before)}" if t_ns >= before else f"-{duration_text(before - t_ns)}"
        moment = self.moment(t_ns)
        return f"{moment:%H:%M:%S.%f}" if moment else "?"

    def day(self, t_ns: int) -> str:
        """The date, where times are of a clock."""
        moment = self.moment(t_ns) if self._form in ("clock", "utc") else None
        return f"{moment:%Y-%m-%d}{'Z' if self._form == 'utc' else ''}" if moment else ""

    def moment(self, t_ns: int) -> datetime.datetime | None:
        """When it was. None where a calendar has no such day."""
        moment = moment_at(self._runs, t_ns)
        try:
            return moment if moment is None or self._form == "utc" else moment.astimezone()
        except (OverflowError, ValueError, OSError):
            return None


class FrameLines:
    """Lines of at most `width` cells; with `pretty` whole payloads under them, JSON indented."""

    def __init__(self, width: int, times: Times, *, raw: bool, pretty: bool, painted: bool) -> None:
        self._width = width
        self._times = times
        self._raw = raw
        self._pretty = pretty
        self._paint: Paint = click.style if painted else _plain
        # of the last line: where it changes, a heading comes first
        self._connection: int | None = None

    def line(self, item: Frame | Fault | Note, shown: Shown) -> str:
        if isinstance(item, Frame):
            text = self._frame(item, shown)
        elif isinstance(item, Fault):
            text = self._remark(item.t_ns, f"{display.INJECTED}: {item.said}", "yellow")
        else:
            text = self._remark(item.t_ns, f"■ {item.text}", "red")
        if item.connection_id == self._connection or item.connection_id not in shown.connections:
            return text
        self._connection = item.connection_id
        return f"{self._heading(shown, item.t_ns)}\n{text}"

    def _head(self, number: object, t_ns: int) -> str:
        return f"{number:>7} {self._paint(f'{self._times.text(t_ns):>{self._times.width}}', dim=True)} "

    def _room(self, used: str) -> int:
        return self._width - display.cells(click.unstyle(used))

    def _remark(self, t_ns: int, text: str, colour: str) -> str:
        head = self._head("", t_ns)
        return head + self._paint(display.fit(display.visible(text), max(40, self._room(head))), fg=colour)

    def _frame(self, frame: Frame, shown: Shown) -> str:
        sign, colour = ("◀", "green") if frame.direction else ("▶", "cyan")
        types = shown.reading.types(frame)
        several = f" ×{len(types)}" if len(types) > 1 else ""
        if types:
            kind = display.fit(display.visible(types[0]), TYPE_WIDTH - len(several)) + several
        else:
            kind = OPCODE_NAMES.get(frame.opcode, f"opcode {frame.opcode}")
        renamed = shown.contract_name(types[0]) if types else None
        text = self._head(frame.id, frame.t_ns) + self._paint(sign, fg=colour) + " "
        text += self._paint(display.pad(kind, TYPE_WIDTH), fg=colour, bold=bool(types)) + f" {len(frame.payload):>8}  "
        text += f"({display.visible(renamed)})  " if renamed is not None else ""
        if self._pretty:
            whole = (f"{'':>10}{self._coloured(line, force=True)}" for line in self._whole(frame, shown.reading))
            return "\n".join([text.rstrip(), *whole])
        return text + self._coloured(self._body(frame, shown.reading, max(20, self._room(text))))

    def _body(self, frame: Frame, reading: Reading, width: int) -> str:
        """What a message says; its payload as it was sent where that is the same, or asked for."""
        if not self._raw and reading.is_decoded(frame.connection_id):
            bodies = [body for event in reading.events(frame) if (body := _event_text(event))]
            if bodies:
                return display.fit("  ".join(bodies), width)
        if frame.opcode == Opcode.BINARY and not reading.types(frame):
            return display.preview_bytes(frame.payload, width)
        return display.preview(_payload(frame), width)

    def _whole(self, frame: Frame, reading: Reading) -> list[str]:
        """All of what a message says, line by line."""
        if not self._raw and reading.is_decoded(frame.connection_id):
            documents = [event.document for event in reading.events(frame) if event.document is not None]
            if documents:
                return [line for document in documents for line in _indented(_written(document))]
        if frame.opcode == Opcode.BINARY and not display.is_structured(frame.payload):
            return _in_hex(frame.payload)
        return _indented(_payload(frame))

    def _coloured(self, text: str, *, force: bool = False) -> str:
        if self._paint is _plain or not (force or text.startswith(("{", "[", "#"))):
            return text
        return _JSON_TOKEN.sub(self._token, text)

    def _token(self, match: re.Match[str]) -> str:
        text = match[0]
        if match["colon"]:
            return self._paint(text, fg="blue")
        return text if text.startswith('"') else self._paint(text, fg="magenta")

    def _heading(self, shown: Shown, t_ns: int) -> str:
        connection = shown.connections[self._connection or 0]
        session = shown.sessions[connection.id]
        user = f" · {display.visible(connection.user)}" if connection.user else ""
        choice = shown.reading.choice(connection.id)
        how = "" if choice.plain else f" · {display.visible(choice.text)}"
        day = f" · {day}" if (day := self._times.day(t_ns)) else ""
        text = f"── session {session.id} · connection {connection.id}{user} · {display.visible(connection.path)}{how}{day}"
        return self._paint(text, bold=True)


def _plain(text: str, **_style: object) -> str:
    return text


def _event_text(event: Event) -> str:
    """An event's id and document; "" where it has neither."""
    document = "" if event.document is None else _written(event.document).decode()
    id = f"#{event.id}" if event.id is not None else ""
    attached = " ".join(f"[{count_text(len(attachment), 'byte')}]" for attachment in event.attachments)
    return display.visible(" ".join(part for part in (id, document, attached) if part))


def _written(document: Any) -> bytes:
    return values.write(document, unknown=display.hex_text)


def _indented(payload: bytes) -> list[str]:
    """JSON with an indent; other text line by line; what is no text in hex."""
    payload = display.indented_json(payload) or payload
    try:
        return [display.visible(line) for line in payload.decode().split("\n")]
    except UnicodeDecodeError:
        return _in_hex(payload)


def _in_hex(payload: bytes) -> list[str]:
    rows = (payload[at : at + 16] for at in range(0, len(payload), 16))
    return [display.preview_bytes(row, 80) for row in rows]


def _payload(frame: Frame) -> bytes:
    """What is shown of a payload: of a close frame its code and reason."""
    return display.close_text(frame.payload) if frame.opcode == Opcode.CLOSE else frame.payload
