"""The telemetry process: follows the recordings that it is told of on stdin, serves metrics, exports spans.

It ends when stdin does and everything recorded is counted. It runs at a low priority: traffic and recording go first.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

from wsreplay.contract import load
from wsreplay.display import visible
from wsreplay.stats.watch import RecordingWatch
from wsreplay.telemetry.follower import MakeWatcher, RecordingsFollower
from wsreplay.telemetry.status import SILENT_AFTER_S, read_notice, read_options
from wsreplay.trace.identity import UserSource, parse_user_source

LOOK_EVERY_S = 0.25
# Of the time, at most the share that is spent with looking: one part in so many.
REST_FACTOR = 3
# How long recorders may take to close what they write once the relay is gone, and a collector to take the last spans.
ENDING_PATIENCE_S = 30.0
NICENESS = 10


class _Relay:
    """What is read of the relay, in a thread of its own."""

    def __init__(self, follower: RecordingsFollower) -> None:
        self._follower = follower
        self._heard_at = time.monotonic()
        self.gone = threading.Event()
        threading.Thread(target=self._read, name="relay", daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin.buffer:
            with contextlib.suppress(ValueError):  # the last line of a relay that was killed
                self._follower.tell(read_notice(line))
            self._heard_at = time.monotonic()
        self.gone.set()

    def unhealthy(self) -> str:
        """Why it is not well; "" where it is."""
        if self.gone.is_set():
            return "the relay has ended"
        silent_s = time.monotonic() - self._heard_at
        return f"the relay has not reported for {silent_s:.0f} seconds" if silent_s > SILENT_AFTER_S else ""

    def unready(self) -> str:
        """Why no traffic should be sent to it; "" where it may."""
        stalled = self._follower.status.stalled
        return f"nothing can be recorded: {visible(stalled)}" if stalled else ""


def main() -> None:
    """Run until the relay has gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the relay's end ends it
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    options = read_options(sys.argv[1].encode())
    users = tuple(map(parse_user_source, options.users))
    counting: tuple[MakeWatcher, Callable[[], None]] = (partial(RecordingWatch, users=users), lambda: None)
    make_watcher, drain = _exporting(options.otlp, users) if options.otlp else counting
    follower = RecordingsFollower(load(options.contract) if options.contract else None, _complain, make_watcher)
    relay = _Relay(follower)
    if options.listener is not None:
        _serve(options.listener, follower, relay)
    _follow(follower, relay)
    drain()


def _follow(follower: RecordingsFollower, relay: _Relay) -> None:
    until: float | None = None
    while True:
        began = time.monotonic()
        writing = follower.look()
        took = time.monotonic() - began
        if relay.gone.is_set():
            until = until or began + ENDING_PATIENCE_S
            if not writing or began > until:
                return
        relay.gone.wait(max(LOOK_EVERY_S, REST_FACTOR * took)) if until is None else time.sleep(LOOK_EVERY_S / 5)


def _serve(descriptor: int, follower: RecordingsFollower, relay: _Relay) -> None:
    from wsreplay.telemetry.metrics import registry_of
    from wsreplay.telemetry.server import serve

    registry = registry_of(lambda: (follower.totals(), follower.status))
    serve(socket.socket(fileno=descriptor), registry, relay.unhealthy, relay.unready)


def _exporting(url: str, users: tuple[UserSource, ...]) -> tuple[MakeWatcher, Callable[[], None]]:
    """Makes collectors of spans; and waits until everything is sent."""
    from wsreplay.telemetry.collect import SpanCollector
    from wsreplay.telemetry.otlp import BackgroundSender, SpanSender

    sender = BackgroundSender(SpanSender(url), _complain)
    return (
        lambda path, contract: SpanCollector(path, contract, sender.send, users=users),
        lambda: sender.drain(ENDING_PATIENCE_S),
    )


def _complain(text: str) -> None:
    sys.stderr.write(f"wsreplay: telemetry: {visible(text)}\n")


if __name__ == "__main__":
    main()
