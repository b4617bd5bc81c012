"""Lost connections: back in time, late, never; and clients that go away by themselves."""

from __future__ import annotations

import pytest
from judged_traces import KEYS, Trace, chat, of, said

from wsreplay.contract import loads
from wsreplay.model import Ending
from wsreplay.validator import Judgement, Verdict

CONTRACT = loads("""
contract: x
spans: {run: {by: conn.session, start: begin, end: done, within: 5s}}
reconnect:
  in: run
  within: 3s
  left: [{event: ws.drop, where: {$.by: client}}, {event: ws.close, where: {$.by: client, $.code: [1001, 1005, null]}}]
  lost: [ws.drop, {event: ws.close, where: {$.code: [1011, 1012, 1013]}}]
""")
LOST = "the connection was dropped by the server during the run"


def lost_at(seconds: float = 1) -> Trace:
    return Trace().open().s2c("begin").at(seconds).drop()


def judge(trace: Trace) -> Judgement:
    return trace.judge(CONTRACT)


def test_back_in_time_is_a_warning_at_the_place_of_the_loss() -> None:
    judgement = judge(lost_at().at(3).open(2).s2c("done", 2).close(2))
    assert said(judgement) == [f"reconnect: {LOST}; the client reconnected after 2s"]
    assert judgement.verdict is Verdict.SATISFIED
    assert (judgement.findings[0].after, judgement.findings[0].before) == (1, 2)


def test_the_frame_that_began_the_end_is_the_witness_else_the_last_before_it() -> None:
    for trace, frames in [(lost_at(), (1,)), (Trace().open().s2c("begin").raw(b"\x03\xf3", opcode=8).lose(code=1011), (2,))]:
        (back,) = judge(trace.at(3).open(2).s2c("done", 2).close(2)).findings
        assert (back.kind, back.frames) == ("cut", frames)
    for late in (lost_at().at(9).open(2).s2c("done", 2).close(2), lost_at().at(60).open(2, "u2").close(2)):
        findings = [finding for finding in judge(late).findings if finding.rule == "reconnect"]
        assert [finding.frames for finding in findings] == [(1,)]


def test_late_is_one_finding_and_the_run_goes_on() -> None:
    judgement = judge(lost_at().at(4.5).open(2).s2c("done", 2).close(2))
    (finding,) = judgement.findings
    assert (finding.kind, finding.expected, finding.late_by) == ("late", ("ws.open",), 500_000_000)
    assert (finding.is_late_open, finding.at_ns, finding.before) == (True, 4_500_000_000, 2)
    assert judgement.run_counts == {"completed": 1}


@pytest.mark.parametrize(("within", "is_folded"), [("2s", True), ("500ms", False)])
def test_what_was_due_while_the_connection_was_lost_follows_from_its_late_return(within: str, is_folded: bool) -> None:
    text = f"""
contract: x
spans:
  run: {{by: conn.session, start: begin, end: done}}
  look: {{by: conn.session, start: see, end: seen, within: {within}}}
reconnect: {{in: run, within: 3s, lost: ws.drop}}
"""
    trace = Trace().open().s2c("begin").s2c("see").at(1).drop().at(4.5).open(2).s2c("seen", 2).s2c("done", 2).close(2)
    judgement = trace.judge(loads(text))
    assert [finding.caused_by for finding in of(judgement, "look")] == ["1.reconnect.1" if is_folded else None]
    assert [finding.kind for finding in judgement.findings] == ["late", "late"]


def test_never_is_one_finding_and_explains_what_is_owed() -> None:
    judgement = judge(lost_at().at(40).open(2, user="somebody else").close(2))
    (cause, effect) = judgement.findings
    assert said(judgement)[0].startswith("reconnect: the client did not reconnect within 3s")
    assert (effect.rule, effect.caused_by) == ("run", cause.id)


@pytest.mark.parametrize(("code", "is_lost"), [(1011, True), (1012, True), (1013, True), (1000, False), (4000, False)])
def test_a_close_is_a_loss_by_its_code(code: int, is_lost: bool) -> None:
    trace = Trace().open().s2c("begin").at(1).close(code=code, by="server").at(2).open(2)
    rules = {finding.rule for finding in judge(trace.s2c("done", 2).close(2)).findings}
    assert ("reconnect" in rules) is is_lost


