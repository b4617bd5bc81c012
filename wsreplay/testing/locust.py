"""A Locust user that replays the sessions of a recording, causally, with ids and credentials of its own.

    from wsreplay.testing.locust import ReplayUser

    class ChatUser(ReplayUser):
        host = "ws://localhost:8000"
        recording = "chat.db"
        headers = {"Authorization": "Bearer {token}"}

        def facts(self):
            return {"token": make_token(self.name)}

Locust's statistics hold how long each answer took (`chat → agent_started`), each session as a whole, and a failure where a
backend does not follow the recording. What was played is recorded, a file for each of Locust's processes, and judged when the
test stops, before Locust ends: a rule that is broken is a failure too. Needs the extra `locust`.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from wsreplay.display import visible
from wsreplay.extras import require
from wsreplay.testing.load_player import LoadPlan
from wsreplay.units import count_text

require("locust", "locust", purpose="wsreplay.testing.locust")

import gevent  # noqa: E402 -- locust brings it
from gevent import subprocess  # noqa: E402
from gevent.event import AsyncResult  # noqa: E402
from gevent.lock import BoundedSemaphore  # noqa: E402
from locust import User, events, task  # noqa: E402
from locust.env import Environment  # noqa: E402
from locust.exception import StopUser  # noqa: E402
from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner  # noqa: E402

_log = logging.getLogger(__name__)
_NUMBERS_OF_A_PROCESS = 1_000_000
_PATIENCE_S = 120.0  # with what is to be written and judged
_SILENCE_S = 10.0  # of a worker, before nothing is expected of it
# What Locust's master sends to its workers, and they to it.
_STOP, _STOPPED = "wsreplay_stop", "wsreplay_stopped"


class Mismatched(Exception):
    """A backend did otherwise than the recorded one."""


class RuleBroken(Exception):
    """What was played breaks a rule of the contract."""


class PlayerFailed(Exception):
    """The process that plays has ended."""


class ReplayUser(User):
    """Plays one session of the recording in each task: that of its number, in turn.

    `recording` is a file, `output` the folder of what is played, `contract` a built-in's name or a file (without one, what fits
    the recording), `speed` a factor (0: as fast as it goes), `timeout` how late (s) an answer may be before the session goes on
    without it. `headers`, `query` and `values` (JSON paths in messages) are given
    anew; in their texts `{n}`, `{user}`, `{id}` and what `facts` returns are put in.
    """

    abstract = True
    recording: str = ""
    output: str = "recordings"
    contract: str | None = None
    speed: float = 1.0
    timeout: float = 10.0
    headers: ClassVar[Mapping[str, str]] = {}
    query: ClassVar[Mapping[str, str]] = {}
    values: ClassVar[Mapping[str, str]] = {}

    # how many users this process has made, of all classes
    _count: ClassVar[int] = 0

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        index = max(0, getattr(environment.runner, "worker_index", 0))
        self.number = index * _NUMBERS_OF_A_PROCESS + ReplayUser._count
        ReplayUser._count += 1
        self.name = f"user-{self.number + 1}"

    def facts(self) -> Mapping[str, str]:
        """What is put into `{placeholders}` for this user, such as its token."""
        return {}

    @task
    def replay(self) -> None:
        """Play the session once."""
        facts = {"user": self.name, **self.facts()}
        _players.of(self, facts).play(self.number, facts)


class _Player:
    """The process that plays the users of one class in one of Locust's processes. Each session is reported when it is over,
    whether its user is still there or not."""

    def __init__(self, plan: LoadPlan, environment: Environment) -> None:
        self._environment = environment
        Path(plan.output).parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "wsreplay.testing.load_player", msgspec.json.encode(plan).decode()]
        # A group of its own: Ctrl-C is Locust's, which then ends the test in order.
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        # By number, who waits for the end of a session.
        self._waiting: dict[int, AsyncResult] = {}
        self._last = AsyncResult()  # what it says when it has judged
        # How many sessions were asked for.
        self._asked = 0
        gevent.spawn(self._read)

    def play(self, number: int, facts: Mapping[str, str]) -> None:
        """Play the session of a user, and wait for its end. Raises PlayerFailed."""
        self._asked += 1
        result = self._waiting[self._asked] = AsyncResult()
        line = msgspec.json.encode({"id": self._asked, "number": number, "facts": dict(facts)})
        try:
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise self._failure() from None
        result.get()

    def _read(self) -> None:
        for line in self._process.stdout:
            answer = msgspec.json.decode(line)
            if "times" in answer:
                self._report(answer)
            result = self._waiting.pop(answer["id"], None) if "id" in answer else self._last
            if result is not None:
                result.set(answer)
        failure = self._failure()
        for result in self._waiting.values():
            result.set_exception(failure)
        if not self._last.ready():
            self._last.set_exception(failure)

    def _report(self, answer: dict[str, Any]) -> None:
        problems = answer["problems"]
        for name, seconds in answer["times"]:
            _fire(self._environment, "ws", name, seconds)
        _fire(self._environment, "ws", "session", answer["seconds"], Mismatched(problems[0]) if problems else None)

    def _failure(self) -> PlayerFailed:
        answer = self._last.value if self._last.ready() else None
        return PlayerFailed(answer["error"] if answer and "error" in answer else "the process that plays has ended")

    def stop(self) -> dict[str, Any]:
        """End it when what is under way is played, and give its verdict."""
        with suppress(OSError):
            self._process.stdin.close()
        try:
            answer: dict[str, Any] = self._last.get(timeout=_PATIENCE_S)
        except gevent.Timeout:
            self._process.kill()
            raise PlayerFailed(f"no verdict in {_PATIENCE_S:.0f} seconds") from None
        finally:
            self._process.wait()
        if "error" in answer:
            raise PlayerFailed(answer["error"])
        return answer


class _Players:
    """The players of this process, by class of users. Once the test stops there are no new ones, until it starts again."""

    def __init__(self) -> None:
        # Those that run, each for all users of its class here.
        self._players: dict[type[ReplayUser], _Player] = {}
        # Whether the test has stopped.
        self._is_over = False
        # The one whose test is listened to.
        self._environment: Environment | None = None
        # To start a process lets other users run, and to end one lets others end it too.
        self._starting, self._ending = BoundedSemaphore(), BoundedSemaphore()

    def of(self, user: ReplayUser, facts: Mapping[str, str]) -> _Player:
        """The player of a user; the first of a class starts it. Raises StopUser where the test is over."""
        if self._environment is not user.environment:
            self._listen_to(user.environment)
        if self._is_over:
            raise StopUser
        with self._starting:
            return self._players.get(type(user)) or self._start(user, facts)

    def _start(self, user: ReplayUser, facts: Mapping[str, str]) -> _Player:
        kind = type(user)
        stamp = time.strftime("%Y-%m-%dT%H-%M-%SZ", time.gmtime())
        output = Path(user.output) / f"locust-{kind.__name__}-{stamp}-{os.getpid()}.db"
        plan = LoadPlan(
            user.recording, str(user.host), str(output), user.contract, user.speed, user.timeout, dict(user.headers),
            dict(user.query), dict(user.values), list(facts),
        )  # fmt: skip
        self._players[kind] = player = _Player(plan, user.environment)
        return player

    def _listen_to(self, environment: Environment) -> None:
        self._environment, events = environment, environment.events
        start: Any = events.test_start
        stop: Any = events.test_stop
        start.add_listener(self._begin)
        stop.add_listener(self.end)

    def _begin(self, **_: Any) -> None:
        self._is_over = False

    def end(self, environment: Environment, **_: Any) -> None:
        """A verdict of each player, and a failure for each rule that is broken."""
        self._is_over = True
        with self._ending:
            while self._players:
                self._end_one(environment, *self._players.popitem())

    def _end_one(self, environment: Environment, kind: type[ReplayUser], player: _Player) -> None:
        try:
            verdict = player.stop()
        except PlayerFailed as error:
            _fail(environment, kind.__name__, error)
            return
        sessions = count_text(verdict["sessions"], "session")
        _log.info("%s: %s, %s recorded in %s", kind.__name__, verdict["verdict"], sessions, verdict["recording"])
        if verdict["undecided"]:
            undecided = ", ".join(map(visible, verdict["undecided"]))
            _log.warning("%s: this machine was too slow to decide: %s", kind.__name__, undecided)
        for rule, message, count in verdict["broken"]:
            _fail(environment, rule, RuleBroken(f"{message} ({count}×)"))


_players = _Players()


class _WorkerVerdicts:
    """Locust's first process, where others have the users. It ends half a second after it has told them to end: before that,
    it waits for their verdicts."""

    def __init__(self, environment: Environment, runner: Any) -> None:
        self._environment, self._runner = environment, runner
        # workers that owe their verdict, while it is waited for
        self._awaited: set[str] = set()
        runner.register_message(_STOPPED, self._hear)
        stopping: Any = environment.events.test_stopping
        stopping.add_listener(self._wait)

    def _hear(self, msg: Any, **_: Any) -> None:
        self._awaited.discard(msg.node_id)
        if msg.data["failed"]:
            self._environment.process_exit_code = 1

    def _wait(self, **_: Any) -> None:
        self._awaited = {worker.id for worker in self._runner.clients.all}
        self._runner.send_message(_STOP)
        begun = time.monotonic()
        while self._is_awaiting(time.monotonic() - begun):
            gevent.sleep(0.05)

    def _is_awaiting(self, waited_s: float) -> bool:
        """Whether a worker that is still there owes its verdict."""
        return waited_s < _PATIENCE_S and any(
            worker.id in self._awaited and (worker.state != STATE_MISSING or waited_s < _SILENCE_S)
            for worker in self._runner.clients.all
        )


@events.init.add_listener
def _connect(environment: Environment, runner: Any, **_: Any) -> None:
    """As soon as Locust knows whether it is a master, a worker, or alone."""
    if isinstance(runner, MasterRunner):
        _WorkerVerdicts(environment, runner)
        return
    quitting: Any = environment.events.quitting
    quitting.add_listener(_end_players)  # Ctrl-C ends each process by itself
    if isinstance(runner, WorkerRunner):
        runner.register_message(_STOP, _end_players, concurrent=True)


def _end_players(environment: Environment, **_: Any) -> None:
    _players.end(environment)
    if isinstance(environment.runner, WorkerRunner):
        environment.runner.send_message(_STOPPED, {"failed": environment.process_exit_code == 1})


def _fail(environment: Environment, name: str, error: Exception) -> None:
    """In the statistics, if they are still taken; in the log and the exit code of this process in any case."""
    _log.error("%s: %s", name, visible(str(error)))
    environment.process_exit_code = 1
    _fire(environment, "rule", name, 0.0, error)


def _fire(environment: Environment, kind: str, name: str, seconds: float, error: Exception | None = None) -> None:
    """What Locust's statistics call a request."""
    request: Any = environment.events.request
    request.fire(
        request_type=kind, name=name, response_time=seconds * 1000, response_length=0, exception=error, context={}
    )
