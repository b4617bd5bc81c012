"""Faults put into the events of a recording: what would a client make of it, what would a contract?

    drop:tool_completed                        the event does not come
    duplicate:partial_result                   it comes twice
    delay:tool_completed,by=3s                 it comes later; past the connection's end it does not come
    reorder:agent_thinking                     it changes places with the next message of its connection and direction
    readdress:tool_completed,key=tool,to=c9    it names another tool; without `to`, one that another event names
    corrupt:partial_result                     a byte of it is another one
    truncate:partial_result,keep=20            only its first bytes come
    end:agent_thinking,code=1011               its connection is closed after it; without `code`, dropped

A pattern is `[c2s:|s2c:]type`, with `*`; the type is the product's own, or the contract's. A message of several events is
changed as one. Every kind takes `nth=2` (only the second such event of each connection) and
`p=0.3` (with this probability, by the seed).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import orjson

from wsreplay.contract.identities import Fields, fields_of
from wsreplay.contract.model import Contract, Pattern, parse_pattern
from wsreplay.decode import CannotEncode
from wsreplay.errors import UsageError
from wsreplay.formats.jsonl_export import default_wire_length
from wsreplay.model import FIN, MASKED, Connection, Ending, Frame, Message, Opcode
from wsreplay.replay.content import Content, ContentReader, Namer
from wsreplay.replay.script import PLAIN_JSON, Protocol, protocols_of
from wsreplay.store.creation import new_recording
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.trace import jsonpath as paths
from wsreplay.trace import mutators
from wsreplay.units import parse_duration

KINDS = ("drop", "duplicate", "delay", "reorder", "readdress", "corrupt", "truncate", "end")
_OPTIONS = {"delay": ("by",), "readdress": ("key", "to"), "truncate": ("keep",), "end": ("code",)}
_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class EventFault:
    """One fault as it was asked for."""

    text: str
    kind: str
    pattern: Pattern
    nth: int | None = None
    probability: float = 1.0
    by_ns: int = 0
    key: str = ""
    to: str | None = None
    keep: int | None = None
    code: int | None = None

    @classmethod
    def parse(cls, text: str) -> EventFault:
        """Read `KIND:PATTERN[,OPTION=VALUE]…`. Raises UsageError."""
        try:
            return _parse(text)
        except ValueError as error:
            raise UsageError(f"--fault {text!r}: {error}") from None


def _parse(text: str) -> EventFault:
    head, *rest = (part.strip() for part in text.split(","))
    kind, colon, written = head.partition(":")
    if kind not in KINDS:
        raise ValueError(f"unknown fault {kind!r}: choose one of {', '.join(KINDS)}")
    if not colon or not written:
        raise ValueError(f"write it like {kind}:tool_completed")
    known = ("nth", "p", *_OPTIONS.get(kind, ()))
    options: dict[str, str] = {}
    for part in rest:
        name, equals, value = part.partition("=")
        if not equals or name not in known:
            raise ValueError(f"unknown option {part!r}; it takes {', '.join(known)}, each with a value")
        options[name] = value
    for name in {"delay": ("by",), "readdress": ("key",)}.get(kind, ()):
        if name not in options:
            raise ValueError(f"{kind} needs {name}=…")
    probability = float(options.get("p", "1"))
    if not 0 <= probability <= 1:
        raise ValueError("p must be a probability from 0 to 1")
    numbers = {name: int(options[name]) for name in ("nth", "keep", "code") if name in options}
    if numbers.get("nth", 1) < 1 or numbers.get("keep", 0) < 0 or not 1000 <= numbers.get("code", 1000) < 5000:
        raise ValueError("nth counts from 1, keep from 0, and a close code is from 1000 to 4999")
    if "key" in options and options["key"].startswith("$"):
        paths.parse(options["key"])
    return EventFault(
        text, kind, parse_pattern(written), numbers.get("nth"), probability, parse_duration(options.get("by", "0")),
        options.get("key", ""), options.get("to"), numbers.get("keep"), numbers.get("code"),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class AppliedFault:
    """What was done to one message of the recording."""

    t_ns: int
    connection_id: int
    direction: int
    kind: str
    detail: str
    message: Message | None  # what became of it


class Mutation:
    """The messages of a recording while faults are put into them."""

    def __init__(
        self, messages: Sequence[Message], connections: Sequence[Connection], fields: Fields, seed: int = 0,
        protocols: Mapping[int, Protocol] | None = None, name_of: Callable[[str], str] = str,
    ) -> None:  # fmt: skip
        """`protocols` are what connections are read by, by their numbers; `name_of` what a contract calls a product's event."""
        self.messages: list[Message] = list(messages)
        self._protocols = {connection.id: (protocols or {}).get(connection.id, PLAIN_JSON) for connection in connections}
        self._readers = {
            id: ContentReader(protocol.decoder, fields, hints=protocol.hints) for id, protocol in self._protocols.items()
        }
        self._name_of = name_of
        self.connections = {connection.id: connection for connection in connections}
        # the last message of the recording first, fault by fault
        self.done: list[AppliedFault] = []
        self._random = Random(seed)

    def apply(self, fault: EventFault) -> int:
        """Put a fault in wherever its pattern fits; gives how often it did."""
        before = len(self.done)
        for at in reversed(list(self._chosen(fault))):
            if at < len(self.messages):  # its connection may have ended before it
                self._apply_at(fault, at)
        return len(self.done) - before

    def _chosen(self, fault: EventFault) -> Iterator[int]:
        counts: defaultdict[int, int] = defaultdict(int)
        namers = {id: Namer(protocol.decoder, hints=protocol.hints) for id, protocol in self._protocols.items()}
        for index, message in enumerate(self.messages):
            names = namers[message.connection_id].names(message.direction, message.opcode, message.payload)
            if not any(self._fits(fault.pattern, message.direction, name) for name in names):
                continue
            counts[message.connection_id] += 1
            if fault.nth in (None, counts[message.connection_id]) and self._random.random() < fault.probability:
                yield index

    def _fits(self, pattern: Pattern, direction: int, name: str) -> bool:
        return pattern.fits(direction, name) or pattern.fits(direction, self._name_of(name))

    def _apply_at(self, fault: EventFault, at: int) -> None:
        message = self.messages[at]
        detail, after = fault.text, None
        if fault.kind == "drop":
            self.messages = mutators.drop(self.messages, at)
        elif fault.kind == "duplicate":
            self.messages = mutators.duplicate(self.messages, at)
            after = self.messages[at + 1]
        elif fault.kind == "delay":
            after, detail = self._delay(fault, at)
        elif fault.kind == "reorder":
            after, detail = self._reorder(fault, at)
        elif fault.kind == "readdress":
            after, detail = self._readdress(fault, at)
        elif fault.kind == "corrupt":
            self.messages = mutators.corrupt(self.messages, at, self._random)
            after = self.messages[at]
        elif fault.kind == "truncate":
            keep = len(message.payload) // 2 if fault.keep is None else fault.keep
            self.messages = mutators.truncate(self.messages, at, keep)
            after = self.messages[at]
        else:
            self._end(fault, at)
            after = message
        if detail:
            t_ns = message.t_ns if after is None else after.t_ns
            self.done.append(AppliedFault(t_ns, message.connection_id, message.direction, fault.kind, detail, after))

    def _delay(self, fault: EventFault, at: int) -> tuple[Message | None, str]:
        message = self.messages[at]
        if message.t_ns + fault.by_ns > self._reach(message):
            self.messages = mutators.drop(self.messages, at)
            return None, f"{fault.text}: it did not come before the connection ended"
        before = {id(message) for message in self.messages}
        self.messages = mutators.delay(self.messages, at, fault.by_ns)
        return next(message for message in self.messages if id(message) not in before), fault.text

    def _reach(self, message: Message) -> int:
        """Until when its connection lets something come."""
        for other in self.messages:
            if other.connection_id == message.connection_id and other.opcode == Opcode.CLOSE:
                return other.t_ns
        closed_ns = self.connections[message.connection_id].closed_ns
        return max((message.t_ns for message in self.messages), default=0) if closed_ns is None else closed_ns

    def _reorder(self, fault: EventFault, at: int) -> tuple[Message | None, str]:
        other = mutators.next_like(self.messages, at)
        if other is None:
            return None, ""
        self.messages = mutators.swap(self.messages, at, other)
        return self.messages[other], fault.text

    def _readdress(self, fault: EventFault, at: int) -> tuple[Message | None, str]:
        message = self.messages[at]
        reader, content = self._readers[message.connection_id], self._content(message)
        for path, value in _addresses(fault.key, content):
            to = _json_or_text(fault.to) if fault.to is not None else self._another(fault.key, message, value)
            if to is None:
                break
            change = path, value, to
            try:
                written = reader.write(message.direction, message.opcode, message.payload, content, [change])
            except CannotEncode:
                break
            self.messages = mutators.with_payload(self.messages, at, written)
            return self.messages[at], f"{fault.text}: {value} became {to}"
        return None, ""

    def _content(self, message: Message) -> Content:
        return self._readers[message.connection_id].read(message.direction, message.opcode, message.payload)

    def _another(self, key: str, message: Message, value: Any) -> Any:
        """A value that another event of the recording has there, of its own connection first."""
        index = None
        for other in self.messages:
            for _, candidate in _addresses(key, self._content(other)):
                if candidate != value:
                    if other.connection_id == message.connection_id:
                        return candidate
                    index = candidate if index is None else index
        return index

    def _end(self, fault: EventFault, at: int) -> None:
        message = self.messages[at]
        connection = self.connections[message.connection_id]
        self.messages = mutators.end_after(self.messages, at)
        ended = connection._replace(
            closed_ns=message.t_ns, ending=Ending.DROPPED, closed_by="server", close_code=None, close_reason=None,
            error="server: Connection reset by peer",
        )  # fmt: skip
        if fault.code is not None:
            payload = fault.code.to_bytes(2, "big")
            close = Message(0, connection.id, 0, message.t_ns, 1, Opcode.CLOSE, None, payload, 0)
            self.messages.insert(at + 1, close)
            ended = ended._replace(ending=Ending.CLEAN, close_code=fault.code, error=None)
        self.connections[connection.id] = ended


