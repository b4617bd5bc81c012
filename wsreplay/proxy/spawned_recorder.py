"""One life of the recorder process, as its parent sees it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

import wsreplay
from wsreplay.errors import WsreplayError
from wsreplay.recorder.protocol import Hello, RecordKind, Report, head

SOCKET_BUFFER = 4 * 2**20
READ = 2**16
# How long a recorder may live on that has closed its socket.
REAP_PATIENCE_S = 5.0
REAP_EVERY_S = 0.01
# To start a process takes a socket pair, a pipe for the failure of exec, /dev/null; a file notes what is missing.
RESERVE = 8
# Where this very package is found, whatever lies in the user's folder.
_PACKAGES = Path(wsreplay.__file__).parents[1]
COMMAND = (sys.executable, "-m", "wsreplay.recorder.process")

_decode = msgspec.json.Decoder(Report).decode


class DescriptorReserve:
    """Descriptors held so that a recorder can be started when connections have taken all others."""

    def __init__(self) -> None:
        # no more than RESERVE
        self._held: list[int] = []

    def fill(self) -> None:
        """Hold as many as there are to be had."""
        with contextlib.suppress(OSError):
            while len(self._held) < RESERVE:
                self._held.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))

    def release(self) -> None:
        """Give them back, for what follows in the same turn of the event loop: nobody else comes between."""
        while self._held:
            os.close(self._held.pop())


class RecorderRefused(WsreplayError):
    """The recorder says that this recording cannot be written; `exit_code` is the one it ends with."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class SpawnedRecorder:
    """A recorder process, and the socket to it."""

    def __init__(self, lock_descriptors: Sequence[int], command: Sequence[str] = COMMAND) -> None:
        """Start it. Raises OSError or subprocess.SubprocessError: what was opened is closed again."""
        ours, theirs = socket.socketpair()
        try:
            ours.setblocking(False)
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
            inherited = [theirs.fileno(), *lock_descriptors]
            self._process = subprocess.Popen(
                [*command, *map(str, inherited)],
                pass_fds=inherited, process_group=0, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=_PACKAGES,
            )  # fmt: skip
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.socket = ours
        # What of a report has come.
        self._line = b""

    def greet(self, hello: Hello) -> None:
        """Tell it what to record into. One that died at once is not told: the end of the socket says so."""
        body = msgspec.json.encode(hello)
        with contextlib.suppress(OSError):
            self.socket.send(head(RecordKind.HELLO, len(body), 0) + body)

    def receive(self) -> list[Report]:
        """The reports that are whole after one more read. Raises BlockingIOError, and EOFError where it closed its socket."""
        try:
            data = self.socket.recv(READ)
        except BlockingIOError:
            raise
        except OSError:
            data = b""
        if not data:
            raise EOFError
        *lines, self._line = (self._line + data).split(b"\n")
        return [_decode(line) for line in lines]

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def dead(self) -> bool:
        """Whether it has ended. It is reaped then, so that from now on somebody else may have its number."""
        return self._process.poll() is not None

    @property
    def stopped(self) -> bool:
        """Whether a signal has stopped it: it goes on at SIGCONT."""
        try:
            state = os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return state is not None and state.si_code == os.CLD_STOPPED

    @property
    def how_it_ended(self) -> str:
        """In words, for the sentence `the recorder …`; only once it is `dead`, or has closed its socket."""
        code = self._process.returncode
        if code is None:
            return "closed its socket"
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def kill(self) -> None:
        """End it by SIGKILL; what it had not committed has to be sent to the next one."""
        self._process.kill()

    async def reap(self, patience_s: float = REAP_PATIENCE_S, at_most_s: float = math.inf) -> None:
        """Wait until it has ended: it does by itself once its socket is closed; if not in time (s), it is killed."""
        began = time.monotonic()
        while not self.dead:
            waited = time.monotonic() - began
            if waited > at_most_s:
                return
            if waited > patience_s:
                self.kill()
            await asyncio.sleep(REAP_EVERY_S)
