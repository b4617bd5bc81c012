"""Kinds of options and arguments that several commands share."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wsreplay.cli.completion import DecoderName
from wsreplay.cli.defaults import in_force
from wsreplay.decode import OUR_DECODERS
from wsreplay.display import visible
from wsreplay.errors import UsageError
from wsreplay.model import NO_CONTRACT, Connection, Session
from wsreplay.store.paths import reachable
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import AS_RECORDED, ReadAs
from wsreplay.trace.sessions import numbered, there_are
from wsreplay.units import parse_duration, parse_size

if TYPE_CHECKING:
    from wsreplay.contract import Contract
    from wsreplay.trace.identity import UserSource

_RECORDINGS = Path("recordings")
_UNCUT = 2**31
NAMED_BY = "Contract that says how to decode messages and where their types and ids are."
JOINED_BY = "Contract that says how connections make sessions, as in validate and show."
USER_PLACES = (
    "Where a connection names its user: header:X-User-Id, query:user, path:/ws/{user}, or $.user_id in messages; may repeat. "
    "[default: as recorded]"
)
FITTING_DEFAULT = "[default: the built-in that fits what was recorded]"


class Size(click.ParamType[int]):
    """A number of bytes: 500, 64k, 64kB, 64MiB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_size(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def allow_origin_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--allow-origin`, of every command that listens."""
    text = "Accept web pages of this origin, such as https://app.example, besides this machine's and the upstream's; '*': any."
    return click.option("--allow-origin", "allow_origins", multiple=True, metavar="ORIGIN", help=text)(command)


def ignore_type_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--ignore-type`, of every command that compares recordings."""
    text = "Leave out events of this type, such as 'notice', 's2c:*.delta' or 'ws.close'; '*' matches any text; may repeat."
    return click.option("--ignore-type", "ignore_types", multiple=True, metavar="TYPE", help=text)(command)


def decoder_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--as`, of every command that reads messages."""
    text = (
        f"Decoder for the messages: {', '.join(OUR_DECODERS)}, or one that you installed. "
        "[default: the contract's, else detected]"
    )
    return click.option("--as", "decoder", type=DecoderName(), metavar="NAME", help=text)(command)


def redact_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--redact`, of every command that writes a recording."""
    text = (
        "Hide more than usual: a field of messages, such as '$.password'; auto: whatever in a message looks like a secret; "
        "name:x-acme-* or shape:acme_[0-9a-f]{32}: secrets by name or by shape, also in headers and URLs. May repeat."
    )
    return click.option("--redact", multiple=True, metavar="WHAT", help=text, callback=_with_configured)(command)


def _with_configured(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """What is configured to be hidden stays hidden: what an option names is added to it."""
    return tuple(dict.fromkeys((*in_force().texts("redact"), *values)))


def user_option(help: str) -> Callable[..., Any]:
    """`--user`: where connections name their users."""
    return click.option("--user", "users", type=User(), multiple=True, metavar="PLACE", help=help)


class User(click.ParamType["UserSource"]):
    """Where a connection names its user."""

    name = "place"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> UserSource:
        from wsreplay.trace import identity

        if isinstance(value, identity.UserSource):
            return value
        try:
            return identity.parse_user_source(str(value))
        except UsageError as error:
            self.fail(str(error), param, ctx)


class Header(click.ParamType[tuple[str, str]]):
    """'Name: value' (RFC 9110, section 5)."""

    name = "'name: value'"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, colon, content = str(value).partition(":")
        if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or re.search(r"[\r\n\0]", content):
            # The value may be a secret: it is not repeated.
            self.fail(f"the header {name!r} is not of the form 'Name: value'", param, ctx)
        return name, content.strip()


def recordings_folder() -> Path:
    """Where recordings go, and are looked for: as configured, else `recordings`."""
    folders = in_force().texts("output")
    return Path(folders[0]) if folders else _RECORDINGS


def new_recording_path() -> Path:
    """`<UTC time>.db` in the folder of recordings, a name that is not taken."""
    folder = recordings_folder()
    stem = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    path, number = folder / f"{stem}.db", 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.db"
    return path


def make_parent(path: Path) -> None:
    """Make the folder a file is to lie in. Raises UsageError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path.parent} cannot be created: {error.strerror}") from None


@contextmanager
def open_recording(path: Path) -> Iterator[Recording]:
    """A recording; on stderr why a part of it may be missing. Raises UsageError, or an error of the RecordingError family."""
    with Recording.open(path) as recording:
        warn(recording)
        yield recording


def warn(recording: Recording) -> None:
    """Say on stderr why a part of a recording may be missing."""
    if recording.warning:
        click.echo(f"wsreplay: {visible(recording.warning)}", err=True)


def print_path(path: Path) -> None:
    """A path on stdout: for a program byte for byte, for a person without what drives a terminal."""
    click.echo(visible(str(path)) if sys.stdout.isatty() else os.fsencode(path))


def line_width() -> int:
    """Columns of the terminal, or as COLUMNS says; what goes into a pipe or a file is not cut."""
    fitted = sys.stdout.isatty() or "COLUMNS" in os.environ
    return shutil.get_terminal_size((160, 24)).columns if fitted else _UNCUT


def print_paged(lines: Iterable[str], painted: bool, *, paged: bool = True) -> None:
    """Lines on stdout: on a terminal through $PAGER, as git does, which does not open for what fits."""
    if paged and sys.stdout.isatty() and sys.stdin.isatty():
        os.environ.setdefault("LESS", "FRX")
        click.echo_via_pager(lines, color=painted)
        return
    for line in lines:
        click.echo(line, nl=False, color=painted)


def split_session(text: str) -> tuple[Path, int | None]:
    """`FILE` or `FILE#SESSION`. Raises UsageError."""
    path, mark, number = text.rpartition("#")
    if mark and number.isdecimal() and not reachable(Path(text)).exists():
        return Path(path), numbered(number)
    return Path(text), None


def session_of(recording: Recording, number: int, sessions: Sequence[Session]) -> Session:
    """The one of these sessions that has a number. Raises UsageError."""
    for session in sessions:
        if session.id == number:
            return session
    raise UsageError(f"{recording.path} has no session {number}: {there_are(sessions)}")


def connections_of(recording: Recording, session: int | None, sessions: Sequence[Session]) -> list[Connection] | None:
    """The connections of a session, as in `session_of`; None for all. Raises UsageError."""
    return None if session is None else list(session_of(recording, session, sessions).connections)


class Duration(click.ParamType[int]):
    """A span of time in nanoseconds: 250ms, 2s, 1m30s, 30d. A number without a unit is seconds where `bare`, else an error."""

    name = "duration"

    def __init__(self, *, bare: bool = True) -> None:
        self.bare = bare

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_duration(str(value), bare=self.bare)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def contract_of(name: str | None, *recordings: Recording, read_as: ReadAs = AS_RECORDED) -> Contract | None:
    """A contract by its name or file, or the one that fits the recordings, with all messages and users read so; None for `none`
    where nothing is said of how to read. Raises ContractError."""
    if name is None:
        from wsreplay.validator.select import select_common_contract

        return select_common_contract(*recordings, decoder=read_as.decoder).read_as(read_as)
    from wsreplay.contract import load

    return None if name == NO_CONTRACT and read_as == AS_RECORDED else load(name).read_as(read_as)


def contract_for_file(name: str | None, path: Path, read_as: ReadAs = AS_RECORDED) -> Contract | None:
    """As `contract_of`, for a recording that is not open. Raises the errors of the RecordingError family too."""
    with Recording.open(path) as recording:
        return contract_of(name, recording, read_as=read_as)
