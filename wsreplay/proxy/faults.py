"""Faults on the live path, by bytes: what a bad network does, on purpose and on record.

    latency=200ms,jitter=50ms        bytes come later, in order
    bandwidth=64kB                   so many bytes a second
    slice=1-20,pause=1ms             bytes come in small pieces, cut anywhere
    reset,bytes=1000                 both peers are reset, after so many bytes
    close,from=3s                    both TCP connections are closed without a close frame, after so long
    blackhole                        bytes vanish, and so does the end: neither peer is told. With `until`, they come late
    halfopen,dir=c2s                 the server's connection is closed, and the client is not told

Every kind takes `dir=c2s|s2c|both` (of `halfopen`: who is not told), `p=0.3` (the probability: of `latency` for each chunk,
else for each connection), `from` and `until` (since the connection opened). Chance depends on the seed, on the connection's
number and on the place in its bytes only; so the same seed makes the same faults.

A fault comes before the hand-over: the recording holds what the receiving peer got, when it got it; a `fault` row says what
was done. The tunnel without faults is another class: it pays nothing for them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import cast

import msgspec

from wsreplay.proxy.faultspec import VALUED, FaultSpec
from wsreplay.proxy.recorder_client import RecorderClient
from wsreplay.proxy.tunnel import Leg, StreamEnd, Tunnel
from wsreplay.recorder.protocol import Closing, FaultNote, RecordKind
from wsreplay.units import SECOND, duration_text, size_text

# A leg with more than this on its line is read no further.
_LINE_FULL = 2**20
# What is due so soon is passed on at once.
_EARLY_S = 0.0005
_SLOW = 16  # why a leg is not read, beside the tunnel's own reasons
_TICKS_PER_S = 50  # of a limited bandwidth
# How long a peer that has closed its end, and is not answered, keeps its socket here.
_LINGER_S = 5.0


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """The faults of one run."""

    specs: Sequence[FaultSpec]
    seed: int = 0

    def chance(self, connection: int, *place: object) -> Random:
        """Chance at one place: the same in every run with this seed."""
        return Random(f"{self.seed}/{connection}/{'/'.join(map(str, place))}")

    def tunnel(
        self, connection: int, recorder: RecorderClient, client: asyncio.Transport, server: asyncio.Transport,
        on_closed: Callable[[Tunnel], None],
    ) -> FaultyTunnel:  # fmt: skip
        """A tunnel with these faults."""
        return FaultyTunnel(self, connection, recorder, client, server, on_closed)


class FaultyTunnel(Tunnel):
    """A tunnel on which things go wrong."""

    def __init__(
        self, plan: FaultPlan, connection: int, recorder: RecorderClient, client: asyncio.Transport, server: asyncio.Transport,
        on_closed: Callable[[Tunnel], None],
    ) -> None:  # fmt: skip
        self.plan = plan
        self.began = asyncio.get_running_loop().time()
        # what happens at a time of its own
        self._timers: list[asyncio.TimerHandle] = []
        super().__init__(connection, recorder, client, server, on_closed)
        for index, spec in enumerate(plan.specs):
            drawn = plan.chance(connection, index).random()
            if spec.kind == "latency" or drawn < spec.probability:
                self._install(index, spec)

    def make_leg(self, direction: int, transport: asyncio.Transport) -> Leg:
        return FaultyLeg(self, direction, transport)

    def _install(self, index: int, spec: FaultSpec) -> None:
        legs = [cast(FaultyLeg, self.legs[direction]) for direction in spec.directions]
        loop = asyncio.get_running_loop()
        if spec.kind in VALUED:
            for leg in legs:
                leg.add(index, spec)
        elif spec.at_bytes is not None:
            for leg in legs:
                leg.act_at(spec.at_bytes, partial(self._strike, spec, leg))
        elif spec.start_s > 0:
            self._timers.append(loop.call_later(spec.start_s, self._strike, spec, legs[0]))
        elif spec.kind in ("reset", "close"):
            loop.call_soon(self._strike, spec, legs[0])
        else:
            self._strike(spec, legs[0])

    @property
    def elapsed_s(self) -> float:
        """How long the connection has been open."""
        return asyncio.get_running_loop().time() - self.began

    def note(self, kind: str, detail: str, direction: int) -> None:
        """Put it on record."""
        self.recorder.totals.faults += 1
        self.recorder.record(RecordKind.FAULT, msgspec.json.encode(FaultNote(kind, detail)), self.id, direction)

    def _strike(self, spec: FaultSpec, leg: FaultyLeg) -> None:
        """Do what is done once. `leg` is the one whose bytes were counted."""
        if self._closing is not None or not spec.acts(self.elapsed_s):
            return
        self.note(spec.kind, spec.text, leg.direction)
        if spec.kind == "blackhole":
            for direction in spec.directions:
                cast(FaultyLeg, self.legs[direction]).swallow(spec.end_s)
            return
        self._closing = Closing(by="proxy", error=f"injected: {spec.text}")
        if spec.kind == "halfopen":
            cut = cast(FaultyLeg, self.legs[1 - spec.directions[0]])
            cast(FaultyLeg, cut.other).swallow(None)
            cut.swallow(None)
            cut.transport.close()
            return
        for end in self.legs:
            cast(FaultyLeg, end).swallow(None)
        for end in self.legs:
            if spec.kind == "reset":
                end.reset()
            else:
                end.transport.close()

    def _still(self) -> None:
        for timer in self._timers:
            timer.cancel()
        for leg in self.legs:
            cast(FaultyLeg, leg).still()

    def leg_lost(self) -> None:
        super().leg_lost()
        if self._lost == 2:
            self._still()

    def pause(self) -> None:
        self._still()
        super().pause()


class FaultyLeg(Leg):
    """One peer, whose bytes go through faults before they go to the recorder and to the other leg."""

    def __init__(self, tunnel: FaultyTunnel, direction: int, transport: asyncio.Transport) -> None:
        super().__init__(tunnel, direction, transport)
        self.direction = direction
        self._faults = tunnel
        self._specs: list[tuple[int, FaultSpec]] = []  # those that bear on these bytes, with their places in the plan
        self._actions: list[tuple[int, Callable[[], None]]] = []  # at which byte what is done
        self._offset = 0  # bytes that came
        self._next_cut: dict[int, int] = {}  # per slicing fault: where the next piece ends
        self._cuts: dict[int, Random] = {}  # what draws those ends
        self._line: deque[tuple[float, bytes | Callable[[], None]]] = deque()  # what is passed on, and when: the loop's time, s
        self._on_line = 0  # bytes
        self._last_due = self._free_at = 0.0  # of the line's last item; of the bandwidth
        self._timer: asyncio.TimerHandle | None = None  # when the line's first item is due
        self._swallowing = False  # whatever comes is dropped, to the end
        self._closed_until = 0.0  # nothing passes before this time
        self._stilled = False  # nothing is passed on any more
        self._line_holds = False  # an end waits behind what is on the line
        self._noted: set[str] = set()  # the kinds that are on record and need not be again
        self._loop = asyncio.get_running_loop()

    def add(self, index: int, spec: FaultSpec) -> None:
        """Let what this peer sends go through a fault; `index` is its place in the plan, which chance depends on."""
        self._specs.append((index, spec))
        if spec.kind == "slice":
            self._cuts[index] = self._faults.plan.chance(self._tunnel.id, index, self.direction, "cuts")
            self._next_cut[index] = self._cuts[index].randint(*spec.sizes)

    def act_at(self, offset: int, action: Callable[[], None]) -> None:
        """Do something once so many bytes have been passed on."""
        self._actions.append((offset, action))
        self._actions.sort(key=lambda entry: entry[0])

    def swallow(self, until_s: float | None) -> None:
        """Let nothing pass: for ever, or until so long after the connection opened; it comes then, as with TCP."""
        if until_s is None:
            self._swallowing = True
            self._sweep()
        else:
            self._closed_until = self._faults.began + until_s
            self._last_due = max(self._last_due, self._closed_until)
            self._line = deque((max(due, self._closed_until), item) for due, item in self._line)

    # What comes.

    def data_received(self, data: bytes) -> None:
        while self._actions and self._offset + len(data) >= self._actions[0][0] and not self._swallowing:
            offset, action = self._actions.pop(0)
            head, data = data[: offset - self._offset], data[offset - self._offset :]
            self._put_through(head)
            self._put(self._last_due, action)
        self._put_through(data)
        self._schedule()

    def _put_through(self, data: bytes) -> None:
        """One chunk through the faults, onto the line."""
        start, self._offset = self._offset, self._offset + len(data)
        if self._swallowing or not data:
            return
        now = self._loop.time()
        elapsed = now - self._faults.began
        due, pieces, pause, rate = max(now, self._closed_until), [data], 0.0, 0.0
        delays: list[float] = []
        for index, spec in self._specs:
            if not spec.acts(elapsed):
                continue
            if spec.kind == "latency":
                delays += self._latency(index, spec, start)
            elif spec.kind == "slice":
                pieces, pause = self._sliced(index, spec, start, data), spec.pause_s
            else:
                rate = spec.rate
        if rate:
            pieces = [part for piece in pieces for part in _parts(piece, max(1, int(rate / _TICKS_PER_S)))]
            self.note_once("bandwidth", f"{size_text(rate)} a second")
        due += sum(delays)
        for piece in pieces:
            if rate:
                due = max(due, self._free_at)
                self._free_at = due + len(piece) / rate
                self._put(self._free_at, piece)
            else:
                self._put(due, piece)
            due += pause
        for delay in delays:
            # On record behind the bytes it befell.
            self._put(due, partial(self._faults.note, "latency", duration_text(delay * SECOND), self.direction))

    def _latency(self, index: int, spec: FaultSpec, offset: int) -> list[float]:
        chance = self._faults.plan.chance(self._tunnel.id, index, self.direction, offset)
        if chance.random() >= spec.probability:
            return []
        return [max(0.0, spec.delay_s + chance.uniform(-spec.jitter_s, spec.jitter_s))]

    def _sliced(self, index: int, spec: FaultSpec, start: int, data: bytes) -> list[bytes]:
        """Cut at places that depend on the stream, not on how it was read."""
        self.note_once("slice", spec.text)
        pieces, at, end = [], start, start + len(data)
        chance = self._cuts[index]
        while at < end:
            while self._next_cut[index] <= at:
                self._next_cut[index] += chance.randint(*spec.sizes)
            stop = min(self._next_cut[index], end)
            pieces.append(data[at - start : stop - start])
            at = stop
        return pieces

    def note_once(self, kind: str, detail: str) -> None:
        """For faults that befall everything."""
        if kind not in self._noted:
            self._noted.add(kind)
            self._faults.note(kind, detail, self.direction)

    # The line.

    def _put(self, due: float, item: bytes | Callable[[], None]) -> None:
        self._last_due = due = max(due, self._last_due)
        self._line.append((due, item))
        if not self._line_holds:
            self._line_holds = True
            self._held += 1
        if isinstance(item, bytes):
            self._on_line += len(item)
            if self._on_line > _LINE_FULL:
                self.pause(_SLOW)

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._line:
            due = self._line[0][0]
            if due <= self._loop.time():
                self._run()
            else:
                self._timer = self._loop.call_at(due, self._run)

    def _run(self) -> None:
        """Pass on what is due."""
        self._timer = None
        while self._line and self._line[0][0] <= self._loop.time() + _EARLY_S:
            _, item = self._line.popleft()
            if isinstance(item, bytes):
                self._on_line -= len(item)
                if not self.other.lost and not self._stilled:
                    super().data_received(item)
            else:
                item()
        if self._on_line <= _LINE_FULL // 2:
            self.resume(_SLOW)
        if self._line:
            self._timer = self._loop.call_at(self._line[0][0], self._run)
        else:
            self._let_end_pass()

    def _let_end_pass(self) -> None:
        if self._line_holds:
            self._line_holds = False
            self.release()

    def _sweep(self) -> None:
        """Forget what is on the line."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._line.clear()
        self._on_line = 0
        self._let_end_pass()

    def still(self) -> None:
        """Pass nothing on any more."""
        self._stilled = True
        self._sweep()

    # The end.

    def _ended(self, end: StreamEnd, error: Exception | None) -> None:
        super()._ended(end, error)
        if self._swallowing and not self.lost:
            self._loop.call_later(_LINGER_S, self.transport.abort)

    def _pass_end(self) -> None:
        if not self._swallowing:
            super()._pass_end()


def _parts(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]
