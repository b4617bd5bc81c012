"""One writer per recording, whatever name it is opened by, and a way to see that one is at work.

Two flock(2) locks. One is on a file beside the recording, at its real path: whoever sees the recording sees it. The other is on
a file that is named by the recording's device and inode, in a folder of this user: it holds for hard links, and for a recording
that is moved while it is written. Neither is on the recording itself: closing any descriptor of an SQLite file drops the POSIX
locks that SQLite holds on it in that process.

Both files say who holds them. The descriptors are shared by the relay and the recorder, so the lock lives as long as either; a
file that a killed process left behind is no lock.
"""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import orjson

from wsreplay.errors import RecordingError, RecordingInUse

# Whoever asks `is_held` holds a shared lock for a moment.
_PATIENCE_S = 0.5
# Not what TMPDIR says: it may differ between two shells of one user.
_FOLDERS = Path("/tmp")


class Holder(NamedTuple):
    """What a lock's file says: its own name, the process that took it, the real path by which that writes the recording."""

    file: str
    pid: int
    path: str


class Lock(NamedTuple):
    """The write lock of a recording. `path` is its real path; `created` whether there was no file before."""

    path: Path
    descriptors: tuple[int, ...]
    created: bool = False

    def release(self) -> None:
        """Give the lock back; its files go if they are still ours, and a new recording into which nothing was written."""
        if self.created:
            with contextlib.suppress(OSError):
                if self.path.stat().st_size == 0:
                    self.path.unlink()
        for descriptor in self.descriptors:
            holder = _said(descriptor)
            if holder is not None and _is_at(descriptor, Path(holder.file)):
                Path(holder.file).unlink(missing_ok=True)
            os.close(descriptor)

    def leave(self) -> None:
        """Close it here alone, where another process holds it too: it is given back when that one ends."""
        for descriptor in self.descriptors:
            os.close(descriptor)

    def moved(self, path: Path) -> "Lock":
        """The same lock once its recording has been moved to `path`: its file goes with it, unless one is there already."""
        beside, new = self.descriptors[0], lock_path(path)
        holder = _said(beside)
        if holder is not None and _is_at(beside, Path(holder.file)) and not new.exists():
            Path(holder.file).rename(new)
        for descriptor in self.descriptors:
            file = new if descriptor == beside and _is_at(beside, new) else None
            if holder := _said(descriptor):
                _say(descriptor, Holder(str(file or holder.file), holder.pid, str(path)))
        return Lock(path, self.descriptors)

    def keep_fresh(self) -> None:
        """Systems remove from /tmp what is old: these files are not."""
        for descriptor in self.descriptors:
            with contextlib.suppress(OSError):
                os.utime(descriptor)


def lock_path(recording: str | Path) -> Path:
    """The lock's file beside a recording."""
    return Path(f"{os.path.realpath(recording)}-lock")


def acquire(recording: str | Path) -> "Lock":
    """Take the write lock of a recording, which is made (empty, 0600) where there is none.

    Raises RecordingInUse, RecordingError where another name of the file has what this one does not show, or OSError.
    """
    real = Path(os.path.realpath(recording))
    with contextlib.ExitStack() as undo:
        beside = _take(lock_path(real), recording, real)
        lock = Lock(real, (beside,))
        undo.callback(lambda: lock.release())
        lock = Lock(real, (beside,), _create(real))
        status = real.stat()
        by_inode = _inode_path(status)
        if by_inode is not None:
            if not _is_locked(by_inode):  # else the one who has it is named
                _check_names(recording, real)
            lock = Lock(real, (beside, _take(by_inode, recording, real)), lock.created)
        elif status.st_nlink > 1:
            raise RecordingError(
                f"{recording} has other names (hard links), and {_folder()} is not this user's alone, so wsreplay cannot tell"
                " whether it is written by one of them: record into a copy"
            )
        undo.pop_all()
        return lock


