"""A recorded connection as the script of a play: what one side does, what it waits for from the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from wsreplay.contract.decoding import are_hints, choices_of, decoders_of
from wsreplay.contract.identities import Fields
from wsreplay.contract.model import Contract
from wsreplay.contract.users import sessions_of
from wsreplay.decode import PLAIN, Decoder, Heartbeat, get_decoder, heartbeat_of
from wsreplay.errors import UsageError
from wsreplay.formats.jsonl_export import default_wire_length
from wsreplay.model import FIN, Connection, Ending, Frame, Opcode, Session
from wsreplay.replay.content import ContentReader, Namer
from wsreplay.store.fragments import FragmentJoiner
from wsreplay.store.reader import Recording
from wsreplay.trace.sessions import there_are


class Step(NamedTuple):
    """One frame that we send, or one message that the other side sends.

    `whole` is the payload of the message that a frame of ours begins, where its ids may have to be replaced: fragments are
    cut from it at the same places. `raw` are bytes that are no frames.
    """

    t_ns: int
    ours: bool
    opcode: int
    fin: bool
    payload: bytes
    type: str | None
    frame_id: int
    whole: bytes | None = None
    raw: bool = False

    @property
    def name(self) -> str:
        """What it is called on the console."""
        return self.type or Opcode(self.opcode).name.lower() if self.opcode in _NAMED else f"opcode {self.opcode}"

    @property
    def words(self) -> str:
        """The same, with the code of a close frame."""
        is_code = self.opcode == Opcode.CLOSE and len(self.payload) > 1
        return f"close {int.from_bytes(self.payload[:2], 'big')}" if is_code else self.name


_NAMED = frozenset(int(opcode) for opcode in Opcode)


class Trailing(NamedTuple):
    """What the other side sent after its last whole message: how many control frames of each opcode, and how many bytes of a
    message that was never finished."""

    control: Counter[int]
    unfinished: int = 0


class Protocol(NamedTuple):
    """What a connection's messages are read by; `hints`: plain JSON has its types at the top."""

    decoder: Decoder
    hints: bool = True


PLAIN_JSON = Protocol(get_decoder(PLAIN))


@dataclass(frozen=True, slots=True)
class Script:
    """One connection. Steps of ours are frames in their order; of theirs, whole messages and the close frame.

    Heartbeats of theirs, and our answers to them, are none: the peer that we are answers them by itself.
    """

    session: int
    connection: Connection
    steps: tuple[Step, ...]
    direction: int  # of what we send
    trailing: Trailing
    protocol: Protocol

    @property
    def we_end(self) -> bool:
        """Whether our side was the first to end the connection."""
        return self.connection.closed_by == ("server" if self.direction else "client")

    @property
    def reset(self) -> bool:
        """Whether the TCP connection was reset, not closed."""
        error = self.connection.error or ""
        return self.connection.ending is Ending.DROPPED and "reset" in error

    @property
    def unknown_end(self) -> bool:
        return self.connection.ending in (Ending.TRUNCATED, Ending.OPEN)


@dataclass(frozen=True, slots=True)
class SessionScript:
    """One session: its connections in order."""

    session: Session
    scripts: tuple[Script, ...]


def read_parts(
    recording: Recording, direction: int, session: int | None = None, contract: Contract | None = None
) -> list[SessionScript]:
    """The sessions of a recording as scripts for the side that sends in `direction`, joined and read as a contract says.

    Raises UsageError where none is there.
    """
    with recording.snapshot():
        protocols = protocols_of(recording, contract)
        sessions = sessions_of(recording, contract)
        chosen = [candidate for candidate in sessions if session is None or candidate.id == session]
        if not chosen:
            there = there_are(sessions)
            raise UsageError(f"{recording.path} has no session {session}: {there}" if session else f"{recording.path}: {there}")
        wanted = sorted(connection.id for session in chosen for connection in session.connections)
        frames: dict[int, list[Frame]] = {number: [] for number in wanted}
        for frame in recording.frames(connections=None if session is None else wanted):
            frames[frame.connection_id].append(frame)
        tails: dict[int, list[Tail]] = {}
        for number, side, _, t_ns, data in recording.tails():
            tails.setdefault(number, []).append((side, t_ns, data))
    return [
        SessionScript(
            session,
            tuple(
                script_of(
                    session.id, connection, frames.get(connection.id, ()), direction, tails.get(connection.id, ()),
                    protocols[connection.id],
                )
                for connection in session.connections
            ),
        )
        for session in chosen
    ]


def protocols_of(recording: Recording, contract: Contract | None) -> dict[int, Protocol]:
    """What each connection is read by, as a contract says or as it shows to need."""
    choices, decoder_of, hints = choices_of(contract), decoders_of(contract), are_hints(contract)
    choices.refresh(recording, recording.connections())
    return {id: Protocol(decoder_of(name), hints) for id, name in choices.names().items()}


Tail = tuple[int, int, bytes]  # direction, time, and bytes that are no frames


