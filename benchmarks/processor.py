"""Processor time of a process, without its children's."""

from __future__ import annotations

import time

_CPUCLOCK_SCHED = 2  # linux/posix-timers.h: the processor time of a process, in ns


def cpu_s(pid: int) -> float:
    """Seconds that all threads of a process have used so far."""
    return time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)
