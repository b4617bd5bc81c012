"""`wsreplay doctor`."""

from __future__ import annotations

import importlib.metadata
import locale
import os
import platform
import re
import shutil
import socket
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click

import wsreplay
from wsreplay.cli.address import Address
from wsreplay.cli.completion import RecordingPath
from wsreplay.cli.defaults import in_force, value_errors
from wsreplay.cli.options import recordings_folder
from wsreplay.configuration import KEYS
from wsreplay.display import visible
from wsreplay.errors import EXIT_CLEAN, EXIT_VIOLATIONS, WsreplayError
from wsreplay.units import count_text, size_text

LISTEN = ("127.0.0.1", 8765)
# What each line is: as it should be, worth knowing, in the way.
FINE, NOTE, BAD = "✓", "·", "✗"
_NEEDED = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"extra == ['\"]([^'\"]+)")

Line = tuple[str, str]


@click.command(name="doctor")
@click.argument("folder", metavar="[PATH]", type=RecordingPath(path_type=Path), required=False)
@click.option("-l", "--listen", type=Address(), metavar="HOST:PORT",
              help="Address for record to listen at. [default: as configured, else 127.0.0.1:8765]")
@click.option("--upstream", type=Address(), metavar="HOST:PORT", help="Also check that a backend listens there.")
def command(folder: Path | None, listen: tuple[str, int] | None, upstream: tuple[str, int] | None) -> int:
    """Check the installation, the terminal, the port, and the recording PATH, or the last one in that folder [default:
    recordings].

    Exit code 1: something is in the way of recording or viewing.
    """
    failed = False
    for title, lines in (
        ("installed", _installed()), ("configuration", _configuration()), ("terminal", _terminal()),
        ("network", _network(listen or _configured_address(), upstream)),
        ("recordings", _recordings(folder or recordings_folder())),
    ):  # fmt: skip
        click.echo(title)
        for sign, text in lines:
            failed |= sign == BAD
            click.echo(f"  {sign} {visible(text)}")
    return EXIT_VIOLATIONS if failed else EXIT_CLEAN


def _installed() -> Iterator[Line]:
    yield FINE, f"wsreplay {wsreplay.__version__} in {Path(wsreplay.__file__).parent}"
    yield FINE, f"Python {platform.python_version()} at {sys.executable}, {platform.system()} {platform.machine()}"
    command = shutil.which("wsreplay")
    if command is None:
        beside = Path(sys.executable).with_name("wsreplay")
        yield NOTE, f"wsreplay is not on your PATH: run {beside}, or add {beside.parent} to PATH"
    versions = []
    extras: defaultdict[str, list[str]] = defaultdict(list)
    for requirement in importlib.metadata.requires("wsreplay") or []:
        named = _NEEDED.match(requirement)
        if named is None:
            continue
        if extra := _EXTRA.search(requirement):
            extras[extra[1]].append(named[0])
            continue
        try:
            versions.append(f"{named[0]} {importlib.metadata.version(named[0])}")
        except importlib.metadata.PackageNotFoundError:
            yield BAD, f"{named[0]} is missing: install wsreplay again, as in pip install --force-reinstall wsreplay"
    yield FINE, ", ".join(versions)
    ready = {extra for extra, packages in extras.items() if all(map(_is_installed, packages))}
    missing = sorted(extras.keys() - ready)
    if ready:
        yield FINE, f"extras: {', '.join(sorted(ready))}"
    if missing:
        yield FINE, f"extras that are not installed, as in pip install 'wsreplay[{missing[0]}]': {', '.join(missing)}"


def _is_installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _configuration() -> Iterator[Line]:
    configuration = in_force()
    errors = [*configuration.errors, *value_errors(configuration, list(KEYS))]
    if configuration.path is None:
        yield FINE, "none: create one with wsreplay init"
    elif not errors:
        yield FINE, f"{configuration.path} sets {', '.join(configuration.values) or 'nothing'}"
    for error in errors:
        yield BAD, str(error)


def _configured_address() -> tuple[str, int]:
    for text in in_force().texts("listen"):
        with suppress(click.BadParameter):
            return Address().convert(text, None, None)
    return LISTEN