def script_of(
    session: int, connection: Connection, frames: Sequence[Frame], direction: int, tails: Sequence[Tail] = (),
    protocol: Protocol = PLAIN_JSON,
) -> Script:  # fmt: skip
    """The script of one connection. `tails` of ours go last."""
    names, beats = _named(frames, protocol)
    steps: list[Step] = []
    parts: list[Frame] = []  # of their unfinished message
    ours_open: list[int] = []  # indexes of our frames of an unfinished message
    pings: list[bytes] = []
    closes = False
    for frame in frames:
        closes = closes or frame.opcode == Opcode.CLOSE
        frame = frame._replace(type=names.get(frame.id))
        if frame.id in beats and (frame.direction != direction or beats[frame.id].is_answer):
            continue
        if frame.direction != direction:
            parts, message = _their_message(parts, frame)
            if frame.opcode == Opcode.PING:
                pings.append(frame.payload)
            elif message is not None:
                steps.append(message)
        elif frame.opcode == Opcode.PONG and frame.payload in pings:
            pings.remove(frame.payload)  # the peer that we are answers pings by itself
        else:
            if not (frame.flags & FIN) and frame.opcode:
                ours_open = []
            if not (frame.opcode >= Opcode.CLOSE):
                ours_open.append(len(steps))
            steps.append(_our_frame(frame))
            if frame.flags & FIN and frame.opcode < Opcode.CLOSE:
                _give_whole(steps, ours_open)
                ours_open = []
    steps += [Step(t_ns, True, 0, True, data, None, 0, raw=True) for side, t_ns, data in tails if side == direction]
    if connection.ending is Ending.CLEAN and not closes:
        steps += _closing(connection, direction, steps[-1].t_ns if steps else connection.opened_ns)
    return Script(session, connection, tuple(steps), direction, _trailing(frames, 1 - direction, tails), protocol)


def _named(frames: Iterable[Frame], protocol: Protocol) -> tuple[dict[int, str], dict[int, Heartbeat]]:
    """By frame: the types of the message that it ends, and which are heartbeats."""
    joiner, namer = FragmentJoiner(), Namer(protocol.decoder, hints=protocol.hints)
    names: dict[int, str] = {}
    beats: dict[int, Heartbeat] = {}
    for frame in frames:
        message = joiner.add(frame)
        if message is None:
            continue
        content = message.direction, message.opcode, message.payload
        beat = heartbeat_of(protocol.decoder, *content) if message.first_id == frame.id else None
        if beat is not None:
            beats[frame.id] = beat
        elif (name := namer.name(*content)) is not None:
            names[frame.id] = name
    return names, beats


def _trailing(frames: Iterable[Frame], direction: int, tails: Iterable[Tail]) -> Trailing:
    control: Counter[int] = Counter()
    unfinished = 0
    for frame in frames:
        if frame.direction != direction:
            continue
        if frame.flags & FIN and frame.opcode < Opcode.CLOSE:
            control.clear()
            unfinished = 0
            continue
        if frame.opcode < Opcode.CLOSE or unfinished:
            unfinished += default_wire_length(len(frame.payload), masked=direction == 0)
        if frame.opcode >= Opcode.CLOSE:
            control[frame.opcode] += 1
    return Trailing(control, unfinished + sum(len(data) for side, _, data in tails if side == direction))


def _closing(connection: Connection, direction: int, t_ns: int) -> list[Step]:
    """The close frames of a recording that says how a connection was closed but does not hold them, as an imported one may."""
    code, reason = connection.close_code, (connection.close_reason or "").encode()
    payload = b"" if code is None or code in (1005, 1006) else code.to_bytes(2, "big") + reason
    first = connection.closed_by == ("server" if direction else "client")
    t_ns = max(t_ns, connection.closed_ns or 0)
    return [Step(t_ns, ours, Opcode.CLOSE, True, payload, None, 0) for ours in (first, not first)]


def _our_frame(frame: Frame) -> Step:
    return Step(
        frame.t_ns, True, frame.opcode, bool(frame.flags & FIN), frame.payload, frame.type, frame.id,
        frame.payload if frame.opcode in (Opcode.TEXT, Opcode.BINARY) and frame.flags & FIN else None,
    )  # fmt: skip


def _give_whole(steps: list[Step], indexes: list[int]) -> None:
    """A fragmented message is known whole when its first frame goes out."""
    if len(indexes) > 1 and steps[indexes[0]].opcode != Opcode.CONTINUATION:
        whole = b"".join(steps[index].payload for index in indexes)
        steps[indexes[0]] = steps[indexes[0]]._replace(whole=whole)


def _their_message(parts: list[Frame], frame: Frame) -> tuple[list[Frame], Step | None]:
    if frame.opcode == Opcode.CLOSE:
        return parts, _theirs(frame, frame.opcode, frame.payload)
    if frame.opcode > Opcode.CLOSE:
        return parts, None
    parts = [frame] if frame.opcode else [*parts, frame]
    if not frame.flags & FIN:
        return parts, None
    return [], _theirs(frame, parts[0].opcode, b"".join(part.payload for part in parts))


def _theirs(frame: Frame, opcode: int, payload: bytes) -> Step:
    return Step(frame.t_ns, False, opcode, True, payload, frame.type, frame.id)


def ids_said(script: Script, fields: Fields) -> Iterator[tuple[bool, tuple[str, Any]]]:
    """Every id of a connection's messages, (kind, value), in order, and whether it is one of ours that says it."""
    reader = ContentReader(script.protocol.decoder, fields, hints=script.protocol.hints)
    for step in script.steps:
        direction = script.direction if step.ours else 1 - script.direction
        content = reader.read(direction, step.opcode, step.payload if step.whole is None else step.whole)
        yield from ((step.ours, (domain, value)) for domain, _, value in content.ids)
