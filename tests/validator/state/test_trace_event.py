"""Who ended a connection, and which frame began that: the first close frame, whatever came back; the same for all rules."""

from __future__ import annotations

import struct

import pytest
from judged_traces import KEYS, Trace, chat, of

from wsreplay.contract import loads

BACK = "; the client reconnected, but the run did not go on"


def closing(trace: Trace, *frames: tuple[int, int], connection: int = 1) -> Trace:
    """Close frames come: (direction, code)."""
    for direction, code in frames:
        trace.raw(struct.pack(">H", code), direction, connection, opcode=8)
    return trace


def ended(trace: Trace, ending: str) -> Trace:
    """The first connection ends so."""
    match ending:
        case "the server closes":
            return closing(trace, (1, 1011), (0, 1011)).close(code=1011, by="server")
        case "the client closes":
            return closing(trace, (0, 4000), (1, 4000)).close(code=4000, by="client")
        case "both close":  # at once: each has sent its own before it has the other's
            return closing(trace, (1, 1011), (0, 4001)).close(code=1011, by="server")
        case "no answer":
            return closing(trace, (1, 1011)).lose(code=1011, by="server")
        case "the server drops it":
            return trace.drop(by="server")
        case "the client drops it":
            return trace.drop(by="client")
    raise AssertionError(ending)


# how it ended, who did, and which frame after the five of `cut` began it: without one the last before it
ENDINGS = {
    "the server closes": ("closed by the server (1011)", "server", 6),
    "the client closes": ("closed by the client (4000)", "client", 6),
    "both close": ("closed by the server (1011)", "server", 6),
    "no answer": ("closed by the server (1011) without an answer", "server", 6),
    "the server drops it": ("dropped by the server", "server", 5),
    "the client drops it": ("dropped by the client", "client", 5),
}


def cut() -> Trace:
    """A run in which a tool works: frames 1 to 5."""
    trace = chat().s2c("agent_started", **KEYS).s2c("agent_thinking", **KEYS).s2c("partial_result", text="so", **KEYS)
    return trace.s2c("tool_executing", tool_call_id="c1", tool_name="search", **KEYS).at(1)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_run_that_was_cut_says_what_ended_its_connection(ending: str) -> None:
    judgement = ended(cut(), ending).at(60).open(2, user="another").close(2).judge()
    how = ENDINGS[ending][0]
    told = [finding.message for finding in judgement.findings if "the connection was" in finding.message]
    assert told
    assert all(f"; the connection was {how}" in message for message in told)
    assert judgement.spans[0].detail == f"the connection was {how}"


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("away", [0.5, 15], ids=["at once", "late"])
def test_so_it_does_where_the_same_user_connects_again_and_closes_that(ending: str, away: float) -> None:
    trace = ended(cut(), ending).at(1 + away).open(2).s2c("connection_ack", 2).at(20)
    judgement = closing(trace, (0, 1000), (1, 1000), connection=2).close(2).judge()
    how = ENDINGS[ending][0]
    (run,) = of(judgement, "run")
    assert run.message.endswith(f"; the connection was {how}{BACK}")
    assert not any("(1000)" in finding.message for finding in judgement.findings)
    assert judgement.spans[0].detail == f"the connection was {how}{BACK}"


RULES = {
    "absence": "absence: [ws.close, ws.drop]",
    "existence": "existence: [[tool_executing, ws.close, ws.drop]], max: 1",
    "not_co_existence": "not_co_existence: [tool_executing, [ws.close, ws.drop]]",
    "precedence": "precedence: [never, [ws.close, ws.drop]]",
    "chained precedence": "mode: chain, precedence: [never, [ws.close, ws.drop]]",
    "late response": "within: 500ms, response: [tool_executing, [ws.close, ws.drop]]",
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_shows_the_frame_that_began_it(rule: str, ending: str) -> None:
    (finding,) = ended(cut(), ending).judge(loads(f"contract: x\nrules: [{{id: r, {RULES[rule]}}}]")).findings
    how, who, frame = ENDINGS[ending]
    assert finding.frames[-1] == frame
    assert rule == "late response" or finding.blame == who
    assert rule == "not_co_existence" or f"{finding.seen} {how.partition(' ')[2]}" in finding.message


def test_a_ping_has_its_own_frame() -> None:
    contract = loads("contract: x\nrules: [{id: r, absence: ws.ping}]")
    (finding,) = of(Trace().open().s2c("a").raw(b"", opcode=9).close().judge(contract), "r")
    assert (finding.frames, finding.message) == ((2,), "ws.ping must not come")


def test_a_close_that_nobody_has_recorded_is_shown_by_the_last_frame() -> None:
    """As in what other programs export: who closed is known, and no close frame."""
    contract = loads("contract: x\nrules: [{id: r, absence: ws.close}]")
    (finding,) = of(Trace().open().s2c("a").close(code=1011, by="server").judge(contract), "r")
    assert (finding.frames, finding.activation) == ((1,), None)


def test_a_lost_connection_is_shown_by_the_close_frame_too() -> None:
    trace = ended(cut(), "the server closes").at(2).open(2).s2c("agent_completed", 2, **KEYS).close(2)
    (finding,) = of(trace.judge(), "reconnect")
    assert (finding.kind, finding.activation, finding.after) == ("cut", 6, 7)
