"""Two events that changed places, and one that is missing, are one finding each, wherever they stand and whatever is nested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from judged_traces import Trace, loaded, said

from wsreplay.contract import loads
from wsreplay.validator import Finding, Judgement, Severity, SpanLog

NESTED = """
contract: jobs
keys: {job: [$.job, conn.id], call: [$.call, job]}
spans:
  job: {by: job, start: job.begin, end: {ok: job.end, failed: job.failed}, body: job.step}
  call: {by: [job, call], inside: job, start: call.begin, end: call.end}
  query: {by: [job, call], inside: call, start: query.begin, end: query.end}
rules:
  - {id: has-all, existence: [call.begin, call.end, job.step], in: job}
"""
JOB = ("job.begin", "job.step", "call.begin", "call.end", "job.end")
BARE_JOB = ("job.begin", "call.begin", "query.begin", "query.end", "call.end", "job.step", "job.end")
RUN = ("agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed")
CHATS = {
    "one tool": RUN,
    "with a report": (*RUN[:4], "partial_result", "agent_completed", "final_report"),
    "a tool that fails": (*RUN[:3], "tool_error", "agent_fallback", "agent_completed"),
    "one tool after the other": (*RUN[:4], "tool_executing c2", "tool_completed c2", "agent_completed"),
    "two tools at once": (*RUN[:3], "tool_executing c2", "tool_completed", "tool_completed c2", "agent_completed"),
    "an agent of an agent": (*RUN[:4], *(f"{type_} c3 r9" for type_ in RUN), "agent_completed"),
    "a run that fails": (*RUN[:2], "agent_fallback", "error_event"),
}
PLACES = ("first", "later", "beside another")


def send(trace: Trace, event: str, run: str, has_ids: bool) -> None:
    type_, call, inner = (*event.split(), *("", "c1", "")[len(event.split()) :])
    ids = {"job": run, "run_id": run + inner}
    if inner and type_ == "agent_started":
        ids["parent_run_id"] = run
    if not type_.startswith(("job", "agent")):
        ids |= {"call": call, "tool_call_id": call}
    trace.s2c(type_, thread_id="t1", payload={"content": "x"}, **(ids if has_ids else {}))


def trace_of(healthy: Sequence[str], faulty: Sequence[str], place: str, has_ids: bool) -> Trace:
    trace = Trace().open().c2s("chat", thread_id="t1", message="Why?")
    if place == "later":
        for event in healthy:
            send(trace, event, "r0", has_ids)
        trace.c2s("chat", thread_id="t1", message="And?")
    for index, event in enumerate(faulty):
        if place == "beside another" and index < len(healthy):
            send(trace, healthy[index], "r0", has_ids)
        send(trace, event, "r1", has_ids)
    for event in healthy[len(faulty) :] if place == "beside another" else ():
        send(trace, event, "r0", has_ids)
    return trace.at(trace.now + 1).close()


def swapped(run: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """A run in which two neighbours changed places, for each of them."""
    for index in range(len(run) - 1):
        yield (*run[:index], run[index + 1], run[index], *run[index + 2 :])


def errors(judgement: Judgement) -> list[Finding]:
    """The errors that nothing else causes."""
    return [finding for finding in judgement.findings if not finding.caused_by and finding.severity is Severity.ERROR]


def chat_swaps() -> Iterator[Any]:
    for name, run in CHATS.items():
        for has_ids in (True, False):
            for place in PLACES:
                if has_ids or (place != "beside another" and name != "an agent of an agent"):
                    yield pytest.param(run, place, has_ids, id=f"{name}, {place}, {'with' if has_ids else 'without'} ids")


@pytest.mark.parametrize(("run", "place", "has_ids"), list(chat_swaps()))
def test_neighbours_that_changed_places_in_a_chat_are_one_finding(run: Sequence[str], place: str, has_ids: bool) -> None:
    """None where both orders are right, as of two tools that are called at once."""
    for faulty in swapped(run):
        found = errors(trace_of(run, faulty, place, has_ids).judge())
        assert len(found) <= 1, (faulty, found)
        assert not any("never came" in finding.message for finding in found), faulty


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("has_ids", [True, False])
@pytest.mark.parametrize("job", [JOB, BARE_JOB])
def test_neighbours_that_changed_places_in_nested_spans_are_one_finding(
    job: Sequence[str], has_ids: bool, place: str
) -> None:
    if place == "beside another" and not has_ids:
        return
    for faulty in swapped(job):
        found = errors(trace_of(job, faulty, place, has_ids).judge(loads(NESTED)))
        assert len(found) <= 1, (faulty, found)
        assert not any("never came" in finding.message for finding in found), faulty


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("has_ids", [True, False])
def test_a_part_that_begins_before_the_whole_is_out_of_order(has_ids: bool, place: str) -> None:
    if place == "beside another" and not has_ids:
        return
    faulty = ("call.begin", "job.begin", "query.begin", "query.end", "call.end", "job.step", "job.end")
    judgement = trace_of(BARE_JOB, faulty, place, has_ids).judge(loads(NESTED), span_log=SpanLog())
    (finding,) = errors(judgement)
    assert finding.message.startswith("call.begin came before job.begin for call "), finding
    assert (finding.kind, finding.rule, len(finding.frames)) == ("order", "call", 2)
    assert [record.state for record in judgement.spans] == ["completed"] * (3 if place == "first" else 6)
    calls = [record for record in judgement.spans if record.span == "call"]
    assert all(record.parent is not None for record in calls)


@pytest.mark.parametrize("place", ["first", "beside another"])
def test_a_start_that_never_came_explains_what_was_outside(place: str) -> None:
    judgement = trace_of(BARE_JOB, BARE_JOB[1:], place, True).judge(loads(NESTED))
    (finding,) = errors(judgement)
    first = min(finding.frames)
    assert (finding.kind, finding.expected, finding.before) == ("missing", ("job.begin",), first), finding
    assert finding.message == "job.begin never came for job r1; call.begin came without it"


def test_a_start_that_never_came_stands_before_the_first_message_of_all() -> None:
    trace = Trace().open().s2c("call.begin", job=1, call=1).s2c("call.end", job=1, call=1).s2c("job.step", job=1)
    (finding,) = errors(trace.s2c("job.end", job=1).close().judge(loads(NESTED)))
    assert (finding.expected, finding.after, finding.before) == (("job.begin",), None, min(finding.frames))


def test_a_part_without_a_whole_is_outside_once() -> None:
    trace = Trace().open().s2c("call.begin", job=1, call=1).s2c("query.begin", job=1, call=1)
    trace.s2c("query.end", job=1, call=1).s2c("call.end", job=1, call=1)
    assert said(trace.close().judge(loads(NESTED))) == ["call: call.begin came outside of a job for call 1 in job 1"]


def test_what_a_part_owes_that_began_too_early_is_owed_all_the_same() -> None:
    trace = Trace().open().s2c("call.begin", job=1, call=1).s2c("job.begin", job=1).s2c("job.step", job=1).s2c("job.end", job=1)
    assert said(trace.close().judge(loads(NESTED))) == [
        "call: call.begin came before job.begin for call 1 in job 1",
        "call: call.end never came for call 1 in job 1",
    ]


def test_what_came_before_a_question_is_no_part_of_its_answer() -> None:
    trace = trace_of(RUN, RUN, "first", True)
    judgement = trace.judge(loaded("agent-chat"))
    assert not errors(judgement)
    late = Trace().open().c2s("chat", thread_id="t1").run(run=None).s2c("agent_thinking", thread_id="t1")
    late.c2s("chat", thread_id="t1").s2c("agent_started", thread_id="t1")
    for type_ in RUN[2:]:
        late.s2c(type_, thread_id="t1", tool_name="search")
    kinds = [(finding.kind, finding.expected) for finding in errors(late.close().judge())]
    assert kinds == [("unexpected", ()), ("missing", ("agent_thinking",))]
