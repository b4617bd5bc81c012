"""Every error wsreplay raises on purpose.

    WsreplayError                 what went wrong, where, and what to do; `exit_code` is what the command line exits with
    ├── UsageError           2    an argument, an option or a file name that cannot be right
    │   ├── ContractError    2    a contract file that cannot be used; knows its file, line and column
    │   ├── ConfigurationError 2  wsreplay.toml or pyproject.toml with a mistake; knows its file and line
    │   └── FilterError      2    a filter expression that cannot be parsed; knows its position
    ├── RecordingError       3    a file that cannot be read as a recording
    │   ├── NotARecording    3    no SQLite file, or one of another program
    │   ├── NewerSchema      3    written by a newer wsreplay
    │   ├── CorruptRecording 3    damaged pages, missing tables
    │   ├── RecordingClosed  3    asked for something after it was closed
    │   └── RecordingInUse   2    another recorder writes this file now
    ├── ImportFormatError    2    a file to import with a bad line; knows its line number
    └── UpstreamError        2    the backend cannot be reached, or refused

A library below never prints and never exits: it raises one of these, and the command line turns it into one line on stderr.
"""

from __future__ import annotations

EXIT_CLEAN = 0
EXIT_VIOLATIONS = 1
EXIT_USAGE = 2
EXIT_NOT_JUDGED = 3


class WsreplayError(Exception):
    """Base of all errors that a user is meant to read."""

    exit_code = EXIT_USAGE


class UsageError(WsreplayError):
    """An argument, an option or a file name that cannot be right."""


class ContractError(UsageError):
    """A contract that cannot be used.

    `file` is a path or a built-in's name, `line` and `column` count from 1 (0 where unknown), `path` is the dotted place
    inside the document, such as `rules[2].response`. `others` are further mistakes that do not follow from this one.
    """

    others: tuple[ContractError, ...] = ()

    def __init__(self, message: str, *, file: str = "", line: int = 0, column: int = 0, path: str = "") -> None:
        self.message, self.file, self.line, self.column, self.path = message, file, line, column, path
        place = f"{file}:{line}:{column}" if line else file
        super().__init__(": ".join(part for part in (place, path, message) if part))


class ConfigurationError(UsageError):
    """A project's configuration with a mistake in `file`, on `line` (from 1; 0 where unknown)."""

    def __init__(self, message: str, *, file: str, line: int = 0) -> None:
        self.message, self.file, self.line = message, file, line
        super().__init__(f"{file}:{line}: {message}" if line else f"{file}: {message}")


class FilterError(UsageError):
    """A filter expression that cannot be parsed; `position` is the offset of the first wrong character."""

    def __init__(self, message: str, position: int = 0) -> None:
        self.message, self.position = message, position
        super().__init__(f"filter, column {position + 1}: {message}")


class RecordingError(WsreplayError):
    """A file that cannot be read as a recording."""

    exit_code = EXIT_NOT_JUDGED


class NotARecording(RecordingError):
    """No SQLite file, or one of another program."""


class NewerSchema(RecordingError):
    """Written by a newer wsreplay than this one."""


class CorruptRecording(RecordingError):
    """A recording with damaged pages or missing tables."""


class RecordingClosed(RecordingError):
    """A reader that was asked for something after it was closed."""


class RecordingInUse(RecordingError):
    """Another recorder writes this file now."""

    exit_code = EXIT_USAGE


class ImportFormatError(WsreplayError):
    """A file to import whose line `line` (from 1; 0 where lines do not apply) cannot be understood."""

    def __init__(self, message: str, *, file: str = "", line: int = 0) -> None:
        self.message, self.file, self.line = message, file, line
        place = f"{file}:{line}" if line else file
        super().__init__(f"{place}: {message}" if place else message)


class UpstreamError(WsreplayError):
    """The backend cannot be reached, or refused the connection."""