def _addresses(key: str, content: Content) -> list[tuple[paths.Path, Any]]:
    """Where a key, or a path, leads in a message, and what stands there."""
    if key.startswith("$"):
        places = list(content.at_every_event(paths.parse(key)))
        return [(path, value) for path in places if (value := paths.get(content.root, path)) is not paths.MISSING]
    return [(path, value) for domain, path, value in content.ids if domain == key]


def _json_or_text(text: str) -> Any:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return value if isinstance(value, str | int) else text


def mutate(
    recording: Recording, faults: Sequence[EventFault], out: Path, contract: Contract | None = None, seed: int = 0
) -> list[AppliedFault]:
    """Copy a recording with faults in it, and a `fault` row for each. Raises UsageError where `out` exists, or nothing fits."""
    with recording.snapshot():
        messages, frames = _read(recording)
        name_of = contract.map.name_of if contract is not None else str
        protocols = protocols_of(recording, contract)
        mutation = Mutation(messages, recording.connections(), fields_of(contract), seed, protocols, name_of)
        for fault in faults:
            if not mutation.apply(fault) and fault.probability == 1:
                keys = fields_of(contract).of.domains
                unknown = fault.kind == "readdress" and not fault.key.startswith("$") and fault.key not in keys
                why = f"; its key is none of {', '.join(keys) or 'a contract'}" if unknown else ""
                raise UsageError(f"--fault {fault.text!r}: {recording.path} has no event for it{why}")
        with new_recording(out) as writer:
            _write(recording, mutation, frames, writer)
    return mutation.done


