"""`wsreplay prune`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from wsreplay.cli.completion import ContractName, FolderPath
from wsreplay.cli.options import FITTING_DEFAULT, Duration, Size, recordings_folder
from wsreplay.cli.streams import harmless
from wsreplay.display import visible
from wsreplay.errors import EXIT_CLEAN, EXIT_NOT_JUDGED, RecordingError, UsageError
from wsreplay.model import Run, start_of
from wsreplay.store import lock
from wsreplay.store.paths import reachable
from wsreplay.store.reader import Recording
from wsreplay.units import SECOND, count_text, duration_text, size_text

_BESIDE = ("-wal", "-shm")


@dataclass
class _Candidate:
    """A recording that nobody writes. `age_ns` is since its last run ended; `keep` says why it stays all the same."""

    path: Path
    size: int
    age_ns: int
    keep: str = ""


@click.command(name="prune")
@click.argument("folder", metavar="[DIR]", required=False, type=FolderPath(path_type=Path))
@click.option("--older-than", type=Duration(bare=False), metavar="TIME", help="Remove those that ended longer ago: 30d, 12h.")
@click.option("--larger-than", type=Size(), metavar="SIZE", help="Remove recordings larger than this, such as 1GB.")
@click.option("--keep-total", type=Size(), metavar="SIZE", help="Remove the oldest until the rest is no larger than this.")
@click.option("--keep-findings", is_flag=True, help="Keep recordings with findings.")
@click.option("--keep-marks", is_flag=True, help="Keep recordings with marks.")
@click.option("-c", "--contract", type=ContractName(), help=f"Contract for --keep-findings. {FITTING_DEFAULT}")
@click.option("-r", "--recursive", is_flag=True, help="Look into folders inside DIR too.")
@click.option("--yes", is_flag=True, help="Remove them; without --yes they are only listed.")
def command(
    folder: Path | None, older_than: int | None, larger_than: int | None, keep_total: int | None, keep_findings: bool,
    keep_marks: bool, contract: str | None, recursive: bool, yes: bool,
) -> int:  # fmt: skip
    """Remove old or large recordings from DIR [default: recordings]; list them first.

    A recording is removed if it exceeds both --older-than and --larger-than, as far as given, or if --keep-total leaves no
    room for it. Recordings that are being written, and files that are not recordings, always stay.
    """
    if older_than is None and larger_than is None and keep_total is None:
        raise UsageError("say what to remove: --older-than 30d, --larger-than 1GB or --keep-total 5GB")
    place = reachable(folder or recordings_folder())
    if not place.is_dir():
        raise UsageError(f"{place}: no such folder")
    candidates, unreadable = _candidates(place, recursive)
    doomed = [candidate for candidate in candidates if _goes(candidate, older_than, larger_than)]
    doomed += _surplus([candidate for candidate in candidates if candidate not in doomed], keep_total)
    for candidate in doomed:
        candidate.keep = _why_kept(candidate.path, keep_marks, keep_findings, contract)
    _remove(sorted(doomed, key=lambda candidate: -candidate.age_ns), yes)
    return EXIT_NOT_JUDGED if unreadable else EXIT_CLEAN


def _candidates(folder: Path, recursive: bool) -> tuple[list[_Candidate], int]:
    """Recordings that nobody writes, and how many files could not be read."""
    candidates, unreadable = [], 0
    for path in sorted(folder.rglob("*.db") if recursive else folder.glob("*.db")):
        try:
            with Recording.open(path) as recording:
                if not recording.live:
                    size = sum(file.stat().st_size for file in _files(path))
                    candidates.append(_Candidate(path, size, _age_ns(recording.runs(), path)))
        except RecordingError as error:
            click.echo(harmless(f"wsreplay: {error}; kept"), err=True)
            unreadable += 1
    return candidates, unreadable


def _files(path: Path) -> Iterator[Path]:
    """A recording, and what a crash has left beside it."""
    for file in (path, *(path.with_name(path.name + suffix) for suffix in _BESIDE)):
        if file.exists():
            yield file


def _age_ns(runs: list[Run], path: Path) -> int:
    """Nanoseconds since the last run ended; one that recorded nothing is as old as its file."""
    if not runs:
        return time.time_ns() - path.stat().st_mtime_ns
    last = runs[-1]
    ended = last.reached_ns if last.ended_ns is None else last.ended_ns
    started_ns = round(start_of(last.started_at).timestamp() * SECOND)
    return time.time_ns() - started_ns - (ended - last.start_ns)


def _goes(candidate: _Candidate, older_than: int | None, larger_than: int | None) -> bool:
    if older_than is None and larger_than is None:
        return False
    return (older_than is None or candidate.age_ns > older_than) and (larger_than is None or candidate.size > larger_than)


def _surplus(rest: list[_Candidate], keep_total: int | None) -> list[_Candidate]:
    """The oldest of the rest, as many as must go for the others to fit."""
    if keep_total is None:
        return []
    total, surplus = sum(candidate.size for candidate in rest), []
    for candidate in sorted(rest, key=lambda candidate: -candidate.age_ns):
        if total <= keep_total:
            break
        total -= candidate.size
        surplus.append(candidate)
    return surplus


def _why_kept(path: Path, keep_marks: bool, keep_findings: bool, contract: str | None) -> str:
    if not keep_findings and not keep_marks:
        return ""
    with Recording.open(path) as recording:
        if keep_marks and recording.marks():
            return "has marks"
        if keep_findings and (recording.all_findings() or _has_findings(recording, contract)):
            return "has findings"
    return ""


def _has_findings(recording: Recording, contract: str | None) -> bool:
    from wsreplay.report import is_failure
    from wsreplay.validator import judge
    from wsreplay.validator.select import select_contracts

    (chosen,) = select_contracts(recording, [contract] if contract else [])
    return any(is_failure(finding) for finding in judge(recording, chosen).findings)


def _remove(doomed: list[_Candidate], yes: bool) -> None:
    gone, freed = 0, 0
    for candidate in doomed:
        line = f"{visible(str(candidate.path))}   {duration_text(candidate.age_ns)} old   {size_text(candidate.size)}"
        if candidate.keep:
            click.echo(f"kept          {line}   {candidate.keep}")
        elif not yes or _delete(candidate.path):
            click.echo(f"{'removed' if yes else 'would remove'}  {line}")
            gone, freed = gone + 1, freed + candidate.size
        else:
            click.echo(f"kept          {line}   is being written")
    many = f"{count_text(gone, 'recording')}, {size_text(freed)}"
    to_do = f"{many} to remove; add --yes to delete them" if gone else "nothing to remove"
    click.echo(f"{many} removed" if yes else to_do, err=True)


def _delete(path: Path) -> bool:
    """Remove a recording, unless somebody has begun to write it. Raises UsageError."""
    try:
        held = lock.acquire(path)
    except RecordingError:
        return False
    except OSError as error:
        raise UsageError(f"{path} cannot be removed: {error.strerror}") from None
    try:
        for file in _files(path):
            file.unlink()
    except OSError as error:
        raise UsageError(f"{path} cannot be removed: {error.strerror}") from None
    finally:
        held.release()
    return True
