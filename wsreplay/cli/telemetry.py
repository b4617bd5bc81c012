"""`record --metrics` and `record --otlp`: the telemetry process, seen from the relay that starts it."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from wsreplay.errors import UsageError
from wsreplay.extras import require
from wsreplay.proxy.callbacks import Callbacks
from wsreplay.proxy.proxy import RecordingProxy
from wsreplay.proxy.recording_files import Relocated
from wsreplay.telemetry.status import TELL_EVERY_S, Notice, RelayStatus, TelemetryOptions, write_notice, write_options
from wsreplay.trace.identity import UserSource, user_source_text

START_AGAIN_AFTER_S = 10.0


class Telemetry:
    """One telemetry process for all recordings of a proxy; another in its place where it ends.

    It is told by a pipe that never blocks the relay: what does not fit is left out. Without metrics and URL nothing is started.
    """

    def __init__(
        self, metrics: tuple[str, int] | None, otlp: str | None, contracts: tuple[str, ...], users: Sequence[UserSource],
        complain: Callable[[str], None],
    ) -> None:  # fmt: skip
        """Raises UsageError where an extra is missing, or the address is taken."""
        self._wanted, self._complain = metrics is not None or otlp is not None, complain
        # where spans go, without a password; "": nowhere
        self._endpoint = ""
        if otlp is not None:
            self._endpoint = check_collector(otlp, "--otlp")
        self._listener = None if metrics is None else _listen(metrics)
        descriptor = None if self._listener is None else self._listener.fileno()
        self._options = TelemetryOptions(descriptor, otlp or "", next(iter(contracts), ""), tuple(map(user_source_text, users)))
        # None until there is something to record
        self._process: subprocess.Popen[bytes] | None = None
        # when it was started, and was last told how the relay is doing (monotonic, s)
        self._started_at = 0.0
        self._told_at = 0.0
        # why nothing can be recorded at the moment
        self._stalled = ""
        # those that a new process is to be told of
        self._recordings: list[Path] = []

    def says(self) -> Iterator[str]:
        """Lines that tell where metrics and spans are."""
        if self._listener is not None:
            host, port = self._listener.getsockname()[:2]
            yield f"metrics at http://{f'[{host}]' if ':' in host else host}:{port}/metrics"
        if self._endpoint:
            yield f"spans to {self._endpoint}"

    def start(self, path: Path, instead: Path | None = None) -> None:
        """A recording is written from now on, `instead` of one that was moved there."""
        if not self._wanted:
            return
        path = Path.cwd() / path
        self._recordings = [*(recording for recording in self._recordings if recording != instead), path]
        if self._process is None:
            self._run()
        else:
            self._tell(Notice(str(path), str(instead or "")))

    def go_with(self, callbacks: Callbacks) -> None:
        """Follow a recording that is moved or saved where it is then, and know when nothing can be recorded."""
        relocated, rotated, stalled, resumed = callbacks.relocated, callbacks.rotated, callbacks.stalled, callbacks.resumed

        def on_relocated(event: Relocated) -> None:
            relocated(event)
            self.start(event.now, Path.cwd() / event.was)

        def on_rotated(path: Path) -> None:
            rotated(path)
            self.start(path)

        def on_stalled(reason: str, keeps: int) -> None:
            self._stalled = reason
            stalled(reason, keeps)

        def on_resumed() -> None:
            self._stalled = ""
            resumed()

        callbacks.relocated, callbacks.rotated, callbacks.stalled, callbacks.resumed = (
            on_relocated, on_rotated, on_stalled, on_resumed,
        )  # fmt: skip

    def _run(self) -> None:
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "wsreplay.telemetry", write_options(self._options)], stdin=subprocess.PIPE, process_group=0,
            pass_fds=[] if self._options.listener is None else [self._options.listener],
        )  # fmt: skip
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        for recording in self._recordings:
            self._tell(Notice(str(recording)))

    def _tell(self, notice: Notice) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(self._process.stdin.fileno(), write_notice(notice))

    def check(self, proxy: RecordingProxy) -> None:
        """Tell how the relay is doing, once a second, and see that the process is there."""
        now = time.monotonic()
        if self._process is None or now - self._told_at < TELL_EVERY_S:
            return
        self._told_at = now
        if self._process.poll() is not None:
            if now - self._started_at < START_AGAIN_AFTER_S:
                return
            self._complain("the telemetry process ended and is being restarted; traffic and recording were not affected")
            self._run()
        totals = proxy.totals
        self._tell(Notice(status=RelayStatus(
            totals.bytes, totals.waiting_bytes, proxy.recorder_lag_ns, totals.restarts, proxy.open_connections,
            proxy.http_requests, totals.faults, self._stalled,
        )))  # fmt: skip

    def close(self) -> None:
        """The recordings are closed: there is nothing more to tell."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()

    def wait(self, until: float) -> bool:
        """Wait until the last spans are sent, at most until then (monotonic, s); whether they are.

        Where they are not the process goes on by itself. One that only serves metrics has nothing to finish.
        """
        if self._process is None:
            return True
        if not self._options.otlp:
            self._process.kill()
            self._process.wait()
            return True
        try:
            self._process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return True


def check_collector(url: str, purpose: str) -> str:
    """Where a collector takes traces, shown without a password. Raises UsageError, also where the extra is missing."""
    require("otel", "opentelemetry.exporter.otlp.proto.http", "opentelemetry.sdk", purpose=purpose)
    from wsreplay.telemetry.otlp import traces_endpoint

    return re.sub(r"//[^/@]*@", "//…@", traces_endpoint(url))


def _listen(address: tuple[str, int]) -> socket.socket:
    """A socket that listens; the process inherits it, so that one that is started again misses no scrape."""
    require("metrics", "prometheus_client", purpose="--metrics")
    host, port = address
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=64)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
        raise UsageError(f"--metrics cannot listen on {host}:{port}: {reason.lower()}") from None
