"""A program behind a pseudo-terminal, and how long it takes until something is painted."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from pathlib import Path

from benchmarks.processor import cpu_s

ROOT = Path(__file__).parent.parent
SIZE = (50, 160)


class Terminal:
    """A Python program behind a pseudo-terminal; `arguments` are those of the interpreter `python`."""

    def __init__(self, *arguments: str, python: str = sys.executable) -> None:
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed wsreplay has its bytecode
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", WSREPLAY_CONFIG="/nonexistent")
            os.chdir("/")  # where no package of a checkout is in the way of its environment's
            os.execv(python, [python, *arguments])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))

    def read(self, seconds: float) -> bytes:
        """What is painted next, or nothing."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        try:
            return os.read(self.fd, 1 << 16) if ready else b""
        except OSError:
            return b""

    def until(self, *needles: bytes, seconds: float = 60) -> float:
        """Seconds since the start, or since `mark`, until one of some texts is painted."""
        seen = b""
        limit = time.perf_counter() + seconds
        while time.perf_counter() < limit:
            seen = (seen + self.read(0.5))[-(1 << 18) :]
            if any(needle in seen for needle in needles):
                return time.perf_counter() - self.started
        raise TimeoutError(f"{needles} was not painted; {seen[-400:]!r}")

    def drain(self, quiet: float = 0.3, most: float = 5) -> None:
        """Read until nothing is painted for a while."""
        limit = time.perf_counter() + most
        while self.read(quiet) and time.perf_counter() < limit:
            pass

    def key_until(self, keys: str, *needles: bytes, seconds: float = 5) -> tuple[float, bytes]:
        """Seconds from a key until one of some texts is painted, and which: what else is painted meanwhile does not count."""
        self.drain(0, 0.1)
        begun, seen = time.perf_counter(), b""
        os.write(self.fd, keys.encode())
        while time.perf_counter() - begun < seconds:
            seen += self.read(0.01)
            if found := next((needle for needle in needles if needle in seen), b""):
                return time.perf_counter() - begun, found
        raise TimeoutError(f"{needles} was not painted after {keys!r}; {seen[-400:]!r}")

    def key(self, keys: str, seconds: float = 2) -> float:
        """Seconds from a key to the first byte painted."""
        self.drain(0.06, 1)  # what an earlier key painted is not this one's
        begun = time.perf_counter()
        os.write(self.fd, keys.encode())
        return time.perf_counter() - begun if self.read(seconds) else float("nan")

    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024

    def cpu_s(self) -> float:
        """Processor time of the process so far; its children's is theirs."""
        return cpu_s(self.pid)

    def quit(self, keys: str = "\x11", patience_s: float = 20) -> float:
        """Seconds from ^q to the end of the process."""
        begun = time.perf_counter()
        os.write(self.fd, keys.encode())
        while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            self.read(0.005)
            if time.perf_counter() - begun > patience_s:
                os.kill(self.pid, signal.SIGKILL)
        os.close(self.fd)
        return time.perf_counter() - begun
