"""`wsreplay validate`."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from wsreplay import remote
from wsreplay.cli.colour import colour_option, wants_colour
from wsreplay.cli.completion import ContractName, RecordingName
from wsreplay.cli.main import INTERRUPTED
from wsreplay.cli.options import FITTING_DEFAULT, USER_PLACES, decoder_option, open_recording, split_session, user_option
from wsreplay.cli.report_targets import FORMS, ReportCommand, given_order, pair
from wsreplay.contract import Contract, load
from wsreplay.decode import get_decoder
from wsreplay.display import visible
from wsreplay.errors import RecordingError, UsageError
from wsreplay.extras import require
from wsreplay.report import FORMATS, FileResult, baseline, exit_code, render, strictly
from wsreplay.report.result import unproven
from wsreplay.report.selection import select
from wsreplay.store.paths import reachable
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.trace.identity import UserSource, user_source_text
from wsreplay.units import count_text
from wsreplay.validator.findings import Finding, Judgement, Severity
from wsreplay.validator.parallel import FileOutcome

PARQUET = "parquet"
_JUDGED = ("sessions", "spans", "findings")  # the tables that a verdict makes


@click.command(name="validate", cls=ReportCommand)
@click.argument("files", metavar="FILE[#SESSION]...", type=RecordingName(), nargs=-1, required=True)
@click.option("-c", "--contract", "contracts", multiple=True, type=ContractName(),
              help=f"A contract file, or a built-in's name; may repeat. {FITTING_DEFAULT}")
@click.option("-f", "--format", "forms", multiple=True, type=click.Choice([*FORMATS, PARQUET]),
              help="Report format; may repeat. [default: text]")
@click.option("-o", "--output", "outputs", multiple=True, type=click.Path(path_type=Path),
              help="File for the report of the -f before it; with -f parquet a folder. [default: standard output]")
@click.option("--rule", "rules", multiple=True, metavar="ID", help="Report only this rule; may repeat.")
@click.option("--event", "events", multiple=True, metavar="TYPE", help="Report only findings about this event; may repeat.")
@click.option("--all", "every", is_flag=True, help="Report sessions without findings in full, too.")
@click.option("--spans", "every_span", is_flag=True, help="With -f json: list tools and operations too, not only runs.")
@click.option("--strict", is_flag=True, help="Also fail on warnings, and on rules that never applied or stayed undecided.")
@click.option("--fail-on", type=click.Choice([str(severity) for severity in Severity]), default="error", show_default=True,
              help="Fail on findings of this severity or higher.")
@click.option("--baseline", "known", type=click.Path(path_type=Path, dir_okay=False), help="Accept the findings in this file.")
@click.option("--write-baseline", type=click.Path(path_type=Path, dir_okay=False), help="Write the findings into this file.")
@click.option("--across", is_flag=True,
              help="Treat all recordings as one backend's: also find what reached another user's recording.")
@click.option("--follow", is_flag=True, help="Check the recording while it grows, and print findings as they are decided.")
@click.option("--save", is_flag=True, help="Store the findings in the recording.")
@decoder_option
@user_option(USER_PLACES)
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Number of worker processes.")
@click.option("--dask", metavar="ADDRESS",
              help="Use the workers of a Dask scheduler, such as tcp://HOST:8786, or local:4 processes.")
@colour_option
@click.option("--while-open", type=int, hidden=True, help="End when the other end of this inherited pipe is closed.")
def command(
    files: tuple[str, ...], contracts: tuple[str, ...], forms: tuple[str, ...], outputs: tuple[Path, ...],
    rules: tuple[str, ...], events: tuple[str, ...], every: bool, every_span: bool, strict: bool, fail_on: str,
    known: Path | None, write_baseline: Path | None, across: bool, follow: bool, save: bool, decoder: str | None,
    users: tuple[UserSource, ...], jobs: int, dask: str | None, color: bool | None, while_open: int | None,
) -> int:  # fmt: skip
    """Check recordings against contracts, and report every finding with its witness frames.

    `FILE#2` reports on session 2 only; the whole recording is checked all the same. FILE may be a folder, or remote, such as
    s3://bucket/folder or s3://bucket/2026-11-*/*.db.

    Exit code 0: nothing is wrong; 1: violations; 2: wrong usage or a broken contract; 3: something could not be checked.
    """
    chosen = [load(name) for name in contracts]
    if decoder is not None:
        get_decoder(decoder)
    sessions = _sessions_of(files)
    paths = _recordings(list(sessions))
    targets = pair(given_order() if forms else [*given_order(), FORMS], forms or ("text",), outputs, PARQUET.__eq__)
    if every_span and "json" not in forms:
        raise UsageError("--spans needs -f json")
    accepted = baseline.read(known) if known else None
    if while_open is not None:
        threading.Thread(target=_end_with, args=(while_open,), daemon=True).start()
    if PARQUET in forms:
        require("parquet", "pyarrow", purpose="-f parquet")
    spans, read_as = every_span or "html" in forms or PARQUET in forms, ReadAs(decoder, users)
    if follow and across:
        raise UsageError("--across and --follow cannot be combined: --across needs finished recordings")
    results = _follow(paths, chosen, read_as, spans) if follow else _judge(paths, chosen, jobs, dask, read_as, spans, across)
    if save:
        _save(results)
    names = {contract.file: name for contract, name in zip(chosen, contracts, strict=True)}
    results = [
        replace(
            select(result, rules=rules, events=events, session=session), every_session=every, every_span=every_span,
            options=_options(names.get(result.contract.file) if result.contract else None, decoder, users),
        )
        for result in results
        for session in sessions.get(Path(result.path), [None])
    ]
    if strict:
        results = [strictly(result) for result in results]
    if write_baseline:
        baseline.write(write_baseline, results)
    if accepted is not None:
        _say_comparison(results, accepted)
        results = baseline.apply(results, accepted)
    _report(results, targets, color, Severity(fail_on))
    if strict:
        _say_unproven(results)
    return exit_code(results, fail_on=Severity(fail_on))


def _options(contract: str | None, decoder: str | None, users: Sequence[UserSource]) -> tuple[str, ...]:
    """Those with which `tui` and `show` read what was validated the same way."""
    named = [("-c", contract), ("--as", decoder), *(("--user", user_source_text(user)) for user in users)]
    return tuple(part for option, value in named if value is not None for part in (option, value))


def _sessions_of(files: Sequence[str]) -> dict[Path, list[int | None]]:
    """The files that were named, each with the sessions that are to be told of (None: all)."""
    sessions: dict[Path, list[int | None]] = {}
    for file in files:
        path, session = split_session(file)
        sessions.setdefault(path, []).append(session)
    return sessions


def _recordings(files: Sequence[Path]) -> list[Path]:
    paths: list[Path] = []
    for file in map(reachable, files):
        if remote.url_of(file) is not None:
            paths += remote.files_at(file, ".db")
        elif file.is_dir():
            inside = sorted(file.rglob("*.db"))
            if not inside:
                raise UsageError(f"{file}: no recordings (*.db) in this folder")
            paths += inside
        elif not file.exists():
            raise UsageError(f"{file}: no such file")
        else:
            paths.append(file)
    return paths


def _judge(
    paths: Sequence[Path], contracts: Sequence[Contract], jobs: int, dask: str | None, read_as: ReadAs, spans: bool,
    across: bool,
) -> list[FileResult]:  # fmt: skip
    from wsreplay.validator import judge_files
    from wsreplay.validator.verdict_cache import SavedVerdicts

    wanted = list(_wanted(paths, contracts, read_as))
    steps = len(wanted)
    with ExitStack() as stack:
        workers = None
        if dask is not None:
            from wsreplay.validator.dask_workers import dask_workers

            workers = stack.enter_context(dask_workers(dask))
        hidden = steps < 2 or not sys.stderr.isatty()
        bar = stack.enter_context(click.progressbar(length=steps, label="judging", file=sys.stderr, hidden=hidden))
        outcomes = judge_files(
            wanted, jobs=jobs, workers=workers, progress=lambda: bar.update(1), spans=spans, saved=SavedVerdicts.open(),
            read_as=read_as, across=across,
        )  # fmt: skip
    return [_result(outcome, contract) for outcome, (_, contract) in zip(outcomes, wanted, strict=True)]


def _wanted(
    paths: Sequence[Path], contracts: Sequence[Contract], read_as: ReadAs
) -> Iterator[tuple[Path, Contract | None]]:
    """Each file with what judges it. What lies elsewhere is opened by whoever judges it, and not here too."""
    from wsreplay.validator.select import pair_with_contracts

    for path in paths:
        if remote.url_of(path) is not None:
            yield from ((path, contract.read_as(read_as)) for contract in contracts)
            if not contracts:
                yield path, None
            continue
        with suppress(RecordingError), open_recording(path):
            pass
        pairs = pair_with_contracts([path], contracts, read_as.decoder)
        yield from ((path, contract.read_as(read_as)) for path, contract in pairs)


def _result(outcome: FileOutcome, contract: Contract | None) -> FileResult:
    judged_by = contract or outcome.judged_by
    error = str(outcome.error) if outcome.error else None
    return FileResult(remote.shown(outcome.path), outcome.judgement, error, contract=judged_by)


def _end_with(pipe: int) -> None:
    """End this process when the other end of a pipe is closed: who started it has ended, also by SIGKILL."""
    with suppress(OSError):
        os.read(pipe, 1)
    os._exit(INTERRUPTED)


def _follow(
    paths: Sequence[Path], contracts: Sequence[Contract], read_as: ReadAs, spans: bool
) -> list[FileResult]:
    from wsreplay.validator import follow
    from wsreplay.validator.select import await_contracts

    if len(paths) != 1:
        raise UsageError("--follow takes one recording")
    contracts = [contract.read_as(read_as) for contract in contracts or await_contracts(paths[0], decoder=read_as.decoder)]
    judgements = follow(paths[0], contracts, on_finding=_say_finding, on_amended=_say_amended, spans=spans)
    return [
        FileResult(str(paths[0]), judgement, contract=contract)
        for judgement, contract in zip(judgements, contracts, strict=True)
    ]


def _say_finding(finding: Finding) -> None:
    from wsreplay.report.text import finding_line

    painted = wants_colour()
    click.echo(finding_line(finding, color=painted), color=painted)


def _say_amended(before: Finding, after: Finding) -> None:
    """A finding turned out otherwise: what was missing came, late or out of order."""
    from wsreplay.report.text import finding_line

    if before.kind != after.kind:
        painted = wants_colour()
        click.echo(f"{finding_line(after, color=painted)}  (was: {visible(before.kind)})", color=painted)


def _say_comparison(results: Sequence[FileResult], accepted: baseline.Baseline) -> None:
    compared = baseline.compare(results, accepted)
    counts = f"{len(compared.new)} new, {len(compared.known)} known, {len(compared.gone)} gone"
    click.echo(f"against the baseline: {counts}", err=True)
    for entry in compared.gone:
        click.echo(f"  gone: {visible(entry.rule)}  {visible(entry.message)}", err=True)


def _say_unproven(results: Sequence[FileResult]) -> None:
    """What fails though nothing contradicts it."""
    for result in results:
        for verdict, rules in unproven(result).items():
            text = f"{count_text(len(rules), 'rule')} {verdict}: {', '.join(rules)}"
            click.echo(f"--strict fails {visible(result.path)} for {visible(text)}", err=True)


def _save(results: Sequence[FileResult]) -> None:
    from wsreplay.report.json import finding_object
    from wsreplay.store.annotations import save_findings

    for result in results:
        if result.judgement is not None:
            judgement = result.judgement
            findings = [finding_object(finding) for finding in judgement.findings]
            save_findings(result.path, judgement.contract, judgement.contract_digest, findings)


def _report(
    results: Sequence[FileResult], targets: Sequence[tuple[str, Path | None]], color: bool | None, fail_on: Severity
) -> None:
    for form, output in targets:
        if form == PARQUET:
            _write_tables(results, output)
            continue
        painted = wants_colour(color) if output is None else bool(color)
        text = render(form, results, color=painted, width=shutil.get_terminal_size((110, 24)).columns, fail_on=fail_on)
        if output is None:
            click.echo(text, nl=False, color=painted)
        else:
            with remote.new_file_at(output) as half:
                half.write_bytes(text.encode("utf-8", "surrogateescape"))


def _write_tables(results: Sequence[FileResult], lake: Path | None) -> None:
    """Sessions, spans and findings of what was judged, as `wsreplay export -f parquet` writes them."""
    from wsreplay.arrow.parquet import export_parquet
    from wsreplay.arrow.tables import TableSource

    assert lake is not None
    for result in results:
        judgement = result.judgement
        if judgement is not None:
            with open_recording(Path(result.path)) as recording:
                name = result.path.removesuffix(".db").lstrip("/")
                export_parquet(TableSource(recording, name, result.contract, partial(_give, judgement)), lake, _JUDGED)


def _give(judgement: Judgement) -> Judgement:
    return judgement
