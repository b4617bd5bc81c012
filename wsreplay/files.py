"""Files that we make: only their owner reads them, and one has its name only when it is whole.

Until then it is in a folder beside its place, `.wsreplay-…`, which is locked while it is in use. A killed process leaves the
folder behind; whoever next makes a file there finds it unlocked, and removes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from wsreplay.errors import UsageError

PREFIX = ".wsreplay-"
OWNER_ONLY = 0o600


class PrivateFolder:
    """A folder that only its owner enters, until it is closed or this process ends."""

    def __init__(self, parent: str | Path) -> None:
        """Make one in `parent`, and remove there what killed processes left. Raises OSError."""
        _remove_abandoned(Path(parent))
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
            lock = _locked(self.path)
            if lock is not None:
                self._remove = weakref.finalize(self, _remove, self.path, lock)  # also where the interpreter ends before
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove it with all that is in it."""
        self._remove()


def _remove(folder: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def _locked(folder: Path) -> int | None:
    """A descriptor that holds a folder's lock; None where another process has it, or has removed the folder."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), folder.stat(follow_symlinks=False)):
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        descriptor = _locked(folder)
        if descriptor is not None:
            if os.fstat(descriptor).st_uid == os.geteuid():
                _remove(folder, descriptor)
            else:
                os.close(descriptor)


def copy_privately(source: str | Path, target: Path) -> None:
    """Copy a file's bytes into a new file that only its owner reads. Raises OSError."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER_ONLY)
    with open(descriptor, "wb") as copy, open(source, "rb") as original:  # noqa: PTH123 -- a descriptor
        shutil.copyfileobj(original, copy, 2**20)


@contextmanager
def new_file(path: Path, *, replace: bool, durable: bool = True) -> Iterator[Path]:
    """Where to write a file that becomes `path` when the block ends well, and is gone when it does not.

    It is for its owner alone, unless it replaces one with other permissions. Where `path` is a device or a pipe, or its folder
    takes no new files, it is written at once. One that is not `durable` may be the old one again, or empty, after a power cut:
    the disk is not waited for. Raises UsageError where `path` exists and is not to be replaced, or cannot be
    written; an OSError of the block that says that it was about a file in it becomes one too.
    """
    try:
        target = path.resolve() if replace else path
        if replace and _is_written_at_once(target):
            yield target
            return
        with PrivateFolder(target.parent) as folder:
            half = folder.path / target.name
            yield half
            _finish(half, target, replace=replace, durable=durable)
    except (OSError, RuntimeError) as error:  # the latter: a link to itself
        raise UsageError(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}") from error


def _is_written_at_once(target: Path) -> bool:
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return False
    return not stat.S_ISREG(mode) or not os.access(target.parent, os.W_OK)


def _finish(half: Path, target: Path, *, replace: bool, durable: bool) -> None:
    """Give a whole file its name; if it is to be durable, when its bytes are on the disk."""
    mode = OWNER_ONLY
    if replace:
        with suppress(FileNotFoundError):
            mode = stat.S_IMODE(target.stat().st_mode)
    descriptor = os.open(half, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fchmod(descriptor, mode)
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if replace:
        half.replace(target)
        return
    try:
        _take_name(half, target)
    except FileExistsError:
        raise UsageError(f"{target} exists: choose another name, or remove it") from None


def _take_name(half: Path, target: Path) -> None:
    """Raises FileExistsError."""
    try:
        target.hardlink_to(half)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: take the name first
        target.touch(OWNER_ONLY, exist_ok=False)
        try:
            half.replace(target)
        except OSError:
            target.unlink(missing_ok=True)
            raise


def write_file(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a whole file, in place of one that is there. Raises UsageError."""
    with new_file(path, replace=True, durable=durable) as half:
        half.write_bytes(data)


def write_new_file(path: Path, data: bytes) -> None:
    """Write a whole file that is not there yet, for its owner alone. Raises UsageError."""
    with new_file(path, replace=False) as half:
        half.write_bytes(data)
