"""Work beside the interface: an errand has a reader of its own and can be cancelled at any moment.

A short one runs in a thread. A long one on a large recording goes to the clerk, a process: what computes in a thread would
take every second millisecond of a key's work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from wsreplay.errors import WsreplayError
from wsreplay.store.reader import Recording

LARGE_BYTES = 4 << 20  # of a recording; below, a thread is done before a process has started


class Told(Protocol):
    """What work sees of its errand."""

    @property
    def cancelled(self) -> bool: ...
    def tell(self, value: Any) -> None: ...


Work = Callable[[Recording, Told], None]
"""Work looks at `cancelled` between its pieces, and tells what it finds; a query that runs is interrupted."""


class Running(Protocol):
    """An errand under way."""

    def cancel(self) -> None: ...
    def is_alive(self) -> bool: ...
    def join(self, timeout: float | None = None) -> None: ...


class Hands(Protocol):
    """Who takes long errands."""

    def wake(self) -> None: ...
    def take(self, path: Path, work: Work, tell: Callable[[Any], object], fail: Callable[[str], object]) -> Running: ...


class Errand(threading.Thread):
    """Runs `work(reader, errand)` once. `tell` gets what it tells, `fail` why it could not be done; both in this thread."""

    def __init__(
        self, path: Path, work: Work, tell: Callable[[Any], object], fail: Callable[[str], object], name: str = "errand"
    ) -> None:
        super().__init__(name=f"wsreplay {name}", daemon=True)
        self._path = path
        self._work = work
        self._tell, self._fail = tell, fail
        self._lock = threading.Lock()
        self._reader: Recording | None = None
        self._called = threading.Event()

    @property
    def cancelled(self) -> bool:
        return self._called.is_set()

    def cancel(self) -> None:
        """Stop as soon as possible; returns at once."""
        self._called.set()
        with self._lock:
            if self._reader is not None:
                self._reader.interrupt()

    def tell(self, value: Any) -> None:
        if not self.cancelled:
            self._tell(value)

    def run(self) -> None:
        try:
            with self._recording() as reader:
                try:
                    if not self.cancelled:
                        self._work(reader, self)
                finally:
                    with self._lock:
                        self._reader = None
        except WsreplayError as error:
            self._say_failed(str(error))
        except Exception as error:
            self._say_failed(f"this is a mistake of wsreplay itself: {type(error).__name__}: {error}")

    def _say_failed(self, why: str) -> None:
        if not self.cancelled:
            self._fail(why)

    def _recording(self) -> Recording:
        reader = Recording.open(self._path)
        with self._lock:
            self._reader = reader
        return reader


def _nothing() -> None:
    pass


class Errands:
    """The errands of one screen, by what they do: a new one cancels the one before it.

    `deliver(callback, *values)` has something called on the interface's thread, where all answers arrive; of an errand that
    was cancelled none does, also none that was under way by then. `failed(doing, why)` hears of what could not be done, and
    so does who sent it, by a `failed` of its own.
    `hands` take the long ones.
    """

    def __init__(
        self, path: Path, deliver: Callable[..., object], failed: Callable[[str, str], object], hands: Hands | None = None
    ) -> None:
        self._path = path
        self._deliver, self._failed = deliver, failed
        self._hands = hands
        self._running: dict[str, Running] = {}
        self._wanted: dict[str, object] = {}  # what tells an errand from the one before it
        self._ended: list[Running] = []

    def send(
        self, doing: str, work: Work, answer: Callable[[Any], object], failed: Callable[[], object] = _nothing
    ) -> None:
        """Have something short done."""
        tell, fail = self._ways_back(doing, answer, failed)
        errand = self._running[doing] = Errand(self._path, work, tell, fail, doing)
        errand.start()

    def hand_over(
        self, doing: str, work: Work, answer: Callable[[Any], object], failed: Callable[[], object] = _nothing
    ) -> None:
        """Have something done that takes long where a recording is large. `work` and what it tells can be pickled."""
        if self._hands is None or not _is_large(self._path):
            self.send(doing, work, answer, failed)
            return
        tell, fail = self._ways_back(doing, answer, failed)
        self._running[doing] = self._hands.take(self._path, work, tell, fail)

    def _ways_back(
        self, doing: str, answer: Callable[[Any], object], failed: Callable[[], object]
    ) -> tuple[Callable[[Any], object], Callable[[str], object]]:
        """How an errand that begins now tells something, and that it failed."""
        self.cancel(doing)
        token = self._wanted[doing] = object()

        def heard(say: Callable[[Any], object], value: Any) -> None:
            if self._wanted.get(doing) is token:
                say(value)

        def fail(why: str) -> None:
            failed()
            self._failed(doing, why)

        return partial(self._deliver, heard, answer), partial(self._deliver, heard, fail)

    def get_ready(self) -> None:
        """Something long may soon be handed over."""
        if self._hands is not None and _is_large(self._path):
            self._hands.wake()

    @property
    def busy(self) -> bool:
        """Whether any errand is still under way."""
        return any(errand.is_alive() for errand in self._running.values())

    def is_at(self, doing: str) -> bool:
        """Whether this errand is under way."""
        return doing in self._running and self._running[doing].is_alive()

    def cancel(self, doing: str) -> None:
        self._wanted.pop(doing, None)
        if errand := self._running.pop(doing, None):
            errand.cancel()
            self._ended = [*(one for one in self._ended if one.is_alive()), errand]

    def cancel_all(self, *, wait_s: float = 1.0) -> None:
        """Stop all and wait for them, not longer than `wait_s` each."""
        for doing in list(self._running):
            self.cancel(doing)
        for errand in self._ended:
            errand.join(wait_s)
        self._ended.clear()


def _is_large(path: Path) -> bool:
    sizes = (part.stat().st_size for part in (path, Path(f"{path}-wal")) if part.exists())
    return sum(sizes) >= LARGE_BYTES
