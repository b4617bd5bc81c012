"""Verdicts whole, a line for each finding, span and count, as `cases/whole.txt` holds them.

    PYTHONPATH=tests/support python tests/validator/whole_verdicts.py [NAME]

writes that file anew: read what has changed before you commit it. With a name it prints the lines of that verdict; of traces
that are drawn by lot, and of faults in good ones, the file holds a digest only.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any

import orjson
import yaml
from every_rule import HEAD, RULES
from expectations import verdict_of
from judged_traces import Trace
from trace_notation import TraceText

from wsreplay.contract import loads
from wsreplay.model import Opcode
from wsreplay.report import FileResult
from wsreplay.report.json import document
from wsreplay.store.reader import Recording
from wsreplay.validator import SpanLog, judge, mutation_score
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
# Good samples that faults are put into, and about how many faults of each kind.
GOOD = (
    "healthy.db", "sub-agent.db", "ag-ui/good.db", "graphql-transport-ws/good.db", "openai-realtime/good.db",
    "openai-responses/good.db",
)  # fmt: skip
MOST_FAULTS = 12
# Traces drawn by lot for each contract, and the values of their events.
GENERATED = 8
VALUES: dict[str, Sequence[Any]] = {
    "id": range(40), "seq": [0, 1, 2, 3, 4, 5, "3", 2.5], "at": [1.7e9, 1.7e9 + 0.01, 1.7e9 + 0.05, "soon"], "t": ["t1", "t2"],
    "r": ["r1", "r2"], "p": ["r1", "r2"], "c": ["c1", "c2"], "n": ["search", "fetch"], "u": ["u1", "u2"],
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


def generated_verdict(name: str) -> dict[str, Any]:
    """What a contract with every rule of a kind says of a trace that is drawn by lot, for this name always the same."""
    rules, _, _ = name.rpartition(" ")
    random, trace = Random(name), Trace().open(1, "u1").open(2, "u2").open(3, None)
    current = {1: 1, 2: 2, 3: 3}
    waits = (0, 0, 0.03, 0.3) if not name.endswith("4") else (0, 0.03, 200, 700)  # bounds pass, and ids are forgotten
    for _ in range(30):
        trace.at(round(trace.now + random.choice(waits), 3))
        user = random.randint(1, 3)
        connection = trace.connections[current[user]]
        if connection.closed_ns is not None:
            current[user] = len(trace.connections) + 1
            trace.open(current[user], connection.user)
        elif (odds := random.random()) < 0.06:
            trace.drop(connection.id).at(round(trace.now + 0.01, 3))
        elif odds < 0.1:
            trace.cut(random.randint(0, 1), connection.id)
        elif odds < 0.13:
            trace.raw(b'{"type": "a", "x": ' + b"[" * 2_000 + b"]" * 2_000 + b"}", random.randint(0, 1), connection.id)
        else:
            values = {name: random.choice(few) for name, few in VALUES.items() if random.random() < 0.6}
            say = trace.c2s if random.random() < 0.2 else trace.s2c
            say(random.choice("sabef"), connection.id, **values)
    for connection in list(trace.connections.values()):
        if connection.closed_ns is None and not name.endswith("5"):
            trace.close(connection.id)
    if name.endswith("5"):
        trace.truncate()
    if name.endswith("6"):
        trace.hold(0.2, 0.5).hold(1.5, 1.7)
    contract = loads(HEAD + RULES[rules])
    result = FileResult("", trace.judge(contract, span_log=SpanLog()), contract=contract, every_span=True)
    verdict: dict[str, Any] = orjson.loads(orjson.dumps(document([result])))
    return verdict


def fault_verdicts(name: str) -> Iterator[dict[str, Any]]:
    """What its contract says of a good sample with a fault of one kind, at one event after the other."""
    kind, _, sample = name.partition(" in ")
    with Recording.open(SAMPLES / sample) as recording:
        contract = select_contracts(recording)[0]
        connections, messages = tuple(recording.connections()), tuple(recording.messages())
        trace = mutation_score.WholeTrace(connections, messages, recording.reached_ns())
    texts = [at for at, message in enumerate(messages) if message.opcode == Opcode.TEXT]
    for at in texts[:: max(1, len(texts) // MOST_FAULTS)]:
        judgement = mutation_score.judge_trace(mutation_score.mutate(trace, kind, at), contract)
        result = FileResult("", judgement, contract=contract)
        verdict: dict[str, Any] = orjson.loads(orjson.dumps(document([result])))
        yield verdict


def fault_names() -> list[str]:
    """Those of such verdicts."""
    return [f"{kind} in {sample}" for sample in GOOD for kind in mutation_score.KINDS]


def generated_names() -> list[str]:
    """Those of the verdicts of such traces: the rules, and a number."""
    return [f"{rules} {number}" for rules in RULES for number in range(GENERATED)]


def findings_of(verdict: dict[str, Any]) -> list[str]:
    """A line for each finding."""
    return [_line(finding) for file in verdict["files"] for finding in file["findings"]]


def lines_of(verdict: dict[str, Any]) -> list[str]:
    """A line for each finding and each span, one for what the rules have counted, and one for all else."""
    (file,) = verdict["files"]
    counts = [
        f"{rule['id']} {rule['activations']}={'+'.join(str(rule[count]) for count in _COUNTS)}"
        for rule in file["rules"]
        if rule["activations"]
    ]
    rest = {key: value for key, value in file.items() if key not in ("findings", "spans", "runs", "rules", "contract")}
    return [*findings_of(verdict), *map(_line, file.get("spans", ())), ", ".join(counts), _line(rest)]


def digest_of(*verdicts: dict[str, Any]) -> str:
    """How many lines there are in verdicts, and a digest of them."""
    lines = [line for verdict in verdicts for line in lines_of(verdict)]
    return f"{len(lines)} lines, {blake2b(repr(lines).encode(), digest_size=8).hexdigest()}"


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
    lines |= {name: lines_of(sample_verdict(name)) for name in sample_names()}
    lines |= {name: [digest_of(*fault_verdicts(name))] for name in fault_names()}
    return lines | {name: [digest_of(generated_verdict(name))] for name in generated_names()}


def read_lines() -> dict[str, list[str]]:
    """What the file holds."""
    sections = WHOLE.read_text().split("\n\n")
    return {name: lines for name, *lines in (section.strip().split("\n") for section in sections)}


def sample_names() -> list[str]:
    """Those of all samples."""
    return sorted(str(path.relative_to(SAMPLES)) for path in SAMPLES.rglob("*.db"))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        name = sys.argv[1]
        one_verdict = sample_verdict if name in sample_names() else generated_verdict
        for verdict in fault_verdicts(name) if name in fault_names() else [one_verdict(name)]:
            print("\n".join(lines_of(verdict)))
    else:
        WHOLE.write_text("\n\n".join("\n".join([name, *lines]) for name, lines in all_lines().items()) + "\n")