@contextmanager
def held(recording: str | Path) -> Iterator[Lock]:
    """The write lock while something is written. Raises what `acquire` raises."""
    lock = acquire(recording)
    try:
        yield lock
    finally:
        lock.release()


def _create(path: Path) -> bool:
    """Make an empty recording unless there is a file; whether that was needed. Nobody else has a new file open."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return False
    return True


def _take(file: Path, recording: str | Path, real: Path) -> int:
    """Lock one file, and say in it who did."""
    give_up = time.monotonic() + _PATIENCE_S
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, file):
                _say(descriptor, Holder(str(file), os.getpid(), str(real)))
                return descriptor
        except BlockingIOError:
            if time.monotonic() > give_up:
                holder = _said(descriptor)
                os.close(descriptor)
                raise RecordingInUse(_in_use(recording, real, holder)) from None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        time.sleep(0.01)


def _in_use(recording: str | Path, real: Path, holder: Holder | None) -> str:
    who = "another recorder"
    if holder is not None:
        name = f" as {holder.path}" if holder.path != str(real) else ""
        who += f" (process {holder.pid}{name})"
    return f"{recording} is being written by {who}: stop it, or choose another file with -o"


def _is_at(descriptor: int, file: Path) -> bool:
    """Whether the locked file is still the one with the name: its last holder removes it."""
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False


def _say(descriptor: int, holder: Holder) -> None:
    with contextlib.suppress(OSError):  # a full disk: the lock holds all the same
        text = orjson.dumps(holder._asdict())
        os.pwrite(descriptor, text, 0)
        os.ftruncate(descriptor, len(text))


def _said(descriptor: int) -> Holder | None:
    try:
        return _holder_of(os.pread(descriptor, 65536, 0))
    except OSError:
        return None


def _holder_of(text: bytes) -> Holder | None:
    """Who wrote it; None for an older version, or nobody."""
    try:
        holder = Holder(**orjson.loads(text))
    except (ValueError, TypeError):
        return None
    return holder if tuple(map(type, holder)) == (str, int, str) else None


def _folder() -> Path:
    return _FOLDERS / f"wsreplay-{os.getuid()}"


def _inode_path(status: os.stat_result) -> Path | None:
    """Where a file is locked by what it is; None where there is no folder that this user alone can write."""
    folder = _folder()
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = folder.lstat()
    except OSError:
        return None
    if not stat.S_ISDIR(owner.st_mode) or owner.st_uid != os.getuid() or owner.st_mode & 0o022:
        return None
    return folder / f"{status.st_dev}-{status.st_ino}.lock"


def is_held(recording: str | Path) -> bool:
    """Whether a recorder writes this recording now, under whatever name."""
    if _is_locked(lock_path(recording)):
        return True
    try:
        by_inode = _inode_path(Path(recording).stat())
    except OSError:
        return False
    return by_inode is not None and _is_locked(by_inode)


def _is_locked(file: Path) -> bool:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def check_name(recording: str | Path) -> None:
    """Refuse a name that does not show all that is recorded: SQLite has the newest rows in a file beside another name.

    Raises RecordingError where that other name is being recorded to, or its recorder was killed.
    """
    _check_names(recording, Path(os.path.realpath(recording)))


def _check_names(recording: str | Path, real: Path) -> None:
    try:
        status = real.stat()
    except OSError:
        return
    by_inode = _inode_path(status) if status.st_nlink > 1 else None
    if by_inode is None or (holder := _holder_in(by_inode)) is None or holder.path == str(real):
        return
    other = Path(holder.path)
    with contextlib.suppress(OSError):
        if other.samefile(real) and (_is_locked(by_inode) or Path(f"{other}-wal").stat().st_size):
            raise RecordingError(
                f"{recording} is another name (a hard link) of {other}, and only that name shows what was recorded last: use"
                " that one"
            )


def _holder_in(file: Path) -> Holder | None:
    try:
        return _holder_of(file.read_bytes())
    except OSError:
        return None
