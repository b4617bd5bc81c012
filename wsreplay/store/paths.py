"""Paths that users give: whether anything can be there at all. No look at what is there."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from urllib.parse import quote

from wsreplay.errors import UsageError


def typed_path(text: str) -> Path:
    """The path that somebody typed, with `~` resolved. Nothing need be there. Raises UsageError where nothing ever can."""
    try:
        return reachable(Path(text).expanduser())
    except RuntimeError as error:
        raise UsageError(f"{text}: unknown user; write the path without ~") from error


def reachable(path: Path) -> Path:
    """The path, of which it can be asked what is there. Raises UsageError where not: too long, or behind a closed door."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return path
    except ValueError as error:
        raise UsageError(f"{str(path)!r} is not a path: {error}. Choose another") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be reached: {error.strerror}. Choose another path") from error
    return path


def database_uri(path: Path, parameters: str) -> str:
    """The address under which SQLite opens a file, whatever its name, with parameters such as `mode=ro`."""
    return f"file:{quote(os.fsencode(path.absolute()))}?{parameters}"


def next_free(path: Path) -> Path:
    """The first of `chat-2.db`, `chat-3.db`, … that nothing has, for a recording that goes on after `chat.db`."""
    candidates = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in itertools.count(2))
    return next(candidate for candidate in candidates if not candidate.exists())


def shown(path: Path) -> Path:
    """A path as short as it can be told: from the working directory, where it lies in there."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
