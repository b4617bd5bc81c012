"""A folder for each page, in which its commands run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from fcntl import ioctl
from pathlib import Path

import pages
import ports
import pytest

import wsreplay
from wsreplay.demo.backend import Backend
from wsreplay.demo.run import play
from wsreplay.proxy.proxy import RecordingProxy

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 100
PATIENCE = 60.0  # seconds; far above what any command needs
PORTS = ("8765", "8766", "8000", "8443")  # what the pages write; each page runs with free ones in their place
LISTENS = re.compile(r"^wsreplay (?:record|demo --serve|replay server)\b(?!.* (?:-l|--help)\b)")  # at the default port


class Session:
    """A command that goes on while the page goes on. `output` is what it has printed so far."""

    def __init__(self, command: pages.Command, text: str, environment: dict[str, str], folder: Path) -> None:
        self.command, self.output = command, ""
        self.process = subprocess.Popen(
            ["bash", "-c", f"exec {text}"], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        self._grown = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._grown:
                self.output += line
                self._grown.notify_all()
        with self._grown:
            self._grown.notify_all()

    def wait_for(self, text: str) -> None:
        with self._grown:
            self._grown.wait_for(lambda: text in self.output or self.process.poll() is not None, PATIENCE)
            assert text in self.output, f"{self.command.text} never said {text!r}:\n{self.output}"

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        if self.process.stdout is not None:
            self.process.stdout.close()


class Reader:
    """Somebody who follows a page, command by command."""

    def __init__(self, page: pages.Page, folder: Path) -> None:
        self.page, self.folder = page, folder
        self.ports = dict(zip(PORTS, map(str, ports.unused(len(PORTS))), strict=True))
        self.sessions: list[Session] = []
        self.wrong: list[str] = []
        self.printed: dict[int, str] = {}  # what a page says that is written anew, by its line: all of it from one run
        self._services = contextlib.ExitStack()
        self._last_code = 0
        home = folder.parent / f"{folder.name}-home"
        home.mkdir()
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(home), "CAROOT": str(home / "ca"),
            "PYTHONPATH": str(Path(wsreplay.__file__).parents[1]),
            "COLUMNS": str(WIDTH), "LINES": "40", "LANG": "C.UTF-8", "TERM": "xterm-256color", "NO_COLOR": "1",
        }  # fmt: skip

    def close(self) -> None:
        for session in self.sessions:
            session.close()
        self._services.close()

    def follow(self) -> None:
        for step in self.page.steps:
            if isinstance(step, pages.Directive):
                self._act(step)
            elif step.title and step.language != "console":
                target = self.folder / step.title
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(self._here(step.text), encoding="utf-8")
            elif step.language == "console" and step.directive("not run") is None:
                self._run(step)

    def _act(self, directive: pages.Directive) -> None:
        match directive.word:
            case "needs":
                if shutil.which(directive.rest) is None:
                    assert not self.wrong, "\n\n".join(self.wrong)
                    pytest.skip(f"from line {directive.line} on: {directive.rest} is not installed")
            case "have":
                name, _, chats = directive.rest.partition(" ")
                asyncio.run(_record(self.folder / name, pages.scenarios(chats)))
            case "sample":
                name, _, source = directive.rest.partition(" ")
                shutil.copy(ROOT / "recordings" / "samples" / source, self.folder / name)
            case "checkout":
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / "wsreplay", self.folder / "wsreplay", ignore=ignored, dirs_exist_ok=True)
            case "backend":
                self._services.enter_context(_backend(int(self.ports["8000"])))
            case "chat":
                asyncio.run(_chat(f"ws://127.0.0.1:{self.ports['8765']}/ws", pages.scenarios(directive.rest)))
            case "interrupt":
                session = self.sessions.pop()
                session.interrupt()
                self._compare(session.command, session.output)
                session.close()

    def _run(self, block: pages.Block) -> None:
        commands = block.commands()
        if until := block.directive("until"):
            (command,) = commands
            session = Session(command, self._here(command.text), self.environment, self.folder)
            self.sessions.append(session)
            session.wait_for(self._here(until.rest))
            return
        if keys := block.directive("keys"):
            (command,) = commands
            self._in_terminal(command, [step.split(" after ") for step in keys.rest.split(" then ")])
            return
        exits = block.directive("exits")
        for number, command in enumerate(commands):
            done = subprocess.run(
                ["bash", "-c", f"(exit {self._last_code})\n{self._here(command.text)}"], cwd=self.folder, env=self.environment,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE,
                check=False,
            )  # fmt: skip
            self._last_code = done.returncode
            self._compare(command, done.stdout)
            last = number == len(commands) - 1
            asked = not last and commands[number + 1].text == "echo $?"
            allowed = int(exits.rest) if last and exits is not None else 0
            if done.returncode != allowed and not asked:
                self._blame(command, f"exits with {done.returncode}, not {allowed}:\n{done.stdout}")

    def _in_terminal(self, command: pages.Command, steps: list[list[str]]) -> None:
        """Run in a pseudo-terminal: keys, each once something is to be seen; then the program must end by itself."""
        main, other = pty.openpty()
        ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, WIDTH, 0, 0))
        process = subprocess.Popen(
            ["bash", "-c", f"exec {self._here(command.text)}"], cwd=self.folder, env=self.environment,
            stdin=other, stdout=other, stderr=other, start_new_session=True,
        )  # fmt: skip
        os.close(other)
        try:
            for typed, awaited in steps:
                seen = _read_until(main, lambda text, awaited=awaited: awaited in _plain(text))
                if awaited not in _plain(seen):
                    self._blame(command, f"never showed {awaited!r}:\n{_plain(seen)}")
                    return
                os.write(main, typed.encode().decode("unicode_escape").encode("latin-1"))
            _read_until(main, lambda text: False)
            code = process.wait(PATIENCE)
            if code:
                self._blame(command, f"exits with {code}")
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(PATIENCE)
            os.close(main)

    def _compare(self, command: pages.Command, printed: str) -> None:
        self.printed[command.line] = pages.renewed(command.expected, self._there(printed))
        if difference := pages.mismatch(command.expected, self._there(printed)):
            self._blame(command, difference)

    def _blame(self, command: pages.Command, what: str) -> None:
        self.wrong.append(f"{self.page.path.name}:{command.line}: $ {command.text}\n{what}")

    def _here(self, text: str) -> str:
        if LISTENS.match(text):
            text += " -l 127.0.0.1:8765"
        for written, free in self.ports.items():
            text = re.sub(rf"\b{written}\b", free, text)
        return text

    def _there(self, text: str) -> str:
        for written, free in self.ports.items():
            text = re.sub(rf"(?<!\d){free}(?!\d)", written, text)
        return text.replace(str(self.folder), "~")


def _plain(screen: bytes) -> str:
    return re.sub(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-_])", "", screen.decode("utf-8", "replace"))


def _read_until(terminal: int, enough: Callable[[bytes], bool]) -> bytes:
    """What a terminal shows, until it is enough or the program has gone."""
    seen, end = b"", time.monotonic() + PATIENCE
    while time.monotonic() < end and not enough(seen):
        if select.select([terminal], [], [], 1.0)[0]:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # the other side is closed (EIO)
                return seen
            if not piece:
                return seen
            seen += piece
    return seen


async def _record(path: Path, chats: list[tuple[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    async with Backend() as backend, RecordingProxy(backend.url, path) as proxy:
        await _chat(f"{proxy.url}/ws", chats)


async def _chat(url: str, chats: list[tuple[str, str]]) -> None:
    for scenario, user in chats:
        await play(scenario, url, user=user)


@contextlib.contextmanager
def _backend(port: int) -> Iterator[None]:
    """The demo backend in a thread of its own."""
    ready, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with Backend(port=port, require_auth=False):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="Write what the commands print into the pages.")


@pytest.fixture
def follow(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[pages.Page], None]]:
    """Follow a page from its first command to its last; every difference fails the test."""
    readers: list[Reader] = []

    def follow_page(page: pages.Page) -> None:
        folder = tmp_path / "work"
        folder.mkdir()
        reader = Reader(page, folder)
        readers.append(reader)
        reader.follow()
        if reader.printed and request.config.getoption("--rewrite", default=False):
            page.path.write_text(pages.rewritten(page.path.read_text(encoding="utf-8"), reader.printed), encoding="utf-8")
            pytest.skip(f"{len(reader.printed)} outputs rewritten")
        assert not reader.wrong, "\n\n".join(reader.wrong)

    yield follow_page
    for reader in readers:
        reader.close()
