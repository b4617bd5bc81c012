"""What is planted for one user is shown to nobody else, wherever it stands."""

from __future__ import annotations

import pytest
from judged_traces import Trace, of, said

from wsreplay.contract import loads
from wsreplay.errors import ContractError
from wsreplay.trace.sessions import Resumption, stitch
from wsreplay.trace.stream import lifecycle
from wsreplay.validator import Engine

CONTRACT = loads("contract: x\nisolation: [{id: canary, canary: 'CANARY-[0-9a-f]+'}]\n")


def two() -> Trace:
    return Trace().open(1, "ann").open(2, "bob")


def test_what_one_says_reaches_nobody_else() -> None:
    trace = two().c2s("chat", 1, text="I am CANARY-1").c2s("chat", 2, text="I am CANARY-2")
    trace.s2c("answer", 1, deep={"list": ["you are CANARY-1"]}).s2c("answer", 2, text="you are CANARY-2")
    assert said(trace.close(1).close(2).judge(CONTRACT)) == []


def test_a_leak_is_one_finding_with_its_number_of_events() -> None:
    trace = two().c2s("chat", 1, text="I am CANARY-1")
    trace.s2c("answer", 2, deep={"list": ["CANARY-1"]}).s2c("more", 2, CANARY="CANARY-1").s2c("more", 2, text="CANARY-2")
    judgement = trace.close(1).close(2).judge(CONTRACT)
    assert said(judgement) == ["canary: CANARY-1 of user ann reached user bob: 2 events, answer first"]
    (finding,) = judgement.findings
    assert (finding.connection, finding.count, finding.frames, finding.kind) == (2, 2, (1, 2), "isolation")


def test_who_says_it_first_owns_it_also_where_it_was_shown_before() -> None:
    trace = two().s2c("answer", 2, text="CANARY-1").c2s("chat", 1, text="CANARY-1").s2c("answer", 1, text="CANARY-1")
    judgement = trace.close(1).close(2).judge(CONTRACT)
    assert said(judgement) == ["canary: CANARY-1 of user ann reached user bob: answer"]


def test_who_says_it_is_told_to_whoever_compares_parts() -> None:
    claims: list[tuple[object, ...]] = []
    trace = two().s2c("answer", 2, text="CANARY-1").c2s("chat", 1, text="CANARY-1").close(1).close(2)
    engine = Engine(CONTRACT)
    engine.judge_part(lambda *claim: claims.append(claim))
    engine.expect(lifecycle(trace.ending(), stitch(trace.ending(), Resumption(0))))
    engine.run([message.row() for message in trace.messages])
    assert ("canary", "CANARY-1", "ann") in claims


def test_several_tabs_of_a_user_are_that_users() -> None:
    trace = Trace().open(1, "ann").open(2, "ann").c2s("chat", 1, text="CANARY-1").s2c("answer", 2, text="CANARY-1")
    assert said(trace.close(1).close(2).judge(CONTRACT)) == []


def test_unknown_users_are_their_sessions() -> None:
    trace = Trace().open(1, None).open(2, None).c2s("chat", 1, text="CANARY-1").s2c("answer", 2, text="CANARY-1")
    (finding,) = of(trace.close(1).close(2).judge(CONTRACT), "canary")
    assert "of session 1 (user unknown) reached session 2 (user unknown)" in finding.message


def test_an_event_of_another_decoder_is_searched_too() -> None:
    text = "contract: x\nenvelope: {type: $.type, decoder: socket.io}\nisolation: [{id: canary, canary: 'CANARY-.'}]\n"
    contract = loads(text)
    trace = two()
    for connection, direction in ((1, 0), (2, 1)):
        trace.raw(b'42["say",{"text":"CANARY-1"}]', direction, connection)
    assert len(trace.close(1).close(2).judge(contract).findings) == 1


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("{id: c, canary: '('}", "not a regular expression"),
        ("{id: c, canary: 'x*'}", "the pattern matches an empty text"),
        ("{id: c, canary: x, shared: y}", "shared cannot be combined with canary"),
        ("{id: c, canary: x, bind: conn.id}", "`bind`, `confine` or `canary`"),
    ],
)
def test_a_mistake_is_said(text: str, mistake: str) -> None:
    with pytest.raises(ContractError, match=mistake):
        loads(f"contract: x\nisolation: [{text}]\n")


def test_no_pattern_takes_exponential_time() -> None:
    """Behind a match, Python's engine would try each of 2**20000 ways."""
    contract = loads("contract: x\nisolation: [{id: canary, canary: '(?:a|a)*b'}]\n")
    judgement = two().s2c("answer", 2, text="b" + "a" * 20_000).close(1).close(2).judge(contract)
    assert said(judgement) == []
