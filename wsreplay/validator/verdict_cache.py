"""Verdicts that are kept, so that a recording which nobody has touched is not judged twice.

A verdict is kept for a closed file as it is, by its place, size and time of change; for a contract as it is read; and for the
program as it is, since a verdict may be another where a rule was mended. Anything else, and it is judged again. What is kept
can be deleted at any time. A file that a recorder writes, or that was not closed, is always judged, and so is what another
package's decoder reads.

`WSREPLAY_CACHE` names the folder; where it is empty, nothing is kept.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec
from platformdirs import user_cache_path

import wsreplay
from wsreplay.contract import Contract
from wsreplay.decode import OUR_DECODERS
from wsreplay.errors import UsageError
from wsreplay.files import write_file
from wsreplay.store import access, lock
from wsreplay.validator.findings import Judgement

FOLDER_VARIABLE = "WSREPLAY_CACHE"
MOST_KEPT = 1_000  # files
LARGEST_KEPT = 8 << 20  # bytes

FileState = tuple[str, int, int, int, int]
"""A closed file: its path, device, inode, size, and when it was changed (ns)."""


def state_of(path: Path) -> FileState | None:
    """How a file stands; None for one that is written, or that holds more than its own bytes say."""
    try:
        if lock.is_held(path) or access.has_wal(path):
            return None
        there = path.stat()
    except OSError:
        return None
    return str(path.resolve()), there.st_dev, there.st_ino, there.st_size, there.st_mtime_ns


class SavedVerdicts:
    """Verdicts in a folder, each in a file of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def open(cls) -> SavedVerdicts | None:
        """Those of this user; None where none are to be kept."""
        folder = os.environ.get(FOLDER_VARIABLE)
        if folder == "":
            return None
        return cls(Path(folder) if folder else user_cache_path("wsreplay") / "verdicts")

    def find(self, state: FileState, contract: Contract, spans: bool = False) -> Judgement | None:
        """The verdict of a file in this state."""
        if not _is_ours(contract):
            return None
        try:
            return msgspec.msgpack.decode(self._path(state, contract, spans).read_bytes(), type=Judgement)
        except (OSError, msgspec.MsgspecError):
            return None

    def keep(self, state: FileState, contract: Contract, judgement: Judgement, spans: bool = False) -> None:
        """Keep a verdict, if there is room: that of the file while it was in this state."""
        if not _is_ours(contract) or state_of(Path(state[0])) != state:
            return
        try:
            data = msgspec.msgpack.encode(judgement)
        except (UnicodeEncodeError, OverflowError):  # half a surrogate pair or a huge number, as peers send them
            return
        if len(data) > LARGEST_KEPT:
            return
        with suppress(OSError, UsageError):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._make_room()
            write_file(self._path(state, contract, spans), data)

    def _make_room(self) -> None:
        kept = [entry for entry in os.scandir(self.folder) if entry.name.endswith(".verdict")]
        if len(kept) >= MOST_KEPT:
            for entry in sorted(kept, key=lambda entry: entry.stat().st_mtime_ns)[: MOST_KEPT // 10]:
                Path(entry.path).unlink()

    def _path(self, state: FileState, contract: Contract, spans: bool) -> Path:
        read = contract.name, contract.version, contract.file, contract.digest, contract.envelope.decoder, contract.users, spans
        keys = {name: key.sources for name, key in contract.keys.items()}
        asked = repr((state, read, keys, _program()))
        return self.folder / f"{hashlib.blake2b(asked.encode('utf-8', 'backslashreplace'), digest_size=16).hexdigest()}.verdict"


def _is_ours(contract: Contract) -> bool:
    """Whether all that judges is in this program: how another package's decoder stands, nobody knows."""
    return contract.envelope.decoder in (None, *OUR_DECODERS)


@cache
def _program() -> str:
    """Which program judges: its version, and its files as they are, for those who change them."""
    files = sorted(Path(wsreplay.__file__).parent.rglob("*.py"))
    state = [(str(file), (there := file.stat()).st_size, there.st_mtime_ns) for file in files]
    return hashlib.blake2b(repr((wsreplay.__version__, state)).encode(), digest_size=16).hexdigest()