def _read(recording: Recording) -> tuple[list[Message], dict[int, list[Frame]]]:
    """The messages in order, and the frames of each. A frame of a message that was never finished stands for itself."""
    messages: list[Message] = []
    frames: dict[int, list[Frame]] = {}
    open_: dict[tuple[int, int], list[Frame]] = {}
    for frame in recording.frames():
        place = frame.connection_id, frame.direction
        if frame.opcode >= Opcode.CLOSE:
            parts = [frame]
        else:
            if frame.opcode:
                _leave_unfinished(open_.pop(place, []), messages, frames)
            parts = [*open_.pop(place, []), frame]
            if not frame.flags & FIN:
                open_[place] = parts
                continue
        payload = parts[0].payload if len(parts) == 1 else b"".join(part.payload for part in parts)
        frames[frame.id] = parts
        messages.append(Message(
            frame.id, frame.connection_id, frame.seq, frame.t_ns, frame.direction, parts[0].opcode, frame.type, payload,
            parts[0].id,
        ))  # fmt: skip
    for parts in open_.values():
        _leave_unfinished(parts, messages, frames)
    messages.sort(key=lambda message: (message.t_ns, message.id))
    return messages, frames


def _leave_unfinished(parts: list[Frame], messages: list[Message], frames: dict[int, list[Frame]]) -> None:
    for part in parts:
        frames[part.id] = [part]
        messages.append(Message(
            part.id, part.connection_id, part.seq, part.t_ns, part.direction, part.opcode, None, part.payload, part.id
        ))  # fmt: skip


