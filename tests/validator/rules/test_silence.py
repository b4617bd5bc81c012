"""How long a span may go on without an event."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from judged_traces import KEYS, Trace, chat, said

from wsreplay.contract import loads
from wsreplay.validator import Finding

CONTRACT = loads("""
contract: x
keys: {run: $.run, tool: $.tool}
spans:
  run: {by: run, parent: $.above, start: begin, body: [word, call, back], end: done}
  tool: {by: [run, tool], inside: run, start: call, end: back}
waits: {from: ask, until: "c2s:answer"}
silence: {in: run, max: 10s, severity: warning}
""")


def begun() -> Trace:
    return Trace().open().s2c("begin", run="a")


def test_a_silence_is_told_by_the_event_that_ends_it() -> None:
    judgement = begun().s2c("word", run="a").at(12).s2c("word", run="a").s2c("done", run="a").close().judge(CONTRACT)
    assert said(judgement) == ["silence: 11.99s passed without an event for run a, at most 10s allowed"]
    (finding,) = judgement.findings
    assert (finding.after, finding.before, finding.severity, finding.blame) == (2, 3, "warning", "server")


def test_its_witnesses_are_the_events_on_both_sides_of_it_whatever_came_between() -> None:
    trace = begun().s2c("word", run="a").at(11).s2c("heartbeat").at(12).s2c("word", run="a").s2c("done", run="a").close()
    (finding,) = trace.judge(CONTRACT).findings
    assert (finding.frames, finding.activation, finding.before) == ((2, 4), 2, 4)


def test_ten_seconds_are_allowed() -> None:
    trace = begun().at(10).s2c("word", run="a").at(20).s2c("done", run="a").close()
    assert said(trace.judge(CONTRACT)) == []


def test_while_a_tool_works_it_is_not_silent() -> None:
    trace = begun().s2c("call", run="a", tool="t").at(30).s2c("back", run="a", tool="t").s2c("done", run="a").close()
    assert said(trace.judge(CONTRACT)) == []


def test_what_a_sub_agent_says_counts_for_whom_it_works_for() -> None:
    trace = begun().s2c("begin", run="b", above="a").at(8).s2c("done", run="b").at(16).s2c("done", run="a").close()
    assert said(trace.judge(CONTRACT)) == []


def test_what_another_run_says_does_not() -> None:
    trace = begun().s2c("begin", run="b").at(8).s2c("done", run="b").at(16).s2c("done", run="a").close()
    assert said(trace.judge(CONTRACT)) == ["silence: 16s passed without an event for run a, at most 10s allowed"]


def test_while_the_server_waits_for_its_client_it_is_not_silent() -> None:
    trace = begun().s2c("ask").at(30).c2s("answer").at(38).s2c("done", run="a").close()
    assert said(trace.judge(CONTRACT)) == []


def test_what_the_client_says_is_no_event_of_the_run() -> None:
    trace = begun().at(8).c2s("word", run="a").at(16).s2c("done", run="a").close()
    assert said(trace.judge(CONTRACT)) == ["silence: 16s passed without an event for run a, at most 10s allowed"]


def test_a_lost_connection_is_told_by_another_rule() -> None:
    trace = begun().at(2).drop().at(14).open(2).s2c("done", 2, run="a").close(2)
    assert said(trace.judge(CONTRACT)) == []


STEP = st.tuples(st.sampled_from([0.5, 4, 9, 11]), st.sampled_from(["a", "b"]), st.sampled_from(["word", "call", "back"]))


@given(st.lists(STEP, max_size=12))
def test_what_is_silent_is_what_a_reader_would_count(steps: list[tuple[float, str, str]]) -> None:
    """Against a count by hand: of each run the gaps between neighbours, but for those in which its tool works."""
    trace = Trace().open().s2c("begin", run="a").s2c("begin", run="b")
    heard, works, silent = {"a": 0.0, "b": 0.01}, {"a": False, "b": False}, dict.fromkeys("ab", 0)
    for gap, run, kind in steps:
        if (kind == "call" and works[run]) or (kind == "back" and not works[run]):
            kind = "word"
        now = round(trace.now + gap, 9)
        silent[run] += now - heard[run] > 10 and not works[run]
        trace.at(now).s2c(kind, run=run, **({} if kind == "word" else {"tool": "t"}))
        heard[run], works[run] = now, kind == "call" or (works[run] and kind == "word")
    judgement = trace.truncate().judge(CONTRACT)
    assert len([finding for finding in judgement.findings if finding.rule == "silence"]) == sum(silent.values())


def test_a_silence_of_a_run_that_is_late_follows_from_that() -> None:
    contract = loads(CONTRACT.source.replace("end: done}", "end: done, within: 30s}", 1))
    late, silence = begun().at(35).s2c("done", run="a").close().judge(contract).findings
    assert (late.rule, late.kind, late.caused_by) == ("run", "late", None)
    assert (silence.rule, silence.caused_by) == ("silence", late.id)


def test_a_slow_answer_follows_from_the_silence_in_it() -> None:
    def findings(pause: float, rest: float) -> list[Finding]:
        trace = chat().s2c("agent_started", **KEYS).s2c("agent_thinking", **KEYS)
        trace.at(pause).s2c("partial_result", text="x", **KEYS)
        for step in range(1, 5):
            trace.at(pause + rest * step / 4).s2c("partial_result", text="x", **KEYS)
        return [finding for finding in trace.s2c("agent_completed", **KEYS).close().judge().findings if finding.kind == "late"]

    slow, silence = sorted(findings(12, 4), key=lambda finding: finding.rule)
    assert (slow.rule, slow.caused_by) == ("first-event", silence.id)
    slow, silence = sorted(findings(12, 12), key=lambda finding: finding.rule)
    assert (slow.caused_by, silence.caused_by) == (None, None)
