"""The files of a recording while it is written, held by what they are: found again when moved, saved when removed.

SQLite keeps a recording in two files, and opens the second, `-wal`, by the name of the first. Whoever moves, removes or
replaces one of them takes them apart. The relay notices, kills the recorder, brings together again what belongs together, and
starts a recorder there: that one goes on as after any crash, with nothing lost and nothing twice.

The files are held by descriptors that only point (`O_PATH`): these keep a removed file's contents, and closing them takes no
lock of SQLite's away, as closing any other descriptor does. Where a system has none (outside Linux) nothing is noticed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from wsreplay.errors import RecordingError
from wsreplay.store import lock
from wsreplay.store.paths import next_free

_POINT = getattr(os, "O_PATH", None)
_OURS = "/proc/self/fd"


@dataclass(frozen=True)
class Relocated:
    """A recording that is not where it was. `saved`: it had been removed, and its contents were written to `now`.

    `damaged`: it is still there, and what can be read of it is written to `now`.
    """

    was: Path
    now: Path
    saved: bool
    damaged: bool = False

    @property
    def replaced(self) -> bool:
        """Whether another file has its name now."""
        return self.saved and not self.damaged and self.was.exists()


class RecordingFiles:
    """Points to the files of a recording, once a recorder has them open (`hold`)."""

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.realpath(path))
        self._main, self._wal, self._shm = _Pointer(), _Pointer(), _Pointer()

    def hold_recording(self) -> None:
        """A recorder is about to open the recording, which is there: whoever moves it meanwhile is noticed."""
        self._main.open(self.path)

    def hold(self) -> None:
        """A recorder is ready: these are its files. A file that is not there now is not missed later."""
        self._wal.open(_wal(self.path))
        self._shm.open(_shm(self.path))

    def close(self) -> None:
        """Point to nothing any more."""
        for pointer in (self._main, self._wal, self._shm):
            pointer.close()

    @property
    def in_place(self) -> bool:
        """Whether each file has its name."""
        return self._main.is_at(self.path) and self._wal.is_at(_wal(self.path)) and self._shm.is_at(_shm(self.path))

    @property
    def removed(self) -> bool:
        """Whether the recording itself has no name any more."""
        return not self._main.is_at(self.path) and self._main.location() is None

    def mend(self, held: lock.Lock, *, was_open: bool) -> tuple[Relocated | None, lock.Lock]:
        """Bring the files together again, and return where they are if that is elsewhere, with the lock there.

        The recorder is dead; `was_open`: it was alive when the files were not in place. Raises RecordingError where the
        contents cannot be written anywhere; they are still held then. Where they are together again these are the files that
        are held, so that a recorder may fail to start as often as it will: they are brought together once.
        """
        try:
            relocated, held = self._mend(held, was_open)
        except OSError as error:
            raise RecordingError(f"the files of {self.path} were moved and cannot be brought back: {error.strerror}") from error
        if relocated is not None:
            self.path = relocated.now
        self.hold_recording()
        self.hold()
        return relocated, held

    def _mend(self, held: lock.Lock, was_open: bool) -> tuple[Relocated | None, lock.Lock]:
        if self._main.is_at(self.path):
            if self._wal.is_at(_wal(self.path)) or self._put_wal_back(was_open):
                return None, held
            return self._save(held)
        location = self._main.location()
        if location is None:
            return self._save(held)
        for pointer, name in ((self._wal, _wal), (self._shm, _shm)):
            if name(self.path).exists() and pointer.is_at(name(self.path)):
                name(self.path).replace(name(location))
        if not self._wal.is_at(_wal(location)):
            self._wal.copy_to(_wal(location))
        return Relocated(self.path, location, saved=False), held.moved(location)

    def leave_damaged(self, held: lock.Lock) -> tuple[Relocated, lock.Lock]:
        """Go on in a new file, and leave the damaged one as it is. The recorder is dead. Raises RecordingError."""
        new, path = self._new_file()
        relocated = Relocated(self.path, path, saved=True, damaged=True)
        self.path = path
        self.hold_recording()
        self.hold()
        with contextlib.suppress(OSError):
            held.release()
        return relocated, new

    def _put_wal_back(self, was_open: bool) -> bool:
        """A `-wal` that was removed gets its name again; False where another has it that somebody has written to."""
        name = _wal(self.path)
        if name.exists() and name.stat().st_size:
            return False
        if was_open or not self._wal.is_older_than(self._main):  # else whoever closed it last has folded it in
            # Those who still read with the shared memory of the old one must not take the new one for it.
            _shm(self.path).unlink(missing_ok=True)
            self._wal.copy_to(name)
        return True

    def _save(self, held: lock.Lock) -> tuple[Relocated, lock.Lock]:
        """Write what the files held under a new name, and let go of the old one."""
        new, path = self._new_file()
        try:
            self._main.copy_to(path)
            self._wal.copy_to(_wal(path))
        except OSError as error:
            for file in (path, _wal(path)):
                file.unlink(missing_ok=True)
            new.release()
            raise RecordingError(f"{self.path} was removed, and cannot be saved in {path}: {error.strerror}") from error
        for pointer, name in ((self._wal, _wal), (self._shm, _shm)):
            if pointer.is_at(name(self.path)):  # to another file of that name it would be poison
                with contextlib.suppress(OSError):
                    name(self.path).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # of the lock's own files: nobody holds them any more
            held.release()
        return Relocated(self.path, path, saved=True), new

    def _new_file(self) -> tuple[lock.Lock, Path]:
        """The lock of a new file beside the old one, or, where its folder is gone for good, in the working directory."""
        error: OSError | None = None
        for folder in (self.path.parent, Path.cwd()):
            path = next_free(folder / self.path.name)
            try:
                folder.mkdir(parents=True, exist_ok=True)
                return lock.acquire(path), path
            except OSError as refused:
                error = error or refused
        assert error is not None
        raise RecordingError(f"{self.path} is gone or damaged, and no file can be created in its place: {error.strerror}")


class _Pointer:
    """One file, whatever it is called; nothing where there was none."""

    def __init__(self) -> None:
        # None: no file is pointed to
        self._descriptor: int | None = None

    def open(self, path: Path) -> None:
        """Point to what has this name now; where nothing has it, or it cannot be told, to nothing.

        What is pointed to already stays as it is: there may be no other descriptor for it.
        """
        if self._descriptor is not None and self.is_at(path):
            return
        self.close()
        if _POINT is not None:
            with contextlib.suppress(OSError):
                self._descriptor = os.open(path, _POINT | os.O_CLOEXEC)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def is_at(self, path: Path) -> bool:
        if self._descriptor is None:
            return True
        try:
            return os.path.samestat(path.stat(), os.fstat(self._descriptor))
        except OSError:
            return False

    def location(self) -> Path | None:
        """Where the file is now; None where it was removed."""
        if self._descriptor is None:
            return None
        path = Path(f"{_OURS}/{self._descriptor}").readlink()
        return path if self.is_at(path) else None

    def is_older_than(self, other: _Pointer) -> bool:
        if self._descriptor is None or other._descriptor is None:
            return False
        return os.fstat(self._descriptor).st_mtime_ns < os.fstat(other._descriptor).st_mtime_ns

    def copy_to(self, path: Path) -> None:
        """Write the file's contents under a name, readable by the user alone. Raises OSError, and leaves nothing then."""
        if self._descriptor is None:
            return
        opener = lambda name, flags: os.open(name, flags, 0o600)  # noqa: E731
        with open(f"{_OURS}/{self._descriptor}", "rb") as source, open(path, "wb", opener=opener) as target:  # noqa: PTH123
            try:
                shutil.copyfileobj(source, target, 2**20)
                target.flush()
            except OSError:
                path.unlink(missing_ok=True)
                raise


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _shm(path: Path) -> Path:
    return path.with_name(f"{path.name}-shm")
