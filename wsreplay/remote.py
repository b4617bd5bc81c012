"""Files that lie elsewhere: `s3://bucket/chat.db`, and whatever else fsspec reaches. Needs the extra `remote`.

A Path folds the slashes of a URL; `url_of` unfolds them. Where a local file has that name, it is that file.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import Any, TypeVar

from wsreplay.errors import RecordingError, UsageError
from wsreplay.extras import require
from wsreplay.files import PrivateFolder, new_file

TRIES = 3
_FIRST_WAIT_S = 0.5
_URL = r"([a-z][a-z0-9+.-]+):/+(.+)"

Result = TypeVar("Result")


def url_of(path: str | Path) -> str | None:
    """The URL that a path stands for; None where it is a file of this machine."""
    text = str(path)
    match = re.fullmatch(_URL, text, re.DOTALL) if ":/" in text else None
    if match is None or os.path.lexists(path):
        return None
    return f"{match[1]}://{'/' if match[1] == 'file' else ''}{match[2]}"


def shown(path: str | Path) -> str:
    """A path as its user wrote it."""
    return url_of(path) or str(path)


def files_at(path: Path, ending: str) -> list[Path]:
    """A file, those of a folder with this ending, or those that a pattern with `*` matches, in their order.

    Raises UsageError where there is none, RecordingError where nobody answers.
    """
    url = shown(path)

    def look(system: Any, place: str) -> list[str]:
        if "*" in place:
            return [name for name in system.glob(place) if name.endswith(ending)]
        if system.isdir(place):
            return [name for name in system.find(place) if name.endswith(ending)]
        return [place] if system.exists(place) else []

    system, names = _patiently(url, lambda system, place: (system, look(system, place)))
    if not names:
        raise UsageError(f"{url}: no such file, or none that ends in {ending}")
    return [Path(system.unstrip_protocol(name)) for name in sorted(names)]


def fetch(path: Path, folder: Path) -> Path:
    """Copy a file, and the -wal beside it, into a folder of ours. Raises UsageError, RecordingError."""
    url, copy = shown(path), folder / path.name

    def copy_both(system: Any, place: str) -> None:
        system.get_file(place, str(copy))
        if system.exists(f"{place}-wal"):
            system.get_file(f"{place}-wal", f"{copy}-wal")

    _patiently(url, copy_both)
    return copy


@contextmanager
def new_file_at(path: Path) -> Iterator[Path]:
    """As `files.new_file` with `replace`, wherever the path leads: where to write, and it is there when the block ends well."""
    url = url_of(path)
    if url is None:
        with new_file(path, replace=True) as half:
            yield half
        return
    with PrivateFolder(gettempdir()) as folder:
        half = folder.path / path.name
        yield half
        _patiently(url, lambda system, place: (system.makedirs(system._parent(place), exist_ok=True),
                                               system.put_file(str(half), place)))  # fmt: skip


def _patiently(url: str, work: Callable[[Any, str], Result]) -> Result:
    """Do something with a file system and a place in it, again where that fails. Raises UsageError, RecordingError."""
    require("remote", "fsspec", purpose=url.partition("://")[0] + "://")
    import fsspec

    for left in reversed(range(TRIES)):
        try:
            return work(*fsspec.core.url_to_fs(url))
        except FileNotFoundError:
            raise UsageError(f"{url}: no such file") from None
        except ImportError as error:
            raise UsageError(f"{url} needs a package that is not installed: {error}") from None
        except ValueError as error:  # a scheme that nobody knows
            raise UsageError(f"{url}: {error}") from None
        except PermissionError as error:
            raise RecordingError(f"{url} cannot be reached: {error.strerror or error}") from None
        except Exception as error:  # each kind of storage has its own
            if not left:
                raise RecordingError(f"{url} cannot be reached: {type(error).__name__}: {error}") from None
            time.sleep(_FIRST_WAIT_S * (TRIES - left))
    raise AssertionError("never reached")
