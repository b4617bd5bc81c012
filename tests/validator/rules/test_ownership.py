"""An owner is remembered after what the id names has ended: each kind of leak that comes then, and who may use the id again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from judged_traces import Trace

from wsreplay.contract import loads
from wsreplay.validator.rules import ownership

HEAD = "contract: x\nenvelope: {type: $.type}\nkeys: {chat: $.c, turn: $.r}\nknown: '*'\n"
TURNS = HEAD + "spans: {turn: {by: turn, start: s, body: a, end: e}}\nisolation: [{id: owner, bind: turn}]\n"
CHATS = HEAD + "spans: {turn: {by: [chat, turn], start: s, body: a, end: e}}\nisolation: [{id: owner, bind: [chat, turn]}]\n"


def users() -> Trace:
    return Trace().open(1, "ann").open(2, "bob")


def turn(trace: Trace, connection: int, r: str, **more: str) -> Trace:
    return trace.s2c("s", connection, r=r, **more).s2c("a", connection, r=r, **more).s2c("e", connection, r=r, **more)


def messages(trace: Trace, contract: str, inline: bool) -> list[str]:
    for connection in (1, 2):
        trace.close(connection)
    return [finding.message for finding in trace.judge(loads(contract), inline=inline).findings]


LEAK = "turn A of user ann reached user bob: "
CASES: dict[str, tuple[str, Callable[[], Trace], list[str]]] = {
    "an event that begins and ends nothing": (TURNS, lambda: turn(users(), 1, "A").s2c("x", 2, r="A"), [LEAK + "x"]),
    "a middle event": (TURNS, lambda: turn(users(), 1, "A").s2c("a", 2, r="A"), [LEAK + "a"]),
    "the end once more, to the other": (TURNS, lambda: turn(users(), 1, "A").s2c("e", 2, r="A"), [LEAK + "e"]),
    "the whole turn once more, to the other": (
        TURNS, lambda: turn(turn(users(), 1, "A"), 2, "A"), [LEAK + "3 events, s first"]),
    "the other has a turn": (
        TURNS, lambda: turn(users(), 1, "A").s2c("s", 2, r="B").s2c("x", 2, r="A").s2c("e", 2, r="B"), [LEAK + "x"]),
    "a minute later": (TURNS, lambda: turn(users(), 1, "A").at(60).s2c("x", 2, r="A"), [LEAK + "x"]),
    "the owner's client had named it": (
        TURNS, lambda: turn(users().c2s("q", 1, r="A"), 1, "A").s2c("x", 2, r="A"), [LEAK + "x"]),
    "a leak during the turn and one after it": (
        TURNS, lambda: users().s2c("s", 1, r="A").s2c("x", 2, r="A").s2c("e", 1, r="A").s2c("x", 2, r="A"),
        [LEAK + "2 events, x first"]),
    "without the chat": (
        CHATS, lambda: turn(users().c2s("q", 1, c="c1"), 1, "A", c="c1").s2c("x", 2, r="A"), [LEAK + "x"]),
    "its owner hears of it again": (TURNS, lambda: turn(users(), 1, "A").s2c("x", 1, r="A"), []),
    "its owner's next turn has the same id, and leaks": (
        TURNS, lambda: turn(turn(users(), 1, "A"), 1, "A").s2c("x", 2, r="A"), [LEAK + "x"]),
    "the other's client names the id for a turn of its own": (
        TURNS, lambda: turn(turn(users().c2s("q", 1, r="A"), 1, "A").c2s("q", 2, r="A"), 2, "A"), []),
    "the turns of each chat are counted": (
        CHATS, lambda: turn(turn(users().c2s("q", 1, c="c1").c2s("q", 2, c="c2"), 1, "1", c="c1"), 2, "1", c="c2"), []),
}  # fmt: skip


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize(("contract", "make", "expected"), CASES.values(), ids=CASES)
def test_after_the_end(contract: str, make: Callable[[], Trace], expected: list[str], inline: bool):
    assert messages(make(), contract, inline) == expected


@pytest.mark.parametrize(("later", "expected"), [(3, [LEAK + "x"]), (8, [])])
def test_the_last_that_ended_are_remembered_and_the_others_counted(
    later: int, expected: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ownership, "KEEP_ENDED_IDS", 4)
    trace = turn(users(), 1, "A")
    for number in range(later):
        turn(trace, 1, f"r{number}")
    judgement = trace.s2c("x", 2, r="A").close(1).close(2).judge(loads(TURNS))
    assert [finding.message for finding in judgement.findings] == expected
    assert judgement.forgotten.get("bindings", 0) == (0 if expected else 4)
