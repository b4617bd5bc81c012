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
from wsreplay.tui.jobs.task import JobContext
from wsreplay.tui.session import export


class Way(NamedTuple):
    """One way. `narrows` says that it can hold some frames of a session only, `of_one` that it needs one session."""

    name: str
    suffix: str
    words: str
    narrows: bool = False
    of_one: bool = False


WAYS = (
    Way("recording", ".db", "cut out: for wsreplay, small enough for a bug report", narrows=True),
    Way("JSON lines", ".jsonl", "all of it as text, which `wsreplay import` takes", narrows=True),
    Way("HAR", ".har", "the messages, for other tools"),
    Way("HTML", ".html", "the verdict with its waterfall, for a browser"),
    Way("Markdown", ".md", "what failed and the frames that show it, for an issue"),
    Way("pytest", ".py", "a test that plays the backend from a cassette", of_one=True),
    Way("websocat", ".sh", "a script that says what the client said", of_one=True),
)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be written: a session (None: all of the recording), or of it the frames `ids`; `contracts` are the names of
    those that judge it, `decoder` what the user says that messages are read by."""

    way: Way
    path: Path
    out: Path
    session: Session | None
    ids: Sequence[int] | None = None
    contracts: tuple[str, ...] = ()
    decoder: str | None = None

    def __call__(self, context: JobContext) -> None:
        """Write it, and publish the files that were written. Raises WsreplayError."""
        context.publish(_WRITERS[self.way.name](self))


def _write_frames(order: Order) -> list[Path]:
    export.write(order.path, order.out, order.session, order.ids, cut_out=order.way.suffix == ".db")
    return [order.out]


def _write_har(order: Order) -> list[Path]:
    from wsreplay.formats import har_export

    connections = list(order.session.connections) if order.session else None
    with Recording.open(order.path) as reader, new_file(order.out, replace=False) as half, half.open("xb") as file:
        file.writelines(har_export.export(reader, connections))
    return [order.out]


def _write_report(order: Order) -> list[Path]:
    from wsreplay.report import FileResult, render
    from wsreplay.report.selection import select
    from wsreplay.validator import SpanLog, judge
    from wsreplay.validator.select import select_contracts

    results = []
    with Recording.open(order.path) as reader:
        for contract in select_contracts(reader, order.contracts, order.decoder):
            judgement = judge(reader, contract, span_log=SpanLog())
            result = FileResult(
                str(order.path), judgement, resume_within_ns=contract.resume_within_ns, contract=contract, every_session=True
            )
            results.append(select(result, session=order.session.id if order.session else None))
    text = render(order.way.name.lower(), results)
    write_new_file(order.out, text.encode("utf-8", "surrogateescape"))
    return [order.out]


def _write_pytest(order: Order) -> list[Path]:
    from wsreplay.contract import builtin_names
    from wsreplay.formats import as_pytest

    name = next(iter(order.contracts), None)
    if name is not None and name not in (NO_CONTRACT, *builtin_names()):
        name = str(Path(name).absolute())
    with Recording.open(order.path) as reader:
        return as_pytest.write(reader, _one(order), order.out, name)


def _write_script(order: Order) -> list[Path]:
    from wsreplay.formats import as_websocat

    with Recording.open(order.path) as reader:
        write_new_file(order.out, as_websocat.script(reader, _one(order)).encode())
    return [order.out]


def _one(order: Order) -> Session:
    if order.session is None:
        raise UsageError("of one session only: open one first")
    return order.session


_WRITERS: dict[str, Callable[[Order], list[Path]]] = {
    "recording": _write_frames, "JSON lines": _write_frames, "HAR": _write_har, "HTML": _write_report,
    "Markdown": _write_report, "pytest": _write_pytest, "websocat": _write_script,
}  # fmt: skip


def propose_name(way: Way, recording: Path, session: int | None) -> str:
    """A file name for what is handed over, beside the place where the program was started."""
    stem = f"{recording.stem}.{session or 'all'}"
    if way.name == "pytest":
        from wsreplay.formats.as_pytest import identifier

        return f"test_{identifier(stem)}.py"
    return stem + way.suffix


def check_target(text: str) -> str | None:
    """What is wrong with a file to write to, or None."""
    try:
        path = typed_path(text)
    except UsageError as error:
        return str(error)
    if path.exists():
        return f"{path} exists: choose another name"
    return None if path.parent.is_dir() else f"there is no folder {path.parent}"
