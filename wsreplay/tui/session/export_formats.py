"""Ways to hand over what is shown, each a file that somebody else can use; written by a task in the background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from wsreplay.errors import UsageError
from wsreplay.files import new_file, write_new_file
from wsreplay.model import NO_CONTRACT, Session
from wsreplay.store.paths import typed_path
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import AS_RECORDED, ReadAs
from wsreplay.tui.jobs.task import JobContext
from wsreplay.tui.session import export


class HandoverFormat(NamedTuple):
    """One format. `narrows` says that it can hold some frames of a session only, `of_one` that it needs one session."""

    name: str
    suffix: str
    words: str
    narrows: bool = False
    of_one: bool = False


FORMATS = (
    HandoverFormat("recording", ".db", "cut out: for wsreplay, small enough for a bug report", narrows=True),
    HandoverFormat("JSON lines", ".jsonl", "all of it as text, which `wsreplay import` takes", narrows=True),
    HandoverFormat("HAR", ".har", "the messages, for other tools"),
    HandoverFormat("HTML", ".html", "the verdict with its waterfall, for a browser"),
    HandoverFormat("Markdown", ".md", "what failed and the frames that show it, for an issue"),
    HandoverFormat("pytest", ".py", "a test that plays the backend from a cassette", of_one=True),
    HandoverFormat("websocat", ".sh", "a script that says what the client said", of_one=True),
)


@dataclass(frozen=True, slots=True)
class HandoverJob:
    """What is to be written: a session (None: all of the recording), or of it the frames `ids`; `contracts` are the names of
    those that judge it, `read_as` how the user says that it is read."""

    format_: HandoverFormat
    path: Path
    out: Path
    session: Session | None
    ids: Sequence[int] | None = None
    contracts: tuple[str, ...] = ()
    read_as: ReadAs = AS_RECORDED

    def __call__(self, context: JobContext) -> None:
        """Write it, and publish the files that were written. Raises WsreplayError."""
        context.publish(_WRITERS[self.format_.name](self))


def _write_frames(job: HandoverJob) -> list[Path]:
    export.write(job.path, job.out, job.session, job.ids, cut_out=job.format_.suffix == ".db")
    return [job.out]


def _write_har(job: HandoverJob) -> list[Path]:
    from wsreplay.formats import har_export

    connections = list(job.session.connections) if job.session else None
    with Recording.open(job.path) as reader, new_file(job.out, replace=False) as half, half.open("xb") as file:
        file.writelines(har_export.export(reader, connections))
    return [job.out]


def _write_report(job: HandoverJob) -> list[Path]:
    from wsreplay.report import FileResult, render
    from wsreplay.report.selection import select
    from wsreplay.validator import SpanLog, judge
    from wsreplay.validator.select import select_contracts

    results = []
    with Recording.open(job.path) as reader:
        for contract in select_contracts(reader, job.contracts, job.read_as.decoder):
            contract = contract.read_as(job.read_as)
            judgement = judge(reader, contract, span_log=SpanLog())
            result = FileResult(str(job.path), judgement, contract=contract, every_session=True)
            results.append(select(result, session=job.session.id if job.session else None))
    text = render(job.format_.name.lower(), results)
    write_new_file(job.out, text.encode("utf-8", "surrogateescape"))
    return [job.out]


def _write_pytest(job: HandoverJob) -> list[Path]:
    from wsreplay.contract import load, name_or_file
    from wsreplay.contract.decoding import messages_of
    from wsreplay.contract.runs import runs_of
    from wsreplay.formats import as_pytest
    from wsreplay.validator.select import select_contract

    name = next(iter(job.contracts), None)
    with Recording.open(job.path) as reader:
        named = None if name is None else load(name)
        judge = named or select_contract(reader, job.read_as.decoder)
        judged_by = NO_CONTRACT if judge is None else name_or_file(name)
        reading, runs = messages_of(reader, named), runs_of(judge)
        return as_pytest.write(reader, _one(job), job.out, judged_by, reading=reading, runs=runs)


def _write_script(job: HandoverJob) -> list[Path]:
    from wsreplay.formats import as_websocat

    with Recording.open(job.path) as reader:
        write_new_file(job.out, as_websocat.script(reader, _one(job)).encode())
    return [job.out]


def _one(job: HandoverJob) -> Session:
    if job.session is None:
        raise UsageError("of one session only: open one first")
    return job.session


_WRITERS: dict[str, Callable[[HandoverJob], list[Path]]] = {
    "recording": _write_frames, "JSON lines": _write_frames, "HAR": _write_har, "HTML": _write_report,
    "Markdown": _write_report, "pytest": _write_pytest, "websocat": _write_script,
}  # fmt: skip


def propose_name(format_: HandoverFormat, recording: Path, session: int | None) -> str:
    """A file name for what is handed over, beside the place where the program was started."""
    stem = f"{recording.stem}.{session or 'all'}"
    if format_.name == "pytest":
        from wsreplay.formats.as_pytest import identifier

        return f"test_{identifier(stem)}.py"
    return stem + format_.suffix


def check_target(text: str) -> str | None:
    """What is wrong with a file to write to, or None."""
    try:
        path = typed_path(text)
    except UsageError as error:
        return str(error)
    if path.exists():
        return f"{path} exists: choose another name"
    return None if path.parent.is_dir() else f"there is no folder {path.parent}"
