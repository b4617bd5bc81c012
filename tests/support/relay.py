"""A recording proxy in a process of its own, which tests may kill.

Run as a program it is that process: `relay.py LOOP UPSTREAM PATH OPTIONS`, with the options as JSON. It prints one JSON line
when it listens, one for whatever its recorder has to say, and one with the summary when it has stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PATIENCE_S = 60.0


def wait_for(condition: Callable[[], Any], what: str = "condition", within_s: float = PATIENCE_S) -> Any:
    """Wait until a condition is true; return what it gave."""
    give_up = time.monotonic() + within_s
    while True:
        if value := condition():
            return value
        assert time.monotonic() < give_up, f"waited {within_s:.0f} s in vain: {what}"
        time.sleep(0.01)


class Relay:
    """A relay process. `says` are the lines it has printed so far."""

    def __init__(
        self, upstream: str, path: Path, loop: str = "uvloop", preexec: Callable[[], None] | None = None,
        under: Sequence[str] = (), forked: bool = False, **options: Any,
    ) -> None:  # fmt: skip
        """Raises AssertionError where it does not come to listen. `under` is a command that runs it; `forked`: not in a new
        interpreter, which takes longer."""
        self.path = path
        self.says: list[dict[str, Any]] = []
        arguments = [loop, upstream, str(path), json.dumps(options)]
        self.process = _fork(arguments) if forked else subprocess.Popen(
            [*under, sys.executable, __file__, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=preexec,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._errors = threading.Thread(target=self._read_errors, daemon=True)
        self.errors: list[str] = []
        self._errors.start()
        try:
            wait_for(lambda: self.told("port") or self.process.poll() is not None, "the relay listens")
            self._reader.join(0.1)
            assert self.told("port"), "".join(self.errors)
        except BaseException:
            self.end()  # nobody else can: there is no relay to be had
            raise
        self.port: int = self.told("port")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.says.append(json.loads(line))

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors.extend(self.process.stderr)

    def told(self, key: str) -> Any:
        """The last thing said under this key."""
        return next((line[key] for line in reversed(self.says) if key in line), None)

    def count(self, key: str) -> int:
        return sum(key in line for line in self.says)

    def recorder(self) -> int:
        """The process id of the recorder, once there is one."""
        return int(wait_for(self.children, "the recorder runs")[0])

    def children(self) -> list[int]:
        return children(self.process.pid)

    def kill_recorder(self) -> None:
        """SIGKILL the recorder; return when a new one is ready."""
        before = self.count("restarted")
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.recorder(), signal.SIGKILL)
        wait_for(lambda: self.count("restarted") > before, "the recorder is started again")

    def kill(self) -> None:
        """SIGKILL the relay; return when its recorder has ended too."""
        recorder = self.recorder()
        self.process.kill()
        self.process.wait()
        wait_for(lambda: not alive(recorder), "the recorder ends")

    def stop(self) -> dict[str, Any]:
        """Stop in good order; return the summary."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the relay does not stop; it said {self.says[-5:]}") from None
        self._reader.join(5)
        self._errors.join(5)
        assert code == 0 and not self.errors, (code, "".join(self.errors))
        return self.told("summary")  # type: ignore[no-any-return]

    def end(self) -> None:
        """Whatever state it is in."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for thread in (self._reader, self._errors):
            thread.join(5)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


def _fork(arguments: list[str]) -> Any:
    from forked import ForkedPiped  # which imports far more than a relay in a new interpreter needs

    return ForkedPiped(serve, arguments)


def children(pid: int) -> list[int]:
    """The process ids of its children that nobody has reaped yet, the oldest first."""
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _state(pid: int) -> str:
    """The letter that /proc has for it; "X" where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def alive(pid: int) -> bool:
    return _state(pid) not in "XZ"


def stopped(pid: int) -> bool:
    return _state(pid) in "Tt"


async def _serve(upstream: str, path: str, options: dict[str, Any]) -> None:
    from wsreplay.proxy.callbacks import Callbacks
    from wsreplay.proxy.proxy import Options, RecordingProxy
    from wsreplay.proxy.route import Limits, raise_descriptor_limit

    def say(**line: Any) -> None:
        print(json.dumps(line), flush=True)

    for name in ("tls_cert", "tls_key"):
        if name in options:
            options[name] = Path(options[name])
    if "limits" in options:
        options["limits"] = Limits(**options["limits"])
    callbacks = Callbacks(
        stalled=lambda reason, keeps: say(stalled=reason, keeps=keeps), waiting=lambda: say(waits=True),
        resumed=lambda: say(resumed=True), restarted=lambda why: say(restarted=why, recorders=children(os.getpid())),
        left_out=lambda what: say(left_out=what),
        warn=lambda text: say(warned=text),
        relocated=lambda relocated: say(relocated=[str(relocated.was), str(relocated.now), relocated.saved]),
        mended=lambda path: say(mended=str(path)), rotated=lambda path: say(rotated=str(path.absolute())),
        stayed=lambda path, error: say(stayed=str(error)),
    )  # fmt: skip
    stop_within_s = options.pop("stop_within_s", None)
    raise_descriptor_limit()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with RecordingProxy(upstream, path, Options(callbacks=callbacks, **options)) as proxy:
        say(port=proxy.port)
        await stop.wait()
        report = await proxy.stop(stop_within_s)
        totals = proxy.totals
        say(summary={"frames": totals.frames, "events": report.events, "bytes": totals.bytes, "restarts": totals.restarts,
                     "requests": proxy.http_requests})  # fmt: skip


def serve(arguments: list[str]) -> None:
    """Be a relay, until SIGTERM."""
    from wsreplay.proxy.threads import run_to_end

    loop, upstream, path, options = arguments
    run: Callable[..., Any] = asyncio.run
    if loop == "uvloop":
        import uvloop

        run = uvloop.run
    run_to_end(run, _serve(upstream, path, json.loads(options)))


if __name__ == "__main__":
    serve(sys.argv[1:])
