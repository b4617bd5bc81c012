"""Who has the terminal while `wsreplay record` works: lines that are typed, or the terminal interface."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from wsreplay.cli.console import Console
from wsreplay.display import visible
from wsreplay.proxy.proxy import RecordingProxy

# The keyboard protocol, mouse, focus reports, pasting and the second screen off; line wrap and the cursor on.
_AS_BEFORE = "\x1b[<u\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l"
_ALSO = "a line you type becomes a mark, Ctrl-C stops"
_PIPED = 4096  # bytes that are read at once, and of a line that has no end
LOOK_S = 0.2  # how often is looked whether the interface was suspended: no event tells of that


class TypedLines:
    """A line that is typed, or comes through a pipe, becomes a mark; an empty one calls `on_empty`, and so does `fg`, which
    shells say for going back.

    They are read from the terminal opened once more: an event loop does not wait in what it reads, and stdin is one open file
    with the stdout of the interface, which would lose what the terminal does not take at once.
    """

    def __init__(self, proxy: RecordingProxy, console: Console) -> None:
        self._proxy = proxy
        self._console = console
        # None where an empty line means nothing
        self._on_empty: Callable[[], object] | None = None
        # the descriptor that is read; None: none
        self._terminal: int | None = None
        # what came through a pipe since its last line end
        self._unended = b""

    def read(self, on_empty: Callable[[], object] | None = None) -> None:
        """Read from now on, if there is a terminal or a pipe."""
        self._on_empty = on_empty
        if sys.stdin and sys.stdin.isatty() and (terminal := _opened_again()) is not None:
            self._terminal = terminal
            asyncio.get_running_loop().add_reader(terminal, self._take, terminal)
        elif on_empty is None and (pipe := _pipe_of_stdin()) is not None:
            self._terminal = pipe
            asyncio.get_running_loop().add_reader(pipe, self._take_piped, pipe)

    @property
    def is_reading(self) -> bool:
        """Whether there is a terminal to read from, as far as is known."""
        return self._terminal is not None

    def rest(self) -> None:
        """Leave the terminal to another."""
        if self._terminal is not None:
            asyncio.get_running_loop().remove_reader(self._terminal)
            os.close(self._terminal)
            self._terminal = None

    def _take(self, terminal: int) -> None:
        # A job in the background that reads is stopped, unless the signal is blocked: then reading fails.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTIN})
        try:
            line = os.read(terminal, 4096)
        except BlockingIOError:
            return
        except OSError:
            if _is_in_background(terminal):
                self._wait_for_foreground(terminal)
                return
            line = b""  # the terminal is gone
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTTIN})
        if not line:
            self.rest()
            if self._on_empty is not None:
                self._on_empty()
        elif (note := line.decode("utf-8", "replace").strip()) and not (note == "fg" and self._on_empty):
            self._mark(note)
        elif self._on_empty is not None:
            self._on_empty()

    def _mark(self, note: str) -> None:
        self._proxy.mark(note)
        self._console.say(f"◆ marked: {visible(note)}")

    def _take_piped(self, pipe: int) -> None:
        """Each line, however many come at once and wherever they are split. A named pipe ends with each of its writers; another
        one may come."""
        try:
            data = os.read(pipe, _PIPED)
        except BlockingIOError:
            return
        *lines, self._unended = (self._unended + data).split(b"\n")
        if self._unended and (not data or len(self._unended) >= _PIPED):
            lines, self._unended = [*lines, self._unended], b""
        for line in lines:
            if note := line.decode("utf-8", "replace").strip():
                self._mark(note)
        if not data:
            self._look_later(pipe, self._take_piped, lambda: True)

    def _wait_for_foreground(self, terminal: int) -> None:
        """What is typed is for somebody else; look now and then whether it is for us again."""
        self._look_later(terminal, self._take, lambda: not _is_in_background(terminal))

    def _look_later(self, descriptor: int, take: Callable[[int], object], is_ready: Callable[[], bool]) -> None:
        """Read no more, but look now and then whether there is something to read again."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(descriptor)

        def look() -> None:
            if self._terminal != descriptor:
                return
            if is_ready():
                loop.add_reader(descriptor, take, descriptor)
            else:
                loop.call_later(LOOK_S, look)

        loop.call_later(LOOK_S, look)


def _is_in_background(terminal: int) -> bool:
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:  # it is gone
        return False


