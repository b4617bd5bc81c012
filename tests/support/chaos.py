"""A campaign against the recorder's promises: relay and recorder are killed again and again while connections come and go.

    python tests/support/chaos.py --kills 1000 [--seed N] [--scenario NAME]

A supervisor starts a killed relay anew, as systemd would. After each kill a new client must get an echo within two seconds. At
the end every recording is compared with what the peers received: messages lost, doubled, and times at which nothing went on.
What may be missing is what was not confirmed when relay and recorder were killed at once: the file is read between their stop
and their death, and what it had then must be there in the end.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random

import ports
from chaos_outcome import Outcome, committed_bytes
from chaos_scenarios import SCENARIOS, TRACER, Scenario
from churn import PROBE, Churn, Conversation, Tally
from relay import Relay, alive, stopped

from wsreplay.cli.record import STOP_WITHIN_S
from wsreplay.recorder.recover import recover

RECOVERY_S = 2.0
# On a machine that is busy with other things nothing is fast: so many times what it takes there to start a recorder's program.
STARTS = 5
HANG_S = 20.0
# Between two messages of a peer: kills are what is measured here, not how much passes.
PAUSE_S = 0.1
STOP_S = 5.0
SLOTS = 3  # scenarios that are played at once
RECORDER, RELAY, BOTH, ORPHAN, FILE = "recorder", "relay", "both", "relay, then recorder", "file"
VICTIMS = {RECORDER: 10, RELAY: 5, BOTH: 3, ORPHAN: 2, FILE: 1}


def _say(line: str) -> None:
    print(line, flush=True)


class Hang(Exception):
    """Nothing went on."""


class Trial:
    """One scenario: a relay under its supervisor, the connections through it, and the kills."""

    def __init__(self, scenario: Scenario, folder: Path, seed: int) -> None:
        self.outcome = Outcome()
        self._scenario = scenario
        self._folder = folder
        self._random = Random(seed)
        self._churn = Churn(Random(seed + 1), PAUSE_S)
        (self._port,) = ports.unused()
        self._relay: Relay | None = None
        self._starts = 0
        self._first = 0  # the first conversation through the current relay
        self._floors: dict[tuple[str, int], int] = {}
        self._recorders: set[int] = set()  # process ids of all that were ever seen
        # What was done to the relay: when, what it was, the paths of the conversations that were open.
        self._log: list[tuple[float, str, list[str]]] = []

    async def run(self, kills: int, within_s: float) -> Outcome:
        """So many kills, or fewer where time is over."""
        give_up = time.monotonic() + within_s
        await self._churn.serve()
        await self._supervise()
        self._churn.connect(self._port, self._scenario.clients)
        try:
            while self.outcome.kills.total() < kills and time.monotonic() < give_up:
                await asyncio.sleep(self._random.uniform(0.05, 0.4))
                try:
                    await self._kill_and_recover()
                except Hang as hang:
                    await self._after_hang(hang)
            await self._end()
        except Hang as hang:  # no relay can be started any more
            self.outcome.hangs += 1
            _say(f"  HANG: {hang}: given up")
        finally:
            await self._churn.end()
            if self._relay is not None:
                await asyncio.to_thread(self._relay.end)
        self.outcome.connections = sum(bool(each.speakers[0].received) for each in self._churn.conversations.values())
        for file in self._files():
            await asyncio.to_thread(recover, file)
        tally = await asyncio.to_thread(self._churn.verify, self._files(), self._floors)
        if tally.wrong:
            self._tell_log(tally)
        self.outcome.add(tally)
        return self.outcome

    def _note(self, what: str) -> None:
        opened = [conversation.path for conversation in self._churn.open_conversations()]
        self._log.append((time.monotonic(), what, opened))

    def _tell_log(self, tally: Tally) -> None:
        """Say what was done when, and how many of the conversations that were open then are not recorded as they should be."""
        wrong = {problem.split(" ")[0] for problem in tally.wrong}
        for at, what, opened in self._log:
            _say(f"  {at - self._log[0][0]:8.3f} s  {what}: {len(wrong.intersection(opened))} of {len(opened)} open are wrong")

    # The supervisor.

    async def _supervise(self) -> None:
        """Start a relay, again until one listens: the recorder of one that was killed may still be at the file."""
        scenario = self._scenario
        give_up = time.monotonic() + HANG_S
        self._first = len(self._churn.conversations)
        self._starts += 1
        path = self._folder / (f"a{self._starts}.db" if scenario.new_file else "a.db")
        while True:
            try:
                self._relay = await asyncio.to_thread(
                    Relay, f"ws://127.0.0.1:{self._churn.port}", path, loop=scenario.loop, preexec=scenario.limit,
                    under=scenario.tracer(self._random), port=self._port, stop_within_s=STOP_WITHIN_S,
                )  # fmt: skip
                return
            except (AssertionError, OSError) as error:  # the latter: this machine has no memory left for another process
                if time.monotonic() > give_up:
                    raise Hang(f"the relay cannot be started: {error}") from None
                await asyncio.sleep(0.05)

    def _files(self) -> list[Path]:
        """All recordings, whatever they are called by now."""
        return sorted(self._folder.glob("*.db"))

    # Kills.

    async def _kill_and_recover(self) -> None:
        relay = self._relay
        assert relay is not None
        (victim,) = self._random.choices(list(VICTIMS), list(VICTIMS.values()))
        began, starts = time.monotonic(), STARTS
        killed, said = None, len(relay.says)
        if victim == FILE:
            await self._take_file_away(relay)
        elif victim == RECORDER:
            recorders = relay.children()
            killed = await self._kill_recorder(relay)
            while len(recorders) == 1 and self._random.random() < 0.2:  # again while it starts
                await asyncio.sleep(self._random.uniform(0, 0.4))
                began = time.monotonic()
                killed = await self._kill_recorder(relay) or killed
        else:
            await self._kill_relay(relay, victim)
            began, starts = time.monotonic(), 2 * STARTS  # of the relay, and of its recorder
            await self._supervise()
        if self._scenario.thin_out:
            await self._churn.thin_out(self._scenario.clients // 2)
            began = time.monotonic()
        await self._echo(began, starts)
        await self._await_successor(relay, killed, said)
        if self._scenario.thin_out:
            self._churn.connect(self._port, self._scenario.clients)

    async def _kill_recorder(self, relay: Relay) -> int | None:
        """Kill the recorder that runs longest; its process id."""
        for pid in relay.children()[:1]:
            self._recorders.add(pid)
            self.outcome.kills[RECORDER] += 1
            self._note(f"kill recorder {pid} of {relay.children()}, {relay.count('restarted')} restarted")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            return pid
        return None

    @staticmethod
    async def _await_successor(relay: Relay, killed: int | None, said: int) -> None:
        """Until another recorder is in the place of the killed one: a relay that is killed before loses what it alone has.

        An echo does not tell: it may have passed before the relay saw the death, or through another recording. There may be
        nothing to wait for: the recorder had closed its file.
        """
        give_up = time.monotonic() + HANG_S / 2
        while killed is not None and time.monotonic() < give_up:
            if any("restarted" in line and killed not in line["recorders"] for line in relay.says[said:]):
                return
            await asyncio.sleep(0.01)

    async def _take_file_away(self, relay: Relay) -> None:
        """Move or remove the recording; return when the relay has found or saved it: killed before, it can save nothing."""
        lines = [line for line in relay.says if line.keys() & {"rotated", "relocated"}]
        path = Path(lines[-1].get("rotated") or lines[-1]["relocated"][1]) if lines else relay.path
        self.outcome.moved += 1
        if self._random.random() < 0.5:
            word = "rotated"
            change = partial(path.rename, self._folder / f"moved{self.outcome.moved}.db")
        else:
            word, change = "relocated", path.unlink
        said, opened = relay.count(word), self._churn.open_conversations()
        self._note(f"{word} {path.name}")
        change()
        give_up = time.monotonic() + HANG_S
        while relay.count(word) == said:
            if time.monotonic() > give_up:
                raise Hang(f"that {path.name} is gone was not said within {HANG_S:.0f} s")
            await asyncio.sleep(0.01)
        await self._await_traffic(opened)

    @staticmethod
    async def _await_traffic(conversations: list[Conversation]) -> None:
        """Until one of them goes on, or all are over: an echo may go through another recording than theirs."""
        await asyncio.sleep(0.05)  # what had come on the way is read
        before = [conversation.received for conversation in conversations]
        give_up = time.monotonic() + HANG_S / 2
        while time.monotonic() < give_up and any(conversation.open_peers for conversation in conversations):
            if [conversation.received for conversation in conversations] != before:
                return
            await asyncio.sleep(0.01)

    async def _kill_relay(self, relay: Relay, victim: str) -> None:
        recorders = relay.children()
        self._recorders.update(recorders)
        self.outcome.kills[victim] += 1
        self._note(f"kill {victim}: {relay.process.pid} {recorders}, {relay.count('restarted')} restarted")
        if victim == BOTH:
            await self._stop_all([relay.process.pid, *recorders])
            await self._notecommitted()
        relay.process.kill()
        await asyncio.to_thread(relay.process.wait)
        if victim == ORPHAN:
            await asyncio.sleep(self._random.choice((0.0, 0.001, 0.01)))
            await self._stop_all(recorders)
            await self._notecommitted()
        if victim in (BOTH, ORPHAN):
            for pid in recorders:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(relay.end)

    @staticmethod
    async def _stop_all(pids: Sequence[int]) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        while not all(stopped(pid) or not alive(pid) for pid in pids):  # noqa: ASYNC110 - a process has no event for that
            await asyncio.sleep(0.001)

    async def _notecommitted(self) -> None:
        """Nobody runs: of connections through the current relay, what is there now must be there in the end."""
        committed: dict[tuple[str, int], int] = {}
        for file in self._files():
            for place, size in (await asyncio.to_thread(committed_bytes, file)).items():
                committed[place] = max(size, committed.get(place, 0))
        for path in list(self._churn.conversations)[self._first :]:
            for place in ((path, 0), (path, 1)):
                self._floors[place] = committed.get(place, 0)

    # Recovery.

    async def _echo(self, since: float, starts: int) -> None:
        """A new client gets an echo within so many starts of a program at most. Raises Hang."""
        give_up = since + HANG_S
        while True:
            number = len(self._churn.conversations)
            conversation = self._churn.converse(f"{PROBE}{number}", "plain")
            try:
                async with asyncio.timeout(max(0.1, give_up - time.monotonic())):
                    await self._probe(conversation)
                break
            except TimeoutError:  # which is an OSError
                raise Hang(f"no echo within {HANG_S:.0f} s") from None
            except (OSError, EOFError) as error:
                if time.monotonic() > give_up:
                    raise Hang(f"no echo within {HANG_S:.0f} s: connections end at once: {error!r}") from None
                await asyncio.sleep(0.05)
        took = time.monotonic() - since
        self.outcome.worst_s = max(self.outcome.worst_s, took)
        if took > RECOVERY_S and took > starts * (start_s := await asyncio.to_thread(_start_time)):
            self.outcome.late += 1
            _say(f"  LATE: an echo took {took:.2f} s, a start of Python {start_s:.2f} s: {self._told()}")

    async def _probe(self, conversation: Conversation) -> None:
        reader, writer = await Churn.open(self._port, conversation)
        speaks, hears = conversation.speakers
        try:
            writer.write(speaks.next())
            data = await reader.read(65536)
            if not data:
                raise EOFError
            hears.received += data
        finally:
            writer.close()

    async def _after_hang(self, hang: Hang) -> None:
        """Say what there is to say, and begin anew."""
        self.outcome.hangs += 1
        _say(f"  HANG: {hang}: {self._told()}")
        if self._relay is not None:
            pids = [self._relay.process.pid, *self._relay.children()]
            await self._stop_all(pids)
            await self._notecommitted()
            for pid in reversed(pids):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.to_thread(self._relay.end)
        await self._supervise()

    def _told(self) -> str:
        relay = self._relay
        if relay is None:
            return ""
        lines = [*map(str, relay.says[-4:]), *relay.errors[-12:]]
        return f"recorders {relay.children()}; the relay said {' | '.join(lines)}"

    async def _end(self) -> None:
        """Stop in good order: that ends in time, and no process is left."""
        relay = self._relay
        assert relay is not None
        self._recorders.update(relay.children())
        relay.process.send_signal(signal.SIGTERM)
        await self._ends(lambda: relay.process.poll() is not None, STOP_S, "the relay does not end")
        await self._ends(lambda: not any(map(alive, self._recorders)), HANG_S, "a recorder is left")
        if relay.process.poll() not in (0, None):
            self.outcome.wrong.append(f"the relay ended with {relay.process.poll()}: {self._told()}")

    async def _ends(self, condition: Callable[[], bool], within_s: float, what: str) -> None:
        give_up = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > give_up:
                self.outcome.hangs += 1
                _say(f"  HANG: {what} within {within_s:.0f} s: {self._told()}")
                return
            await asyncio.sleep(0.01)


def _start_time() -> float:
    """What it takes now to start Python with what a recorder imports, in seconds."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import wsreplay.recorder.process"], check=True)
    return time.monotonic() - began