def test_a_drop_outside_of_a_run_is_made_up_for_without_a_word_and_missed_all_the_same() -> None:
    assert said(judge(Trace().open().at(1).drop().at(2).open(2).close(2))) == []
    assert len(said(judge(Trace().open().at(1).drop().at(9).open(2).close(2)))) == 1
    assert said(judge(Trace().open().at(1).close(code=1011, by="server").at(9).open(2).close(2))) == []


@pytest.mark.parametrize(
    ("code", "ending"), [(1001, Ending.CLEAN), (1005, Ending.CLEAN), (0, Ending.DROPPED)], ids=["1001", "1005", "drop"]
)
def test_a_client_that_goes_away_is_owed_nothing_more(code: int, ending: Ending) -> None:
    judgement = judge(Trace().open().s2c("begin").at(1).close(code=code, ending=ending).at(60).open(2, user="else").close(2))
    (finding,) = judgement.findings
    assert (finding.kind, finding.severity, finding.message.split(";")[0]) == (
        "cut", "warning", "the client left before it ended for session 1",
    )  # fmt: skip
    assert judgement.run_counts == {"cut": 1}


def test_bounds_stand_still_while_the_client_is_away() -> None:
    away = Trace().open().s2c("begin").at(1).close(code=1001).at(20).open(2)
    assert said(judge(away.at(24).s2c("done", 2).close(2))) == []
    away = Trace().open().s2c("begin").at(1).close(code=1001).at(20).open(2)
    assert said(judge(away.at(26).s2c("done", 2).close(2))) == ["run: done came 1s too late for session 1"]


def test_the_end_of_the_recording_decides_nothing() -> None:
    judgement = judge(lost_at().at(2).open(2, user="somebody else").truncate())
    assert [finding.rule for finding in judgement.findings] == ["run"]
    (rule,) = [rule for rule in judgement.rules if rule.id == "reconnect"]
    assert rule.verdict is Verdict.INCONCLUSIVE


def test_what_follows_from_what_follows_is_folded_under_the_first() -> None:
    """The tool and what the run lacks follow from the run's end, which follows from the connection that nobody came back to."""
    trace = chat().s2c("agent_started", **KEYS).s2c("tool_executing", tool_call_id="c1", tool_name="search", **KEYS)
    findings = trace.at(1).drop().at(60).open(2, user="else").close(2).judge().findings
    assert {finding.rule: finding.caused_by for finding in findings} == {
        "reconnect": None, "tool": "1.reconnect.1", "run": "1.reconnect.1", "worked": "1.reconnect.1",
        "think-before-tools": None, "started-and-thought": "1.reconnect.1",
    }  # fmt: skip


def test_a_tool_that_is_cut_with_its_run_is_broken_as_a_result() -> None:
    trace = chat().run(tools=(), run="r0").s2c("agent_started", **KEYS).s2c("agent_thinking", **KEYS)
    judgement = trace.s2c("tool_executing", tool_call_id="c1", tool_name="search", **KEYS).at(1).close(code=1000).judge()
    tool = of(judgement, "tool")[0]
    assert (tool.kind, tool.caused_by) == ("missing", of(judgement, "run")[0].id)
    assert judgement.followers()["tool"] == ("run",)


@pytest.mark.parametrize(("after", "rules"), [("loss", ["run", "run"]), ("any", [])])
def test_a_client_that_closes_properly_may_resume_its_run(after: str, rules: list[str]) -> None:
    contract = loads(f"""
contract: x
session: {{resume_after: {after}}}
spans: {{run: {{by: conn.session, start: begin, body: part, end: done, within: 5s}}}}
reconnect: {{in: run, within: 3s, lost: ws.drop, left: {{event: ws.close, where: {{$.by: client}}}}}}
""")
    trace = Trace().open().s2c("begin").at(1).close(code=1000).at(2).open(2).s2c("part", 2).s2c("done", 2).close(2)
    assert [finding.rule for finding in trace.judge(contract).findings] == rules


def test_a_client_that_closes_properly_and_stays_away_has_cut_its_run() -> None:
    contract = loads("""
contract: x
session: {resume_after: any}
spans: {run: {by: conn.session, start: begin, end: done}}
""")
    trace = Trace().open().s2c("begin").at(1).close(code=1000).at(60).open(2, user="else").close(2)
    (finding,) = trace.judge(contract).findings
    assert (finding.rule, finding.kind) == ("run", "missing")
