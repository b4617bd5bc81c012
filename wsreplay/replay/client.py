"""Plays the clients of a recording to a real backend, and records what becomes of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, Self

from wsreplay.contract.identities import Fields, IdMap, fields_of
from wsreplay.contract.model import Contract
from wsreplay.errors import UsageError, WsreplayError
from wsreplay.model import Connection, Ending
from wsreplay.proxy.proxy import Options, RecordingProxy
from wsreplay.replay.content import Content
from wsreplay.replay.credentials import HandshakeOverrides, new_id, request_of
from wsreplay.replay.expectations import Mismatch
from wsreplay.replay.latencies import Latencies, LoadConversation
from wsreplay.replay.peer import ClientWire, Listener
from wsreplay.replay.player import Pace, Played, PlayedDirection, ScriptRunner
from wsreplay.replay.script import Script, SessionScript, ids_said, read_parts
from wsreplay.replay.splice import Change
from wsreplay.replay.targets import split_template
from wsreplay.store.async_reader import AsyncRecording
from wsreplay.store.paths import reachable
from wsreplay.trace import jsonpath as paths
from wsreplay.wire.encode import upgrade_request

TIMEOUT_S = 10.0
SETTLE_S = 3.0
_LOOK_EVERY_S = 0.01  # at whether a load leaves us time
OWN_DELAY = "our own delay"
PLACEHOLDERS = ("n", "user", "id")


@dataclass(frozen=True)
class Load:
    """Many users at once: `users` of them begin within `ramp_s` seconds, each plays its session `repeat` times, or begins it
    again and again for `duration_s` seconds since the load began.

    `rows` are facts of the users, one row each, used in turn; a placeholder of a column's name takes its value.
    """

    users: int
    ramp_s: float = 0.0
    repeat: int = 1
    rows: Sequence[Mapping[str, str]] = ()
    duration_s: float | None = None


@dataclass(frozen=True)
class ClientOptions:
    """How to play. `fresh_ids`: ids that the client chose are chosen anew; `map` are paths of further ones."""

    session: int | None = None
    pace: Pace = field(default_factory=lambda: Pace(timeout_s=TIMEOUT_S))
    presented: HandshakeOverrides = field(default_factory=HandshakeOverrides)
    map: Sequence[str] = ()
    coalesce: Sequence[str] = ()
    fresh_ids: bool = True
    load: Load | None = None
    recording: Options = field(default_factory=Options)
    keep_lateness: bool = False


@dataclass
class ClientWatch:
    """What the console is told."""

    mismatched: Callable[[Mismatch], None] = lambda mismatch: None
    ended: Callable[[Played], None] = lambda played: None


@dataclass
class Result:
    """How it went, also while it goes on. `lost` are connections that could not be opened, or ended before their script did.

    Of the sessions, `playing` are under way, `most` were at once, `over` are done.
    """

    # connections that are over
    played: list[Played] = field(default_factory=list)
    playing: int = 0
    most: int = 0
    over: int = 0
    # of the backend's answers
    latencies: Latencies = field(default_factory=Latencies)
    own: Latencies = field(default_factory=Latencies)  # by how much a load keeps us ourselves from looking
    # how long all of it took; 0 while it goes on
    seconds: float = 0.0

    def begin(self) -> None:
        """A further session is under way."""
        self.playing += 1
        self.most = max(self.most, self.playing)

    def end(self) -> None:
        """A session is done."""
        self.playing -= 1
        self.over += 1

    def take(self, seconds: float) -> None:
        """All of it took so long."""
        self.seconds = seconds

    @property
    def mismatches(self) -> list[Mismatch]:
        return [mismatch for client in self.played for mismatch in client.mismatches]

    @property
    def lost(self) -> list[Played]:
        return [client for client in self.played if not client.complete]


class ReplayClient:
    """The clients of a recording, before a recording proxy of their own.

        async with ReplayClient("chat.db", "ws://localhost:8000", "again.db", contract) as client:
            result = await client.run()
        # again.db is whole now

    Raises WsreplayError on entering: no such recording or session, a backend's URL that is none, a file that exists.
    """

    def __init__(
        self, recording: str | Path, to: str, output: str | Path, contract: Contract | None = None,
        options: ClientOptions | None = None, watch: ClientWatch | None = None,
    ) -> None:  # fmt: skip
        self.path, self.output = Path(recording), Path(output)
        self.options = options or ClientOptions()
        self.result = Result()
        self._watch = watch or ClientWatch()
        self._contract = contract
        self._fields = fields_of(contract, self.options.map)
        rows = self.options.load.rows if self.options.load else ()
        base, target = split_template(to)
        self._presented = replace(self.options.presented, target=target)
        self._presented.check([*PLACEHOLDERS, *(rows[0] if rows else ())])
        self._proxy = RecordingProxy(base, output, self.options.recording)
        # As recorded; read on entering.
        self._parts: list[SessionScript] = []
        self._of_server: dict[int, frozenset[tuple[str, Any]]] = {}  # recorded ids that the server chose, by session

    async def __aenter__(self) -> Self:
        if reachable(self.output).exists():
            raise UsageError(f"{self.output} exists: choose another name, or remove it")
        async with await AsyncRecording.open(self.path) as recording:
            self._parts = await recording.call(read_parts, 0, self.options.session, self._contract)
        if self.options.fresh_ids:
            self._of_server = {part.session.id: _server_ids(part, self._fields) for part in self._parts}
        await self._proxy.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._settle()
        await self._proxy.stop()

    async def _settle(self) -> None:
        """Our connections have ended: let the proxy hear of it, and the backend, so that the recording has their ends."""
        until = time.monotonic() + SETTLE_S
        while self._proxy.open_connections and time.monotonic() < until:  # noqa: ASYNC110 -- the proxy tells nobody
            await asyncio.sleep(0.005)

    @property
    def sessions(self) -> int:
        """How many sessions will be played in all; 0 where only time will tell."""
        load = self.options.load
        if load is not None and load.duration_s is not None:
            return 0
        return load.users * load.repeat if load else len(self._parts)

    async def run(self) -> Result:
        """Play everything. The result is there when the last connection has ended."""
        begun = time.monotonic()
        await (self._play_load(self.options.load) if self.options.load else self._play_all())
        self.result.take(time.monotonic() - begun)
        return self.result

    # Once, as it was.

    async def _play_all(self) -> None:
        """Sessions that were open at the same time are so again; one that began after another had ended does so again."""
        parts = sorted(self._parts, key=lambda part: part.session.opened_ns)
        ids = IdMap()
        tasks: list[tuple[int, asyncio.Task[None]]] = []
        async with asyncio.TaskGroup() as group:
            for part in parts:
                before = [task for closed_ns, task in tasks if closed_ns <= part.session.opened_ns and not task.done()]
                delay = self.options.pace.seconds(part.session.opened_ns - parts[0].session.opened_ns)
                user = part.session.user or ""
                facts = {"n": str(part.session.id), "user": user, "id": new_id(user or "user")}
                work = self._play_after(before, 0.0 if before else delay, part, IdMap(ids), facts)
                closed_ns = part.session.closed_ns
                tasks.append((1 << 62 if closed_ns is None else closed_ns, group.create_task(work)))

    async def _play_after(
        self, before: Iterable[asyncio.Task[None]], delay: float, part: SessionScript, ids: IdMap, facts: Mapping[str, str]
    ) -> None:
        await asyncio.gather(*before)
        await asyncio.sleep(delay)
        await self._play_part(part, ids, facts)

    # Many at once.

    async def _play_load(self, load: Load) -> None:
        watching = asyncio.create_task(self.watch_ourselves())
        until = None if load.duration_s is None else time.monotonic() + load.duration_s
        async with asyncio.TaskGroup() as group:
            for number in range(load.users):
                group.create_task(self._be_user(number, load, until))
        watching.cancel()

    async def watch_ourselves(self) -> None:
        """What comes while this process is busy is seen late: no latency of the backend, and no bound is judged by it."""
        while True:
            before = time.monotonic_ns()
            await asyncio.sleep(_LOOK_EVERY_S)
            self.result.own.add(OWN_DELAY, max(0.0, (time.monotonic_ns() - before) / 1e9 - _LOOK_EVERY_S))
            self._proxy.hold(before)

    async def _be_user(self, number: int, load: Load, until: float | None) -> None:
        part = self._parts[number % len(self._parts)]
        facts = {"n": str(number + 1), "user": f"user-{number + 1}"}
        facts |= load.rows[number % len(load.rows)] if load.rows else {}
        await asyncio.sleep(load.ramp_s * number / max(1, load.users))
        times = 0
        while times < load.repeat if until is None else times == 0 or time.monotonic() < until:
            await self._play_part(part, IdMap(), {**facts, "id": new_id(facts["user"])}, facts["user"])
            times += 1

    async def play_user(
        self, number: int, facts: Mapping[str, str], on_time: Callable[[str, float], None]
    ) -> list[Played]:
        """Let the user of a number (from 0) play its session once, and tell of each time (s). How its connections went."""
        part = self._parts[number % len(self._parts)]
        named = {"n": str(number + 1), "user": f"user-{number + 1}"} | dict(facts)
        return await self._play_part(part, IdMap(), {**named, "id": new_id(named["user"])}, named["user"], Latencies(on_time))

    # One session.

    async def _play_part(
        self, part: SessionScript, ids: IdMap, facts: Mapping[str, str], user: str | None = None,
        latencies: Latencies | None = None,
    ) -> list[Played]:  # fmt: skip
        self.result.begin()
        try:
            talk = LoadConversation(latencies or self.result.latencies)
            return await self._play_connections(part, ids, facts, user, talk)
        finally:
            self.result.end()

    async def _play_connections(
        self, part: SessionScript, ids: IdMap, facts: Mapping[str, str], user: str | None, talk: LoadConversation
    ) -> list[Played]:
        presented = self._presented.filled(facts)
        role = _Role(self._fields, ids, self._of_server.get(part.session.id), presented)
        before: Connection | None = None
        connections: list[Played] = []
        for script in part.scripts:
            if before is not None:
                since = before.closed_ns if before.closed_ns is not None else before.opened_ns
                await asyncio.sleep(self.options.pace.seconds(script.connection.opened_ns - since))
            before = script.connection
            # A load's users are not the recorded one: each has a name of its own.
            opening = script.connection if user is None else script.connection._replace(user=user)
            played = await self._play_connection(script, role, opening, presented, talk)
            connections.append(played)
            self.result.played.append(played)
            self._watch.ended(played)
        return connections

    async def _play_connection(
        self, script: Script, role: _Role, opening: Connection, presented: HandshakeOverrides, talk: LoadConversation
    ) -> Played:
        options = self.options
        how = PlayedDirection(
            options.pace, self._fields, coalesce=frozenset(options.coalesce), mismatched=self._watch.mismatched,
            keep_lateness=options.keep_lateness,
        )  # fmt: skip
        player = ScriptRunner(
            script, how, role.ids, role.rewrite,
            on_match=lambda step, at: talk.heard(step.name, at), on_sent=lambda step, at: talk.said(step.name, at),
        )  # fmt: skip
        target, headers = request_of(opening, presented, role.ids)
        begun = time.monotonic()
        try:
            wire = await self._dial(target, headers, player)
            async with asyncio.timeout(max(TIMEOUT_S, options.pace.timeout_s or 0)):
                answer = await wire.answered
        except (OSError, TimeoutError, WsreplayError) as error:
            return self._not_opened(player, f"no connection: {error or 'no answer in time'}")
        if wire.peer is None:
            status = None if answer is None else answer.status
            return self._refused(player, status)
        talk.connected(time.monotonic() - begun)
        if script.connection.ending is Ending.REFUSED:
            wire.peer.close()
            return self._not_opened(player, "the connection was accepted")
        player.meet(wire.peer)
        played = await player.play()
        await _gone(wire)
        return played

    async def _dial(self, target: str, headers: Sequence[tuple[str, str]], player: ScriptRunner) -> ClientWire:
        proxy = self._proxy
        request = upgrade_request(target, f"{proxy.options.host}:{proxy.port}", headers)
        _, wire = await asyncio.get_running_loop().create_connection(
            lambda: ClientWire(request, Listener(player.came, player.ended)), proxy.options.host, proxy.port
        )
        return wire

    def _refused(self, player: ScriptRunner, status: int | None) -> Played:
        connection = player.script.connection
        if connection.ending is Ending.REFUSED:
            player.report.finish()
            if status == connection.status:
                return player.report
        came = "closed without an answer" if status is None else f"refused with {status}"
        return self._not_opened(player, came)

    def _not_opened(self, player: ScriptRunner, came: str) -> Played:
        connection = player.script.connection
        recorded = connection.status
        expected = f"to be refused with {recorded}" if connection.ending is Ending.REFUSED else "to be accepted"
        mismatch = Mismatch(player.script.session, connection.id, expected, came, 0)
        player.report.mismatches.append(mismatch)
        self._watch.mismatched(mismatch)
        return player.report


async def _gone(wire: ClientWire) -> None:
    """The connection is over only when both of its ends say so; a peer that never closes is left behind."""
    try:
        async with asyncio.timeout(1.0):
            await asyncio.shield(wire.lost)
    except TimeoutError:
        wire.transport.abort()


class _Role:
    """What one played client puts into the messages it sends: ids of its own, and what it was told to set."""

    def __init__(
        self, fields: Fields, ids: IdMap, of_server: frozenset[tuple[str, Any]] | None, presented: HandshakeOverrides
    ) -> None:
        """`of_server` are the ids that the recorded server chose; None where those of the client are to stay too."""
        self.ids = ids
        self._fields, self._of_server = fields, of_server
        self._settings = presented.settings()
        # Of which kinds ids are chosen anew: not those of users, nor what a protocol counts its requests by.
        self._domains = frozenset(fields.of.domains) - fields.owners

    def rewrite(self, content: Content) -> list[Change]:
        """What is to be replaced in a recorded message beside known ids. Ids that the client chose are chosen anew."""
        if self._of_server is not None:
            for domain, _, value in content.ids:
                chosen_here = isinstance(value, str) and domain in self._domains
                if chosen_here and (domain, value) not in self._of_server and self.ids.live(domain, value) is None:
                    self.ids.learn(domain, value, self.ids.stand_in(domain, value, self._fields.akin) or new_id(str(value)))
        changes: list[Change] = []
        for setting, value in self._settings:
            for path in content.at_every_event(setting):
                old = paths.get(content.root, path)
                if old is not paths.MISSING and old != value:
                    changes.append((path, old, value))
        return changes


def _server_ids(part: SessionScript, fields: Fields) -> frozenset[tuple[str, Any]]:
    """Recorded ids that the server was the first to use."""
    ours: set[tuple[str, Any]] = set()
    theirs: set[tuple[str, Any]] = set()
    for is_ours, id_ in chain.from_iterable(ids_said(script, fields) for script in part.scripts):
        if is_ours:
            ours.add(id_)
        elif id_ not in ours:
            theirs.add(id_)
    return frozenset(theirs)