def _write(recording: Recording, mutation: Mutation, frames: dict[int, list[Frame]], writer: Writer) -> None:
    for run in recording.runs():
        id_ = writer.insert_run(
            started_at=run.started_at, start_ns=run.start_ns, upstream=run.upstream, listen=run.listen, version=run.version,
            options=run.options,
        )  # fmt: skip
        writer.update_run(id_, reached_ns=run.reached_ns, ended_ns=run.ended_ns)
        writer.commit()
    for connection in mutation.connections.values():
        writer.insert_connection(connection)
    ids = _write_frames(mutation, frames, writer)
    for hold in recording.holds():
        writer.add_hold(hold.start_ns, hold.end_ns)
    for fault in recording.faults():
        writer.add_fault(fault.t_ns, fault.kind, fault.detail, fault.connection_id, fault.direction)
    for done in sorted(mutation.done, key=lambda message: message.t_ns):
        frame_id = None if done.message is None else ids.get(id(done.message))
        writer.add_fault(done.t_ns, done.kind, done.detail, done.connection_id, done.direction, frame_id)


def _write_frames(mutation: Mutation, frames: dict[int, list[Frame]], writer: Writer) -> dict[int, int]:
    """Number frames anew; gives the frame of each message, by its identity."""
    seqs: defaultdict[int, int] = defaultdict(int)
    offsets: defaultdict[tuple[int, int], int] = defaultdict(int)
    ids: dict[int, int] = {}
    for message in mutation.messages:
        for part in frames[message.id] if message.id else [_one_frame(message)]:
            seqs[message.connection_id] += 1
            place = message.connection_id, message.direction
            row = part._replace(seq=seqs[message.connection_id], offset=offsets[place])
            offsets[place] += row.wire_length
            writer.add_frames([row[1:]])
        ids[id(message)] = writer.last_frame_id
        if writer.waiting >= _BATCH:
            writer.commit()
    return ids


def _one_frame(message: Message) -> Frame:
    masked = message.direction == 0
    return Frame(
        0, message.connection_id, 0, message.t_ns, message.direction, message.opcode, FIN | (MASKED if masked else 0),
        default_wire_length(len(message.payload), masked), 0, message.type, message.payload,
    )  # fmt: skip
