"""Plays one connection's script to its other side: causal first, then in time.

What we said after a message of the other side is said after it has come. From there it keeps the recorded distance to what
went before it, divided by the speed; a pause longer than the idle limit is cut to it. The clock is the event loop's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from wsreplay.contract.identities import Fields, IdMap
from wsreplay.decode import CannotEncode, Heartbeat, heartbeat_of
from wsreplay.model import CLOSE, Ending
from wsreplay.replay.content import Content, ContentReader, Namer
from wsreplay.replay.expectations import Expectations, Mismatch, SideEnded
from wsreplay.replay.peer import Peer
from wsreplay.replay.script import Script, Step
from wsreplay.replay.splice import Change
from wsreplay.trace import jsonpath as paths
from wsreplay.units import SECOND, duration_text

POLICY_VIOLATION = 1008
_TYPES = ((), ("type",), ("event",), ("method",), ("target",))  # members that say what an event is
_BREATH_EVERY = 500  # frames sent in one go before others have their turn
_CLOSE_TIMEOUT_S = 5.0
# How long what no step waits for may be late before we end the connection: a peer pings as it likes.
_TRAILING_TIMEOUT_S = 1.0


class OnMismatch(StrEnum):
    """What to do where the other side does not follow the recording."""

    WAIT = "wait"  # go on waiting for what was expected
    SKIP = "skip"  # take what came for what was expected
    CLOSE = "close"  # close the connection with 1008


@dataclass(frozen=True, slots=True)
class Pace:
    """`speed` 1 is the recorded one, inf as fast as it goes; `idle_limit_s` is the longest pause; `timeout_s` how long past its
    recorded time a message of the other side is waited for (None: for ever)."""

    speed: float = 1.0
    idle_limit_s: float = inf
    timeout_s: float | None = None

    def seconds(self, ns: int) -> float:
        """A recorded distance as one to be kept."""
        return 0.0 if self.speed == inf else min(max(ns, 0) / 1e9, self.idle_limit_s) / self.speed


@dataclass
class Played:
    """How one connection went. `late_s` are the seconds by which our messages went out after they were due."""

    session: int
    connection: int
    sent: int = 0  # messages of ours
    came: int = 0  # messages of theirs
    mismatches: list[Mismatch] = field(default_factory=list)  # in the order in which they showed
    late_s: list[float] = field(default_factory=list)
    complete: bool = False  # all of its script was played

    def count_sent(self) -> None:
        """A message of ours went out."""
        self.sent += 1

    def count_came(self) -> None:
        """A message of the other side came."""
        self.came += 1

    def finish(self, complete: bool = True) -> None:
        """It is over; `complete`: all of its script was played."""
        self.complete = complete


@dataclass(frozen=True, slots=True)
class PlayedDirection:
    """How to play: what all connections of a replay have in common."""

    pace: Pace
    fields: Fields
    on_mismatch: OnMismatch = OnMismatch.WAIT
    coalesce: frozenset[str] = frozenset()
    mismatched: Callable[[Mismatch], None] = lambda mismatch: None
    keep_lateness: bool = False


class ScriptRunner:
    """One connection being played. `came` and `ended` are what its peer tells."""

    def __init__(
        self,
        script: Script,
        how: PlayedDirection,
        ids: IdMap,
        rewrite: Callable[[Content], list[Change]] | None = None,
        on_match: Callable[[Step, float], None] | None = None,
        on_sent: Callable[[Step, float], None] | None = None,
    ) -> None:
        self.script, self.how, self.ids = script, how, ids
        decoder, hints = script.protocol
        self._theirs = 1 - script.direction
        # What messages say, and what those of the live conversation are called.
        self._reader, self._namer = ContentReader(decoder, how.fields, hints=hints), Namer(decoder, hints=hints)
        self.expected = Expectations(
            script.steps, how.fields, ids, how.coalesce, reader=self._reader, direction=self._theirs
        )
        self.report = Played(script.session, script.connection.id)
        self.peer: Peer
        self._rewrite, self._on_match, self._on_sent = rewrite, on_match, on_sent
        self._cut: asyncio.Future[None] = asyncio.get_running_loop().create_future()  # done when the other side has left
        # Whether messages go out as they were recorded, as long as no id stands for another: nobody else names one.
        self._is_verbatim = rewrite is None and all(step.ours or step.opcode >= CLOSE for step in script.steps)
        self._rest: bytes | None = None  # of a fragmented message whose ids were replaced
        self._is_between = True  # whether our last message is whole
        self._index = 0  # of the step that is played now
        self._in_hand = 0  # frames sent since others had their turn

    # What the peer tells.

    def came(self, opcode: int, payload: bytes, at: float) -> None:
        beat = heartbeat_of(self.script.protocol.decoder, self._theirs, opcode, payload)
        if beat is not None:
            self._answer(opcode, beat)
            return
        self.report.count_came()
        kind = self._namer.name(self._theirs, opcode, payload)
        missed = self._missed() if opcode == CLOSE else None
        if missed is not None:
            self._closed_early(payload, missed)
            return
        step, reason = self.expected.come(opcode, payload, at, kind)
        if step is not None:
            if self._on_match is not None:
                self._on_match(step, at)
            return
        if opcode == CLOSE:
            self._closed_early(payload)
            return
        self._note_mismatch(reason)
        if self.how.on_mismatch is OnMismatch.CLOSE:
            self.peer.send(CLOSE, POLICY_VIOLATION.to_bytes(2, "big") + b"did not follow the recording")
            self.peer.flush()
            self.ended()
        elif self.how.on_mismatch is OnMismatch.SKIP:
            self.expected.give_up(at)

    def _answer(self, opcode: int, beat: Heartbeat) -> None:
        """Between two messages of ours; in the midst of one the other side has to wait for its next heartbeat."""
        if beat.answer is not None and self._is_between and not self.peer.sent_close:
            self.peer.send(opcode, beat.answer)
            self.peer.flush()

    def ended(self) -> None:
        self.expected.end()
        if not self._cut.done():
            self._cut.set_result(None)

    def _missed(self) -> Step | None:
        """What was said before their close frame when it was recorded, and has not been said yet; nothing can follow it."""
        for index in range(self._index, len(self.script.steps)):
            step = self.script.steps[index]
            if not step.ours and step.opcode == CLOSE:
                break
            if step.opcode < CLOSE and not step.raw and (step.ours or not self.expected.has_come(index)):
                return step
        return None

    def _closed_early(self, payload: bytes, missed: Step | None = None) -> None:
        if (missed is not None or not self.script.unknown_end) and not self.peer.sent_close:
            code = int.from_bytes(payload[:2], "big") if len(payload) > 1 else None
            self._note_mismatch(f"the connection was closed{'' if code is None else f' with {code}'}", missed)
        self.ended()

    def _note_mismatch(self, came: str, step: Step | None = None) -> None:
        step = step or self.expected.next
        expected = "nothing more" if step is None else step.words
        if step is not None and step.ours:
            expected += " to be heard"
        mismatch = Mismatch(self.script.session, self.script.connection.id, expected, came, step.frame_id if step else 0)
        self.report.mismatches.append(mismatch)
        self.how.mismatched(mismatch)

    # What we do.

    @property
    def has_said_all(self) -> bool:
        """Whether nothing more goes out until the other side says something, or leaves."""
        if self._index == len(self.script.steps):
            return self.script.unknown_end or not self.script.we_end
        return not self.script.steps[self._index].ours and not self.expected.has_come(self._index)

    def meet(self, peer: Peer) -> None:
        """This is the other side."""
        self.peer = peer

    async def play(self) -> Played:
        """Play the script to its end."""
        loop = asyncio.get_running_loop()
        live, before = loop.time(), self.script.connection.opened_ns
        steps = self.script.steps
        try:
            for index, step in enumerate(steps):
                self._index = index
                gap_ns, before = step.t_ns - before, step.t_ns
                if step.ours:
                    live += self.how.pace.seconds(gap_ns)
                    await self._until(live)
                    await self._do(step, live)
                else:
                    self.peer.flush()
                    live = max(live, await self._await(index, step, gap_ns))
            self._index = len(steps)
            self.report.finish()
            await self._end(live, before)
        except SideEnded:
            self._left_early()
        finally:
            self.peer.flush()
        return self.report

    async def _until(self, due: float) -> None:
        """Wait for a time, and until there is room for more. Raises SideEnded as soon as the other side has left."""
        loop = asyncio.get_running_loop()
        wait = due - loop.time()
        if wait > 0:
            self.peer.flush()
            self._in_hand = 0
            await asyncio.wait({self._cut}, timeout=wait)
        elif self._in_hand >= _BREATH_EVERY:
            self._in_hand = 0
            self.peer.flush()
            await asyncio.sleep(0)
        if self.peer.full:
            self.peer.flush()
            await self.peer.drain()
        if self._cut.done():
            raise SideEnded

    async def _do(self, step: Step, due: float) -> None:
        self._in_hand += 1
        if step.raw:
            self.peer.send_raw(step.payload)
        elif step.opcode == CLOSE:
            if not self.peer.sent_close:
                self.peer.send(CLOSE, step.payload)
        else:
            self.peer.send(step.opcode, self._payload(step), step.fin)
            if step.opcode < CLOSE:
                self._is_between = step.fin
            if self._on_sent is not None:
                self._on_sent(step, time.monotonic())
        self.report.count_sent()
        if self.how.keep_lateness:
            self.peer.flush()
            # The clock of asyncio's loops; uvloop shows it in whole milliseconds only.
            self.report.late_s.append(time.monotonic() - due)

    def _payload(self, step: Step) -> bytes:
        """The payload with the ids that stand for the recorded ones."""
        if step.whole is not None:
            whole = step.whole if self._is_verbatim and not self.ids else self._mapped(step.opcode, step.whole)
            if self._namer.is_decoding:
                self._namer.names(self.script.direction, step.opcode, whole)  # answers may be named after it
            if step.fin:
                return whole
            self._rest = None if whole is step.whole else whole
        if self._rest is None:
            return step.payload
        if step.fin:
            piece, self._rest = self._rest, None
            return piece
        piece, self._rest = self._rest[: len(step.payload)], self._rest[len(step.payload) :]
        return piece

    def _mapped(self, opcode: int, payload: bytes) -> bytes:
        direction = self.script.direction
        content = self._reader.read(direction, opcode, payload)
        if not content.documents:
            return payload
        changes = self._rewrite(content) if self._rewrite is not None else []
        changes += self.ids.changes(content.ids, self.how.fields.akin)
        if self.ids.renames:
            changes += self._by_value(content)
        if not changes:
            return payload
        try:
            return self._reader.write(direction, opcode, payload, content, changes)
        except CannotEncode as error:
            self._note_mismatch(f"{error}: it was sent as it was recorded, with ids of then", self.script.steps[self._index])
            return payload

    def _by_value(self, content: Content) -> list[Change]:
        """What stands where no key looks, and is a known id: it stands for the same."""
        taken = {path for _, path, _ in content.ids}
        return [
            (path, text, live)
            for path, text in paths.texts_in(content.root)
            if path not in taken and path[-1:] not in _TYPES and (live := self.ids.by_value(text)) not in (None, text)
        ]

    async def _await(self, index: int, step: Step, gap_ns: int) -> float:
        """When a message of theirs came, or was given up."""
        timeout = self.how.pace.timeout_s
        if timeout is None or self.expected.has_come(index):
            return await self.expected.met(index)
        patience = timeout + min(max(gap_ns, 0) / 1e9, self.how.pace.idle_limit_s)
        try:
            async with asyncio.timeout(patience):
                return await self.expected.met(index)
        except TimeoutError:
            now = asyncio.get_running_loop().time()
            self._note_mismatch(f"nothing came for {duration_text(patience * SECOND)}", step)
            # What else should have come before we speak again has had its time too.
            for later in range(index, len(self.script.steps)):
                if self.script.steps[later].ours:
                    break
                self.expected.give_up_at(later, now)
            return now

    async def _end(self, live: float, before: int) -> None:
        """End the connection as it was recorded."""
        script, peer = self.script, self.peer
        peer.flush()
        if script.unknown_end:
            if script.direction == 0:
                await self._say_goodbye()
            else:
                await asyncio.shield(peer.over)
                await self._finish_clean()
            return
        if script.connection.ending is Ending.CLEAN:
            await self._finish_clean()
            return
        if script.we_end:
            await self._until(live + self.how.pace.seconds((script.connection.closed_ns or before) - before))
            await self._hear_out()
            peer.reset() if script.reset else peer.close()
        else:
            await self._await_end("the connection to be dropped")
            peer.close()

    async def _hear_out(self) -> None:
        """Wait for what came before we ended the connection, and that no step waits for."""
        trailing, peer = self.script.trailing, self.peer
        try:
            async with asyncio.timeout(_TRAILING_TIMEOUT_S):
                while not self._cut.done():
                    if trailing.control <= peer.control and trailing.unfinished <= peer.unfinished:
                        break
                    await peer.hear()
        except TimeoutError:
            pass

    async def _finish_clean(self) -> None:
        """Close frames were exchanged; the server closes the TCP connection first (RFC 6455, section 7.1.1)."""
        peer = self.peer
        if peer.close_payload is not None and not peer.sent_close:
            peer.send(CLOSE, peer.close_payload)
        peer.flush()
        if peer.close_payload is None or self.script.direction == 0:
            await self._await_end("the connection to be closed")
        peer.close()

    async def _say_goodbye(self) -> None:
        await self._hear_out()
        if not self.peer.sent_close and not self.peer.bytes_over.done():
            self.peer.send(CLOSE, (1000).to_bytes(2, "big"))
            self.peer.flush()
            await self._await_end("the connection to be closed")
        self.peer.close()

    async def _await_end(self, what: str) -> None:
        timeout = self.how.pace.timeout_s
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S if timeout is None and self.peer.sent_close else timeout):
                await asyncio.shield(self.peer.bytes_over)
        except TimeoutError:
            mismatch = Mismatch(self.script.session, self.script.connection.id, what, "it stayed open", 0)
            self.report.mismatches.append(mismatch)
            self.how.mismatched(mismatch)
            self.peer.close()

    def _left_early(self) -> None:
        """The other side ended the connection before the script was over."""
        peer, script = self.peer, self.script
        if peer.close_payload is None and not self.report.mismatches and not peer.sent_close:
            missed = self._missed()
            self.report.finish(missed is None and script.connection.ending is Ending.DROPPED and not script.we_end)
            if not self.report.complete:
                self._note_mismatch("the connection was dropped", missed)
        if peer.close_payload is not None and not peer.sent_close:
            peer.send(CLOSE, peer.close_payload)
        peer.close()
