"""What processes hold, from /proc (Linux)."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import NamedTuple


class Held(NamedTuple):
    """Of a process and its children together, in MiB. PSS counts shared pages once."""

    rss: float
    pss: float


def with_children(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in with_children(int(child)))]


def held(pid: int) -> Held:
    rss = pss = 0
    for each in with_children(pid):
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
            name, *value = line.split()
            rss += int(value[0]) if name == "Rss:" else 0
            pss += int(value[0]) if name == "Pss:" else 0
    return Held(rss / 1024, pss / 1024)


class Watch:
    """Looks at a process and its children every half second, in a thread."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.seen: list[Held] = []

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.5):
            self.seen.append(held(self._pid))

    @property
    def peak(self) -> Held:
        return Held(max(each.rss for each in self.seen), max(each.pss for each in self.seen))

    @property
    def growth(self) -> float:
        """By how many MiB the mean PSS of the last quarter is above that of the second."""
        quarter = max(1, len(self.seen) // 4)
        second, last = self.seen[quarter : 2 * quarter] or self.seen, self.seen[-quarter:]
        return sum(each.pss for each in last) / len(last) - sum(each.pss for each in second) / len(second)


def settle() -> None:
    """Give processes that have just ended, and the disk, a moment."""
    time.sleep(0.2)
