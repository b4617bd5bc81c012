"""`wsreplay export`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from wsreplay.cli.completion import ContractName, RecordingName, SessionNumber
from wsreplay.cli.options import (
    FITTING_DEFAULT,
    JOINED_BY,
    USER_PLACES,
    connections_of,
    decoder_option,
    open_recording,
    print_path,
    session_of,
    split_session,
    user_option,
)
from wsreplay.contract import load, name_or_file
from wsreplay.contract.users import sessions_of
from wsreplay.errors import UsageError
from wsreplay.extras import require
from wsreplay.files import new_file
from wsreplay.formats import as_pytest, as_websocat
from wsreplay.formats import har_export as har
from wsreplay.formats import jsonl_export as exchange
from wsreplay.model import NO_CONTRACT, Session
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.trace.identity import UserSource
from wsreplay.trace.sessions import there_are
from wsreplay.units import count_text

FORMS = ("jsonl", "har", "parquet", "pytest", "websocat", "otlp")


@click.command(name="export")
@click.argument("file", metavar="FILE", type=RecordingName())
@click.argument("session", type=SessionNumber(), required=False)
@click.option("-f", "--format", "form", type=click.Choice(FORMS), default="jsonl", show_default=True, help="Output format.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="A file; with -f parquet a folder. [default: standard output]"
)
@click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="NAME",
    help="With -f parquet: write this table only; may repeat. [default: all]",
)
@click.option("--to", "collector", metavar="URL", help="With -f otlp: the collector, such as http://localhost:4318.")
@click.option(
    "-c",
    "--contract",
    type=ContractName(),
    help=f"{JOINED_BY} With -f pytest, otlp and parquet also for findings and runs. {FITTING_DEFAULT}",
)
@decoder_option
@user_option(USER_PLACES)
def command(
    file: str, session: int | None, form: str, output: Path | None, tables: tuple[str, ...], collector: str | None,
    contract: str | None, decoder: str | None, users: tuple[UserSource, ...],
) -> None:  # fmt: skip
    """Write a recording, or one SESSION of it, in another format.

    jsonl (JSON lines) holds everything: import makes the same recording of it. har holds the messages, for other tools.
    pytest writes a test of one session, with a cassette that plays its backend; websocat a shell script that sends what the
    session's client sent. otlp sends runs, tools and findings as OpenTelemetry spans to a collector.

    parquet writes a folder of tables (events, spans, findings, sessions, connections, frames) by day and recording, for pandas,
    DuckDB and Spark. FILE may then be a folder of recordings; a repeated export replaces the earlier one.
    """
    path, marked = split_session(file)
    if form == "otlp" or collector is not None:
        if form != "otlp" or collector is None or output is not None:
            raise UsageError(
                "-f otlp needs --to and no -o: wsreplay export FILE -f otlp --to http://localhost:4318"
            )
        _send_spans(path, session or marked, collector, contract, decoder, users)
        return
    if tables and form != "parquet":
        raise UsageError("--table needs -f parquet")
    if form == "parquet":
        if session or marked:
            raise UsageError("-f parquet exports whole recordings; to export one session, copy it with wsreplay cut first")
        _export_parquet(path, output, tables, contract, ReadAs(decoder, users))
        return
    with open_recording(path) as recording:
        named = load(contract) if contract else None
        sessions = sessions_of(recording, named, users, decoder)
        if form == "pytest":
            if output is None:
                raise UsageError("-f pytest writes a test and a cassette: name the test with -o tests/test_NAME.py")
            chosen = _one_session(recording, session or marked, sessions)
            for written in _write_test(recording, chosen, output, contract, decoder):
                print_path(written)
            return
        pieces = _pieces(recording, session or marked, sessions, form)
        if output is None:
            sys.stdout.buffer.writelines(pieces)
            sys.stdout.buffer.flush()
            return
        with new_file(output, replace=True) as half, half.open("wb") as target:
            target.writelines(pieces)


def _write_test(
    recording: Recording, session: Session, output: Path, contract: str | None, decoder: str | None
) -> list[Path]:
    """Judged by the contract that was asked for, else by the built-in that fits, or `none`. Raises ContractError."""
    from wsreplay.contract.decoding import messages_of
    from wsreplay.contract.runs import runs_of
    from wsreplay.validator.select import select_contract

    named = None if contract is None else load(contract)
    judge = named or select_contract(recording, decoder)
    judged_by = NO_CONTRACT if judge is None else name_or_file(contract)
    return as_pytest.write(recording, session, output, judged_by, reading=messages_of(recording, named), runs=runs_of(judge))


def _send_spans(
    path: Path, session: int | None, url: str, contract: str | None, decoder: str | None, users: Sequence[UserSource]
) -> None:
    """Raises UpstreamError where the collector does not take them."""
    from wsreplay.cli.telemetry import check_collector

    shown = check_collector(url, "-f otlp")
    from wsreplay.telemetry.collect import SpanCollector
    from wsreplay.telemetry.otlp import SpanSender

    with open_recording(path) as recording:
        sessions = sessions_of(recording, load(contract) if contract else None, users, decoder)
        connections_of(recording, session, sessions)  # that there is such a session
    sender = SpanSender(url)
    sender.check()
    with SpanCollector(
        path, load(contract) if contract else None, sender.send, session=session, decoder=decoder, users=users
    ) as collector:
        collector.look()
    click.echo(f"{count_text(collector.spans, 'span')} and {count_text(collector.findings, 'finding')} sent to {shown}")


def _export_parquet(path: Path, output: Path | None, tables: Sequence[str], contract: str | None, read_as: ReadAs) -> None:
    require("parquet", "pyarrow", purpose="-f parquet")
    from wsreplay.arrow.parquet import export_parquet
    from wsreplay.arrow.recordings import recordings_below
    from wsreplay.cli.table_sources import table_source

    if output is None:
        raise UsageError("-f parquet writes a folder: name it with -o")
    paths = list(recordings_below(path))
    if not paths:
        raise UsageError(f"{path}: no recordings (*.db) in this folder")
    with click.progressbar(paths, label="exporting", file=sys.stderr, hidden=len(paths) < 2 or not sys.stderr.isatty()) as bar:
        for recording, name in bar:
            with table_source(recording, name, contract, read_as) as source:
                export_parquet(source, output, tables)
    print_path(output)


def _pieces(recording: Recording, number: int | None, sessions: Sequence[Session], form: str) -> Iterator[bytes]:
    if form == "websocat":
        yield as_websocat.script(recording, _one_session(recording, number, sessions)).encode()
        return
    chosen = connections_of(recording, number, sessions)
    # as they were recorded: whom a contract finds in them is found again in what is written
    recorded = None if chosen is None else [recording.connection(connection.id) for connection in chosen]
    if form == "har":
        yield from har.export(recording, recorded)
    else:
        yield from (line + b"\n" for line in exchange.export(recording, recorded))


def _one_session(recording: Recording, number: int | None, sessions: Sequence[Session]) -> Session:
    """The session with a number, else the only one of them. Raises UsageError."""
    if number is not None:
        return session_of(recording, number, sessions)
    if len(sessions) != 1:
        name = recording.path.name
        raise UsageError(f"{name}: {there_are(sessions)}, and this format exports one: choose it, as in {name}#1")
    return sessions[0]
