"""`wsreplay import`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wsreplay.cli.options import make_parent, new_recording_path, print_path, redact_option
from wsreplay.display import visible
from wsreplay.errors import UsageError
from wsreplay.extras import require
from wsreplay.formats.import_file import import_file
from wsreplay.store.paths import reachable
from wsreplay.trace.redaction import Redactor


@click.command(name="import")
@click.argument("source", metavar="SOURCE", type=click.Path())
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False),
              help="The recording. [default: recordings/<UTC time>.db]")
@click.option("--recording", "name", metavar="NAME", help="Recording to import from a Parquet folder that holds several.")
@redact_option
def command(source: str, output: Path | None, name: str | None, redact: tuple[str, ...]) -> None:  # fmt: skip
    """Make a recording from SOURCE ('-': standard input): JSON lines, a HAR, a flow file of mitmproxy, or Parquet.

    The format is detected, also inside gzip, zip or UTF-16. Chrome's DevTools, Playwright, mitmproxy and HTTP Toolkit save
    HARs with WebSocket messages. Parquet is a folder that export has written, or one file of frames or events with columns
    `direction`, `t_ns` or `time`, and `payload`, `document` or `data`. What cannot be read is left out and reported on standard
    error. Secrets in headers and URLs are redacted, as when recording.
    """
    path = reachable(output or new_recording_path())
    if path.exists():
        raise UsageError(f"{path} exists: choose another name with -o, or remove it")
    make_parent(path)
    try:
        redactor = Redactor(fields=redact)
    except ValueError as error:
        raise UsageError(f"--redact {error}") from None
    if _is_parquet(Path(source)):
        require("parquet", "pyarrow", purpose="import of Parquet")
        from wsreplay.arrow.parquet import import_parquet

        import_parquet(Path(source), path, name=name, redactor=redactor)
        print_path(path)
        return
    if name is not None:
        raise UsageError("--recording needs a folder of Parquet")
    folder = None if source == "-" else Path(source).parent
    with _open(source) as file:
        remarks = import_file(file, path, name=source, redactor=redactor, folder=folder)
    for remark in remarks:
        click.echo(f"wsreplay: {visible(source)}: {visible(remark)}", err=True)
    print_path(path)


def _is_parquet(source: Path) -> bool:
    try:
        if source.is_dir():
            return True
        with source.open("rb") as file:
            return file.read(4) == b"PAR1"
    except OSError:
        return False  # whoever opens it says why


def _open(source: str):  # type: ignore[no-untyped-def]
    if source == "-":
        return sys.stdin.buffer
    try:
        return Path(source).open("rb")
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}") from None