def _terminal() -> Iterator[Line]:
    if not sys.stdout.isatty():
        yield NOTE, "standard output is not a terminal: lines are not cut and have no colour"
    else:
        columns, rows = os.get_terminal_size(sys.stdout.fileno())
        small = columns < 60 or rows < 12
        yield (NOTE if small else FINE), f"{columns} × {rows} cells" + (": wsreplay tui needs 60 × 12" if small else "")
    term = os.environ.get("TERM", "")
    if term in ("", "dumb"):
        yield NOTE, f"TERM is {term!r}: wsreplay tui cannot draw here; show, validate and stats work"
    else:
        yield FINE, f"TERM is {term}, {_colours(term)}"
    encoding = locale.getpreferredencoding(do_setlocale=False)
    if encoding.replace("-", "").lower() == "utf8":
        yield FINE, "UTF-8"
    else:
        yield NOTE, f"the encoding is {encoding}, not UTF-8: other characters become escapes; try wsreplay tui --ascii"
    pager = os.environ.get("PAGER", "less")
    if shutil.which(pager.split()[0] if pager.split() else "") is None:
        yield NOTE, f"{pager} is not installed: set PAGER to page long payloads"


def _colours(term: str) -> str:
    if os.environ.get("NO_COLOR"):
        return "no colour, as NO_COLOR asks"
    if os.environ.get("COLORTERM") in ("truecolor", "24bit"):
        return "16 million colours"
    return "256 colours" if "256color" in term else "16 colours; set COLORTERM=truecolor if it has more"


def _network(listen: tuple[str, int], upstream: tuple[str, int] | None) -> Iterator[Line]:
    host, port = listen
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            yield FINE, f"record can listen at {host}:{port}"
    except OSError as error:
        yield BAD, f"record cannot listen at {host}:{port}: {_reason(error)}; choose another address with -l, such as -l :8766"
    if upstream is None:
        return
    host, port = upstream
    try:
        socket.create_connection((host, port), timeout=3).close()
        yield FINE, f"something listens at {host}:{port}"
    except OSError as error:
        yield BAD, f"nothing answers at {host}:{port}: {_reason(error)}; start your backend"


def _reason(error: OSError) -> str:
    """Without what Python adds to it."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


def _files(folder: Path) -> list[Path]:
    """The databases of a folder, the oldest first. Raises OSError."""
    return sorted((path for path in folder.glob("*.db") if path.is_file()), key=lambda path: path.stat().st_mtime)


def _is_recording(path: Path) -> bool:
    from wsreplay.store.reader import Recording

    with suppress(WsreplayError), Recording.open(path):
        return True
    return False


def _recordings(folder: Path) -> Iterator[Line]:
    if folder.is_file():
        yield FINE, f"{folder}, {size_text(folder.stat().st_size)}"
        yield from _recording(folder)
        return
    try:
        files = _files(folder)
    except OSError as error:
        yield BAD, f"{folder} cannot be read: {error.strerror}"
        return
    place = f"{folder}/"
    if not files and folder == recordings_folder():  # as `ls` does
        files, place = list(filter(_is_recording, _files(Path()))), "this folder"
    if not files:
        yield NOTE, f"no recordings in {folder}/ yet: make one with wsreplay record URL"
        return
    yield FINE, f"{count_text(len(files), 'recording')} in {place}, {size_text(sum(path.stat().st_size for path in files))}"
    yield from _recording(files[-1])


def _recording(last: Path) -> Iterator[Line]:
    """What one recording holds, and the room beside it."""
    from wsreplay.contract.users import sessions_of
    from wsreplay.store import paging
    from wsreplay.store.reader import Recording

    free = shutil.disk_usage(last.parent).free
    yield (NOTE if free < 2**30 else FINE), f"{size_text(free)} free on its disk"
    try:
        with Recording.open(last) as recording:
            sessions = sessions_of(recording)
            frames = sum(paging.frame_counts(recording, (connection.id for connection in recording.connections())).values())
            summary = f"{last}: {count_text(len(sessions), 'session')}, {count_text(frames, 'frame')}"
            summary += ", being written" if recording.live else ""
            yield (FINE if frames else NOTE), summary + ("" if frames else ": see wsreplay help troubleshooting")
            if recording.warning:
                yield NOTE, recording.warning
    except WsreplayError as error:
        yield BAD, str(error)
