"""Verdicts whole, a line for each finding, span and count, as `cases/whole.txt` holds them.

    PYTHONPATH=tests/support python tests/validator/whole_verdicts.py

writes that file anew: read what has changed before you commit it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import yaml
from expectations import verdict_of
from trace_notation import TraceText

from wsreplay.report import FileResult
from wsreplay.report.json import document
from wsreplay.store.reader import Recording
from wsreplay.validator import SpanLog, judge
from wsreplay.validator.select import select_contracts

CASES = Path(__file__).parent / "cases"
TABLES, TRACES = CASES / "tables", CASES / "traces"
WHOLE = CASES / "whole.txt"
SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"
# What another file, or another line of a contract, says of the same verdict.
_LEFT_OUT = {"contract_file", "line", "message_id", "file", "rule"}
_USUAL = {
    "verdict": "violated", "severity": "error", "session": 1, "connection": 1, "count": 1, "decided_by": "event",
    "blame": "server",
}  # fmt: skip
_COUNTS = ("fulfilments", "violations", "pending", "inconclusive", "errors")


def table_cases() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The name of each case of the tables, its trace in words, and the case."""
    for path in sorted(TABLES.glob("*.yaml")):
        table = yaml.safe_load(path.read_text())
        for name, case in table["cases"].items():
            yield f"{path.stem}: {name}", _words(table, case), case


def _words(table: dict[str, Any], case: dict[str, Any]) -> str:
    """The trace of a case: its own, or one that the table has a name for, with words left out (counted from 1), two neighbours
    swapped, or more after them."""
    bases = table.get("bases", {"": ""})
    words = case.get("trace", bases[case.get("base", next(iter(bases)))]).split()
    if "swap" in case:
        words[case["swap"] - 1 : case["swap"] + 1] = reversed(words[case["swap"] - 1 : case["swap"] + 1])
    kept = [word for number, word in enumerate(words, 1) if number not in case.get("without", ())]
    return " ".join([*kept, case.get("add", "")])


def case_verdict(words: str, case: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What agent-chat says of a case of the tables."""
    trace = TraceText(words, style=case.get("style", "full"), without=case.get("omit"), clock=case.get("clock", "s"))
    return verdict_of(trace.lines(), folder)


def trace_verdict(name: str, folder: Path) -> dict[str, Any]:
    """What agent-chat says of a recorded trace."""
    return verdict_of((TRACES / f"{name}.jsonl").read_bytes().splitlines(keepends=True), folder)


def sample_verdict(name: str) -> dict[str, Any]:
    """What its own contract says of a sample, with all its spans."""
    with Recording.open(SAMPLES / name) as recording:
        contract = select_contracts(recording)[0]
        judgement = judge(recording, contract, span_log=SpanLog())
    result = FileResult(name, judgement, contract=contract, every_span=True)
    verdict: dict[str, Any] = orjson.loads(orjson.dumps(document([result])))
    return verdict


def findings_of(verdict: dict[str, Any]) -> list[str]:
    """A line for each finding."""
    return [_line(finding) for file in verdict["files"] for finding in file["findings"]]


def lines_of(verdict: dict[str, Any]) -> list[str]:
    """A line for each finding and each span, and one for what the rules have counted."""
    (file,) = verdict["files"]
    counts = [
        f"{rule['id']} {rule['activations']}={'+'.join(str(rule[count]) for count in _COUNTS)}"
        for rule in file["rules"]
        if rule["activations"]
    ]
    return [*findings_of(verdict), *map(_line, file.get("spans", ())), ", ".join(counts)]


def _line(member: dict[str, Any]) -> str:
    """What is not as it mostly is."""
    kept = {key: value for key, value in member.items() if value not in (None, "", [], {}, 0) and _USUAL.get(key) != value}
    return " ".join(f"{key}={_text(value)}" for key, value in kept.items() if key not in _LEFT_OUT)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def all_lines() -> dict[str, list[str]]:
    """The lines of each case, trace and sample, by name."""
    lines = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, words, case) in enumerate(table_cases()):
            (place := Path(folder, str(number))).mkdir()
            lines[name] = findings_of(case_verdict(words, case, place))
        for path in sorted(TRACES.glob("*.jsonl")):
            (place := Path(folder, path.stem)).mkdir()
            lines[path.stem] = findings_of(trace_verdict(path.stem, place))
    return lines | {name: lines_of(sample_verdict(name)) for name in sample_names()}


def read_lines() -> dict[str, list[str]]:
    """What the file holds."""
    sections = WHOLE.read_text().split("\n\n")
    return {name: lines for name, *lines in (section.strip().split("\n") for section in sections)}


def sample_names() -> list[str]:
    """Those of all samples."""
    return sorted(str(path.relative_to(SAMPLES)) for path in SAMPLES.rglob("*.db"))


if __name__ == "__main__":
    WHOLE.write_text("\n\n".join("\n".join([name, *lines]) for name, lines in all_lines().items()) + "\n")
