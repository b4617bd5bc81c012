"""What came of what a run must have: the same in text and on the page."""

from __future__ import annotations

from dataclasses import replace

from tests.report.conftest import MISSING_TOOL, Traces, judged
from wsreplay.contract import loads
from wsreplay.contract.decoding import messages_of
from wsreplay.report import FileResult, render
from wsreplay.report.coverage import TypeCount, count_types, coverage_of
from wsreplay.store.reader import Recording
from wsreplay.validator.verdicts import required_types

TYPES = {
    (0, "chat"): TypeCount(2, 1),
    (1, "agent_started"): TypeCount(1, 2),
    (1, "ping"): TypeCount(9, 3),
    (1, "tool_error"): TypeCount(1, 5),
}


def test_one_of_several_that_stand_for_each_other_is_enough() -> None:
    coverage = coverage_of(judged(), TYPES, [])
    assert coverage.required == {
        "agent_started": 1, "agent_thinking": 0, "tool_executing": 0, "tool_error": 1, "agent_completed": 0,
    }  # fmt: skip
    assert (coverage.others, coverage.client) == ({"ping": 9}, {"chat": 2})
    assert not coverage.lacks("agent_thinking")  # nobody missed it


def test_what_a_finding_misses_stands_with_zero() -> None:
    coverage = coverage_of(judged(), {(1, "agent_started"): TypeCount(1, 2)}, [MISSING_TOOL])
    assert coverage.lacks("tool_completed")
    assert [head for head, _ in coverage.parts()] == ["event coverage"]


def test_what_a_product_calls_otherwise_stands_under_its_own_name() -> None:
    names = {"run.begin": "agent_started", "step.end": "tool_completed"}
    types = {(1, "run.begin"): TypeCount(3, 1), (1, "step.end"): TypeCount(2, 2), (1, "token"): TypeCount(9, 3)}
    coverage = coverage_of(judged(), types, [MISSING_TOOL], lambda name: names.get(name, name))
    assert coverage.required == {
        "run.begin": 3, "agent_thinking": 0, "tool_executing": 0, "step.end": 2, "agent_completed": 0,
    }  # fmt: skip
    assert coverage.others == {"token": 9}


def test_without_a_run_all_of_the_servers_stand_first() -> None:
    coverage = coverage_of(judged(required=()), TYPES, [MISSING_TOOL])
    assert coverage.required == {"tool_completed": 0, "agent_started": 1, "ping": 9, "tool_error": 1}
    assert coverage.others == {}


def test_the_page_shows_what_the_text_shows(traces: Traces) -> None:
    path = traces.write("a.db", [(100, {"type": "agent_started"}), (200, {"type": "user_message"}), (300, {"type": "ping"})])
    result = FileResult(str(path), judged(findings=(MISSING_TOOL,)))
    page = render("html", [result])
    assert [head for head in ("event coverage", "also came", "from the client") if f'aria-label="{head}"' in page] == [
        "event coverage", "also came", "from the client",
    ]  # fmt: skip
    assert "<li class=missing>tool_completed <b>0 ✗</b></li>" in page
    assert "tool_completed 0 ✗" in render("text", [result])


CONDITIONAL = """contract: c
keys: {run: $.id}
map: {events: {start: begin}, fields: {how: $.is.how}}
spans:
  run: {by: run, start: begin, end: {ok: {event: done, where: {$.how: ok}}, cancelled: {event: done, where: {$.how: stop}}}}
rules: [{id: end, existence: [{event: bye, where: {$.how: [ok, late]}}], severity: warning}]
"""


def test_an_event_with_a_condition_is_counted_where_it_fits(traces: Traces) -> None:
    contract = loads(CONDITIONAL)
    events = [{"type": "start"}, *({"type": "done", "is": {"how": how}} for how in ("ok", "stop", "ok")), {"type": "bye"}]
    path = traces.write("a.db", [(at, event) for at, event in enumerate(events)])
    missing = replace(MISSING_TOOL, expected=("bye (how ok or late)",))
    judgement = judged(required=required_types(contract), findings=(missing,))
    with Recording(path) as recording:
        counts = count_types(recording, messages_of(recording, contract), contract, judgement)
    coverage = coverage_of(judgement, counts[1], judgement.findings, contract.map.name_of)
    assert coverage.required == {"start": 1, "done (how ok)": 2, "bye (how ok or late)": 0}
    assert coverage.others == {"done": 1, "bye": 1}
    assert coverage.lacks("bye (how ok or late)")
    result = FileResult(str(path), judgement, contract=contract)
    assert "begin 1   done (how ok) 2" in render("text", [result]).replace("start", "begin")
    assert "<li>done (how ok) <b>2</b></li>" in render("html", [result])


def test_the_end_of_a_connection_is_no_event_that_may_lack() -> None:
    contract = loads("contract: c\nkeys: {run: $.id}\nspans: {run: {by: run, start: begin, end: {ok: [done, ws.close]}}}\n")
    assert required_types(contract) == (("begin",), ("done",))
