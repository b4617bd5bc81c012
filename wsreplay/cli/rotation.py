"""`record --rotate`: when recording goes on in another file, and in which."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from wsreplay.cli.console import Console
from wsreplay.errors import WsreplayError
from wsreplay.proxy.proxy import RecordingProxy
from wsreplay.store.paths import next_free
from wsreplay.units import parse_duration, parse_size

_TRY_AGAIN_S = 10.0


@dataclass(frozen=True)
class Limit:
    """How large (bytes) or how old (nanoseconds) a recording may become."""

    size: int | None = None
    age_ns: int | None = None


class SizeOrTime(click.ParamType[Limit]):
    """A size, or a time, with its unit: 100MB, 1h."""

    name = "size|time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Limit:
        if isinstance(value, Limit):
            return value
        limit = _limit(str(value))
        if limit is None:
            self.fail(f"{value!r} is neither a size nor a duration; write a unit, as in 100MB, 15m or 1h", param, ctx)
        if not (limit.size or limit.age_ns):
            self.fail("a recording cannot be rotated at 0", param, ctx)
        return limit


def _limit(text: str) -> Limit | None:
    """`m` is a minute, `M` a megabyte; a number alone could be either."""
    with suppress(ValueError):
        return Limit(age_ns=parse_duration(text, bare=False))
    with suppress(ValueError):
        return None if text.strip()[-1:].isdecimal() else Limit(size=parse_size(text))
    return None


class Rotation:
    """Turns a proxy to the next file when its current one has reached the limit. `turned` is told of each new file."""

    def __init__(self, limit: Limit, proxy: RecordingProxy, console: Console, turned: Callable[[Path], None]) -> None:
        self._limit, self._proxy, self._console, self._turned = limit, proxy, console, turned
        self._first = proxy.path
        self._began_ns = time.monotonic_ns()
        # after a failure, when to try again (monotonic, s)
        self._not_before = 0.0

    async def check(self) -> None:
        """Turn to the next file if it is time; where that cannot be done, say so and try again later."""
        if self._proxy.unused or time.monotonic() < self._not_before or not self._reached():
            return
        path = next_free(self._first)
        try:
            await self._proxy.rotate(path)
        except WsreplayError as error:
            self._console.complain(f"recording continues in {self._proxy.path}: {error}")
            self._not_before = time.monotonic() + _TRY_AGAIN_S
            return
        self._began_ns = time.monotonic_ns()
        self._console.say(f"new connections are recorded in {path}")
        self._turned(path)

    def _reached(self) -> bool:
        if self._limit.age_ns is not None:
            return time.monotonic_ns() - self._began_ns >= self._limit.age_ns
        path = self._proxy.path
        files = (path, path.with_name(f"{path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists()) >= (self._limit.size or 0)