def chosen(name: str | None) -> Iterator[Scenario]:
    """The scenarios that this machine can play."""
    for scenario in SCENARIOS:
        if name in (None, scenario.name):
            if scenario.inject and TRACER is None:
                _say(f"{scenario.name}: left out, strace is not installed")
            else:
                yield scenario


async def campaign(kills: int, seed: int, name: str | None = None, within_s: float = 3600.0) -> Outcome:
    """All scenarios, some at a time, with so many kills in all."""
    scenarios = list(chosen(name))
    share = -(-kills // len(scenarios))
    total = Outcome()
    each_s = within_s / len(scenarios) * SLOTS
    slots = asyncio.Semaphore(SLOTS)

    async def play(number: int, scenario: Scenario) -> None:
        async with slots:
            with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
                outcome = await Trial(scenario, Path(folder), seed + 1000 * number).run(share, each_s)
        _say(f"{scenario.name}: {outcome}")
        for problem in outcome.wrong[:10]:
            _say(f"    {problem}")
        total.include(outcome)

    _say(f"seed {seed}")
    await asyncio.gather(*(play(number, scenario) for number, scenario in enumerate(scenarios)))
    _say(f"all: {total}")
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000, help="in all scenarios together (default: 1000)")
    parser.add_argument("--seed", type=int, default=Random().randrange(2**31), help="random seed (default: another each time)")
    parser.add_argument("--scenario", choices=[scenario.name for scenario in SCENARIOS], help="this one only")
    arguments = parser.parse_args()
    outcome = asyncio.run(campaign(arguments.kills, arguments.seed, arguments.scenario))
    return 1 if outcome.problems() else 0


if __name__ == "__main__":
    sys.exit(main())
