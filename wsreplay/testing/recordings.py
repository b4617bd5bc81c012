"""The recordings of one test: where they lie, and what becomes of them."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from wsreplay.contract import Contract
from wsreplay.errors import UsageError, WsreplayError
from wsreplay.proxy.proxy import Options
from wsreplay.store import lock
from wsreplay.testing.cassette import PlayedTap, cassette_path, is_played, keep, speed_of
from wsreplay.testing.event_stream import EventStreamTap, PlayedEventStreamTap, as_websocket
from wsreplay.testing.tap import Tap

_LONGEST_NAME = 120
_DIGEST = 7  # characters of the digest at a name's end, with its dash
_OPTIONS = frozenset(Options.__dataclass_fields__)


class Recordings:
    """The value of the fixture `wsreplay`: starts recording proxies, and keeps track of their files.

    `name` is the test's node id. `folder` holds the recordings while the test runs, and afterwards if it fails. `options` are
    the defaults for all proxies.
    """

    def __init__(
        self, name: str, folder: Path, test_file: Path, *, contract: str | None = None, record: str = "once",
        options: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self.folder = folder
        self._name, self._test_file = file_name(name), test_file
        self._contract, self._mode, self._options = contract, record, options
        # in the order of their beginnings
        self._taps: list[Tap] = []
        self._to_keep: dict[Path, Tap] = {}  # cassettes that are being recorded
        # whether the test itself has passed, and whether a failure was reported, which can be of its set-up or end
        self.passed = self.told = False

    def proxy(
        self, url: str, contract: str | Path | Contract | None = None, *, cassette: str | bool = False, **options: Any
    ) -> Tap:
        """A recording proxy in front of `url`, validated with `contract` (a name, a file, or a Contract), by default with the
        built-in contract that fits. At an http:// URL it records server-sent events.

        With a `cassette` (its name; True: the test's) a recording plays the backend, as `--wsreplay-record` says; the option
        `speed` divides its times. Other `options` are those of RecordingProxy: `insecure`, `set_headers`, `redact`, … Raises
        UsageError for unknown ones.
        """
        speed = speed_of(options)
        if unknown := sorted(options.keys() - _OPTIONS):
            raise UsageError(f"proxy() knows no option {', '.join(unknown)}: it takes {', '.join(sorted(_OPTIONS))}")
        contract = contract or self._contract
        tape = cassette_path(self._test_file, self._name[:-_DIGEST] if cassette is True else cassette) if cassette else None
        streams = url.startswith(("http://", "https://"))
        if tape is not None and is_played(tape, self._mode):
            play = PlayedEventStreamTap if streams else PlayedTap
            tap: Tap = play(tape, as_websocket(url), self._free_path(), contract=contract, speed=speed)
        else:
            record = EventStreamTap if streams else Tap
            tap = record(url, self._free_path(), contract=contract, options=Options(**{**self._options, **options}))
            if tape is not None:
                self._to_keep[tape] = tap
        self._taps.append(tap)
        return tap

    def _free_path(self) -> Path:
        """A file for a new recording: what an earlier run of this test left there goes, unless it is being written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        taken = {tap.path for tap in self._taps}
        number = 1
        while True:
            path = self.folder / (f"{self._name}.db" if number == 1 else f"{self._name}-{number}.db")
            if path not in taken and not lock.is_held(path):
                path.unlink(missing_ok=True)
                return path
            number += 1

    def stop(self) -> None:
        """End all recordings. Their files are complete then."""
        for tap in self._taps:
            tap.stop()

    def reports(self, base: Path) -> Iterator[tuple[Path, str]]:
        """For each recording: its path relative to the folder `base`, the report, and the command that opens it."""
        for tap in self._taps:
            if not tap.path.exists():
                continue
            shown = tap.path.relative_to(base) if tap.path.is_relative_to(base) else tap.path
            try:
                text = "".join(f"{line}\n" for line in tap.complaints())
                text += tap.report().replace(str(tap.path), str(shown))
            except WsreplayError as error:
                text = f"{error}\n  look closer: wsreplay tui {shlex.quote(str(shown))}\n"
            yield shown, text

    def finish(self, *, keep_all: bool) -> None:
        """The test is over: remove its recordings, unless it failed or `keep_all`."""
        for tap in self._taps:
            tap.close()
        if self.passed and not self.told:
            for cassette, tap in self._to_keep.items():
                if tap.path.exists():
                    keep(tap.path, cassette)
        for tap in self._taps:
            if not (self.told or keep_all):
                tap.path.unlink(missing_ok=True)


def file_name(node_id: str) -> str:
    """A test's node id as the name of a file; a digest tells apart what looks the same.

    `tests/test_chat.py::test_it[3]` gives `test_chat.test_it-3-` and six hexadecimal digits.
    """
    file, _, rest = node_id.partition("::")
    readable = re.sub(r"[^\w.]+", "-", f"{Path(file).stem}.{rest}").strip("-.")[:_LONGEST_NAME]
    return f"{readable}-{hashlib.sha256(node_id.encode()).hexdigest()[: _DIGEST - 1]}"

