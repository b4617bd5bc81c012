"""Work beside the interface: a thread with a reader of its own, which can be called back at any moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from wsreplay.errors import WsreplayError
from wsreplay.store.reader import Recording
from wsreplay.tui.data.courtesy import Courtesy, Turns


class Errand(threading.Thread):
    """Runs `work(reader, errand)` once. `fail` is told, in this thread, why it could not be done.

    `work` looks at `called_back` between its pieces, and calls `give_way` between its rows; a query that runs is interrupted.
    """

    def __init__(
        self,
        path: Path,
        work: Callable[[Recording, Errand], None],
        fail: Callable[[str], object],
        name: str,
        courtesy: Courtesy,
    ) -> None:
        super().__init__(name=f"wsreplay {name}", daemon=True)
        self.give_way = Turns(courtesy).give_way
        self._path = path
        self._work = work
        self._fail = fail
        self._lock = threading.Lock()
        self._reader: Recording | None = None
        self._called = threading.Event()

    @property
    def called_back(self) -> bool:
        return self._called.is_set()

    def call_back(self) -> None:
        """Stop as soon as possible; returns at once."""
        self._called.set()
        with self._lock:
            if self._reader is not None:
                self._reader.interrupt()

    def run(self) -> None:
        try:
            with self._opened() as reader:
                try:
                    if not self.called_back:
                        self._work(reader, self)
                finally:
                    with self._lock:
                        self._reader = None
        except WsreplayError as error:
            if not self.called_back:
                self._fail(str(error))

    def _opened(self) -> Recording:
        reader = Recording.open(self._path)
        with self._lock:
            self._reader = reader
        return reader


class Errands:
    """The errands of one screen, by name: a new one calls the one before it back."""

    def __init__(self, path: Path, courtesy: Courtesy) -> None:
        self._path = path
        self._courtesy = courtesy
        self._running: dict[str, Errand] = {}
        self._ended: list[Errand] = []

    def send(self, name: str, work: Callable[[Recording, Errand], None], fail: Callable[[str], object]) -> Errand:
        self.call_back(name)
        errand = self._running[name] = Errand(self._path, work, fail, name, self._courtesy)
        errand.start()
        return errand

    @property
    def busy(self) -> bool:
        """Whether any errand is still under way."""
        return any(errand.is_alive() for errand in self._running.values())

    def call_back(self, name: str) -> None:
        if errand := self._running.pop(name, None):
            errand.call_back()
            self._ended = [*(one for one in self._ended if one.is_alive()), errand]

    def call_all_back(self, *, wait_s: float = 1.0) -> None:
        """Stop all and wait for them, not longer than `wait_s` each."""
        for name in list(self._running):
            self.call_back(name)
        for errand in self._ended:
            errand.join(wait_s)
        self._ended.clear()