class Viewer:
    """The terminal interface as a process of its own, which has the terminal until it is left."""

    def __init__(self, path: Path, contracts: tuple[str, ...], console: Console) -> None:
        chosen = [argument for contract in contracts for argument in ("-c", contract)]
        self._arguments = [*chosen, str(path)]
        self._console = console

    async def show(self, stop: asyncio.Event, typed: TypedLines) -> None:
        """Show it until it is left, or the recording is to stop. While it is suspended, lines are read."""
        settings = _settings_of_terminal()
        ours, theirs = os.pipe()  # closed with this process, however it ends
        command = [sys.executable, "-m", "wsreplay", "tui", "--while-open", str(theirs), *self._arguments]
        viewer = await asyncio.create_subprocess_exec(*command, pass_fds=[theirs])
        os.close(theirs)
        left, stopped = asyncio.create_task(viewer.wait()), asyncio.create_task(stop.wait())
        while True:
            with self._console.silence():
                suspended = await _signalled(viewer.pid, "WSTOPPED", left, stopped)
            if not suspended:
                break
            self._console.say(f"the view is suspended, recording continues   (Enter returns to it, {_ALSO})")
            if not await self._back(viewer.pid, typed, left, stopped):
                break
            with suppress(ProcessLookupError):
                viewer.send_signal(signal.SIGCONT)
        if not left.done():
            with suppress(ProcessLookupError):
                viewer.terminate()
                viewer.send_signal(signal.SIGCONT)  # a suspended process hears of it only then
            await left
        os.close(ours)
        stopped.cancel()
        if viewer.returncode is not None and viewer.returncode < 0:
            _put_in_order(settings)
        if not stop.is_set():
            _forget_typed()
            self._console.say(f"still recording   (Enter opens the view again, {_ALSO})")

    async def _back(self, pid: int, typed: TypedLines, *ends: asyncio.Task[object]) -> bool:
        """Whether somebody wants it back, or a shell has continued it with all of the job, before one of the tasks ends."""
        wanted = asyncio.Event()
        typed.read(wanted.set)
        wish = asyncio.create_task(wanted.wait())
        continued = await _signalled(pid, "WCONTINUED", wish, *ends)
        typed.rest()
        wish.cancel()
        return continued or wanted.is_set()


class Terminal:
    """Whose turn it is: the interface's as long as it is open, else that of typed lines; an empty one opens it again."""

    def __init__(self, viewer: Viewer | None, typed: TypedLines, stop: asyncio.Event) -> None:
        self._viewer = viewer
        self._typed = typed
        self._stop = stop
        # the interface, while it is open
        self._view: asyncio.Task[None] | None = None
        # whether it is to be opened
        self._wanted = asyncio.Event()
        if viewer is None:
            typed.read()
        else:
            self._open(viewer)

    def _open(self, viewer: Viewer) -> None:
        self._wanted.clear()
        self._view = asyncio.create_task(viewer.show(self._stop, self._typed))

    def take_turns(self) -> None:
        """Read lines once the interface was left, and open it once somebody wants it again."""
        if self._viewer is None:
            return
        if self._view is not None and self._view.done():
            self._view.result()
            self._view = None
            self._typed.read(self._wanted.set)
        elif self._view is None and self._wanted.is_set() and self._typed.is_reading:
            self._typed.rest()
            self._open(self._viewer)

    async def give_back(self) -> None:
        """Wait for the interface to end, which it does when the recording is to stop."""
        if self._view is not None:
            await self._view


def _settings_of_terminal() -> list[Any] | None:
    try:
        return termios.tcgetattr(sys.stdin.fileno())
    except (OSError, ValueError, termios.error):
        return None


def _forget_typed() -> None:
    """What was typed for the interface, and that it did not read, is no mark."""
    with suppress(OSError, ValueError, termios.error):
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


def _put_in_order(settings: list[Any] | None) -> None:
    """The interface was killed, and left the terminal as it had it."""
    if settings is not None:
        with suppress(OSError, ValueError, termios.error):
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, settings)
            sys.stdout.write(_AS_BEFORE)
            sys.stdout.flush()


async def _signalled(pid: int, what: str, *ends: asyncio.Task[object]) -> bool:
    """Wait until a child is suspended or continued, or one of the tasks ends; whether it is the former."""
    while not any(task.done() for task in ends):
        if _has_heard(pid, what):
            return True
        await asyncio.wait(ends, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
    return False


def _has_heard(pid: int, what: str) -> bool:
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return False
    try:
        return os.waitid(os.P_PID, pid, getattr(os, what) | os.WNOHANG) is not None
    except ChildProcessError:
        return False


def _pipe_of_stdin() -> int | None:
    """A descriptor of the pipe, named or not, that stdin is; None where it is something else."""
    try:
        descriptor = sys.stdin.fileno() if sys.stdin else -1
        return os.dup(descriptor) if stat.S_ISFIFO(os.fstat(descriptor).st_mode) else None
    except (OSError, ValueError):
        return None


def _opened_again() -> int | None:
    """The terminal of stdin, as a file of its own; None where it cannot be opened."""
    for path in (_name_of_terminal(), "/dev/tty"):
        with suppress(OSError):
            if path:
                return os.open(path, os.O_RDONLY | os.O_NOCTTY)
    return None


def _name_of_terminal() -> str:
    try:
        return os.ttyname(sys.stdin.fileno())
    except OSError:  # a container's terminal may have no name in it
        return ""
