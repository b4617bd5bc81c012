"""A backend played from a recording, so that a test runs without it.

`--wsreplay-record` says what becomes of a test that names a cassette:

    once   play it if it is there, else record it       (the default)
    none   play it; where there is none, the test fails: for CI
    all    record it anew

What was recorded becomes a cassette when its test has passed.
"""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from wsreplay.contract import Contract
from wsreplay.errors import UsageError
from wsreplay.files import copy_privately, new_file
from wsreplay.proxy.proxy import Options
from wsreplay.replay.expectations import Mismatch
from wsreplay.replay.player import Pace
from wsreplay.replay.server import ReplayServer, ServerOptions
from wsreplay.store.reader import Recording
from wsreplay.testing.tap import Tap
from wsreplay.validator.select import select_common_contract, select_contracts

FOLDER = "cassettes"
ONCE, NONE, ALL = "once", "none", "all"


def is_played(cassette: Path, mode: str) -> bool:
    """Whether the backend is to be played. Raises UsageError where there is nothing to play."""
    if mode == NONE and not cassette.exists():
        raise UsageError(f"no cassette {cassette}: record it with --wsreplay-record=once, with the backend running")
    return mode != ALL and cassette.exists()


def keep(recording: Path, cassette: Path) -> None:
    """Make a finished recording a cassette; at once, since another process may be reading the old one."""
    cassette.parent.mkdir(parents=True, exist_ok=True)
    with new_file(cassette, replace=True) as fresh:
        copy_privately(recording, fresh)


class PlayedTap(Tap):
    """A tap whose backend is played: in its time divided by `speed`, by default as fast as the client follows."""

    played = True

    def __init__(
        self, cassette: Path, url: str, path: Path, *, contract: str | Path | Contract | None = None, speed: float = inf
    ) -> None:
        super().__init__(url, path, contract=contract, options=Options())
        telling_ids = self._contract
        if self._contract is None:
            with Recording.open(cassette) as recording:
                self._contract, telling_ids = select_contracts(recording)[0], select_common_contract(recording)
        self.cassette = cassette
        self._server = ReplayServer(cassette, telling_ids, ServerOptions(pace=Pace(speed=speed)))
        self._url = url

    async def _open(self) -> None:
        await self._server.__aenter__()
        try:
            server = urlsplit(self._server.url)
            parts = urlsplit(self._url)
            self._make_proxy(urlunsplit(parts._replace(scheme="ws", netloc=server.netloc)))
            await super()._open()
        except BaseException:
            await self._server.__aexit__(None, None, None)
            raise

    async def _close(self) -> None:
        await super()._close()
        await self._server.__aexit__(None, None, None)

    @property
    def mismatches(self) -> list[Mismatch]:
        """Where the client did not do what the recorded one did."""
        return self._server.mismatches

    def has_said_all(self, to_backend: int, from_backend: int) -> bool:
        return self._server.has_said_all(to_backend, from_backend)

    def complaints(self) -> list[str]:
        """Each mismatch on a line, and what to do."""
        if not self.mismatches:
            return []
        hint = f"the client did not follow {self.cassette}; if the client is right, record again with --wsreplay-record=all"
        return [*map(str, self.mismatches), hint]

    def assert_valid(self, contract: str | Path | Contract | None = None, *, strict: bool = False) -> None:
        """Raises AssertionError also where the client departed from the cassette."""
        __tracebackhide__ = True
        if complaints := self.complaints():
            raise AssertionError("\n".join(complaints))
        super().assert_valid(contract, strict=strict)


def cassette_path(test_file: Path, name: str) -> Path:
    """Beside the test's file, in a folder of their own."""
    return test_file.parent / FOLDER / f"{name}.db"


def speed_of(options: dict[str, Any]) -> float:
    """The option `speed`, taken out."""
    speed = float(options.pop("speed", inf))
    if not speed > 0:
        raise UsageError("speed is a number above 0: 1 is as recorded, inf as fast as it goes")
    return speed
