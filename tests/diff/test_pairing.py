"""Which session of one recording is compared with which of another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from wsreplay.contract.model import Contract
from wsreplay.diff import report
from wsreplay.diff.diff import Diff, DiffOptions, diff
from wsreplay.diff.pairing import pairing_text
from wsreplay.store.reader import Recording

Chat = tuple[str | None, str, str]  # user, thread, what the user asks; a question that begins with ! goes wrong
Paired = list[tuple[int | None, int | None, tuple[str, ...]]]


def told(user: str | None, thread: str, question: str, number: int) -> list[tuple[int, str, dict[str, Any]]]:
    """The messages of a session; ids of runs are numbered."""
    ids = {"thread_id": thread, "run_id": f"run-{number}"} if thread else {}
    text = question.strip("!")
    asked = [{"type": "chat", "text": text, **({"thread_id": thread} if thread else {})}] if text else []
    kinds = ["agent_started", *(["agent_thinking"] if "!" not in question else []), "agent_completed"]
    said = [("c2s", message) for message in asked] + [("s2c", {"type": kind, **ids}) for kind in kinds]
    return [(10 * place, way, message) for place, (way, message) in enumerate(said)]


@pytest.fixture
def compare(write: Callable[..., Path], contract: Contract) -> Callable[..., Diff]:
    def compare(a: list[Chat], b: list[Chat], **named: int) -> Diff:
        made = []
        for name, chats in (("a.db", a), ("b.db", b)):
            facts = [{"user": user, "path": f"/ws?n={number}"} for number, (user, _, _) in enumerate(chats)]
            made.append(write(name, *(told(*chat, number) for number, chat in enumerate(chats)), facts=facts))
        with Recording.open(made[0]) as left, Recording.open(made[1]) as right:
            return diff(left, right, contract, DiffOptions(findings=False), **named)

    return compare


def paired(found: Diff) -> Paired:
    return [(pair.a and pair.a.id, pair.b and pair.b.id, pair.paired_by) for pair in found.sessions]


@pytest.mark.parametrize(("a", "b", "expected"), [
    # each chat is in both, in another order, and bob's went wrong as alice's had
    ([("alice", "t1", "!one"), ("bob", "t2", "two")], [("bob", "t2", "!two"), ("alice", "t1", "one")],
     [(1, 2, ("user", "thread")), (2, 1, ("user", "thread"))]),
    # a user's threads, the first of which is gone
    ([("alice", "t1", "one"), ("alice", "t2", "two")], [("alice", "t2", "!two")], [(2, 1, ("user", "thread")), (1, None, ())]),
    # threads of other names each time: by what was asked, though it went otherwise
    ([("alice", "x1", "one"), ("alice", "x2", "!two")], [("alice", "y1", "two"), ("alice", "y2", "!one")],
     [(1, 2, ("user", "client_messages")), (2, 1, ("user", "client_messages"))]),
    # of a user whose client says nothing, in order
    ([("alice", "", "!"), ("alice", "", "")], [("alice", "", ""), ("alice", "", "!")],
     [(1, 1, ("user", "order")), (2, 2, ("user", "order"))]),
    # and where there are more in one, by their types
    ([("alice", "", "")], [("alice", "", "!"), ("alice", "", "")], [(1, 2, ("user", "types")), (None, 1, ())]),
    # one thread that was opened twice in both: by what was asked
    ([(None, "t1", "one"), (None, "t1", "two")], [(None, "t1", "two"), (None, "t1", "one")],
     [(1, 2, ("thread", "client_messages")), (2, 1, ("thread", "client_messages"))]),
    # users of other names each time
    ([("u-1", "", "one"), ("u-2", "", "two")], [("v-1", "", "two"), ("v-2", "", "one")],
     [(1, 2, ("client_messages",)), (2, 1, ("client_messages",))]),
    # who is in both is not paired with somebody else
    ([("alice", "", "one"), ("alice", "", "one"), ("bob", "", "one")], [("bob", "", "one"), ("bob", "", "one")],
     [(3, 1, ("user", "client_messages")), (1, None, ()), (2, None, ()), (None, 2, ())]),
    # all that is left
    ([(None, "", "one")], [("carol", "", "!two")], [(1, 1, ("only",))]),
    ([(None, "", "one"), (None, "", "three")], [("carol", "", "!two"), ("dora", "", "!four")],
     [(1, 1, ("order",)), (2, 2, ("order",))]),
])  # fmt: skip
def test_the_surest_pairs_sessions(compare: Callable[..., Diff], a: list[Chat], b: list[Chat], expected: Paired) -> None:
    assert paired(compare(a, b)) == expected


def test_a_session_that_is_named_on_both_sides_is_paired_as_named(compare: Callable[..., Diff]) -> None:
    chats: list[Chat] = [("alice", "t1", "one"), ("bob", "t2", "two")]
    assert paired(compare(chats, chats, session_a=1, session_b=2)) == [(1, 2, ("named",))]
    assert paired(compare(chats, chats, session_b=2)) == [(2, 2, ("user", "thread")), (1, None, ())]


def test_the_report_says_how_sessions_were_paired_and_which_have_no_partner(compare: Callable[..., Diff]) -> None:
    found = compare([("alice", "t1", "one"), ("bo\x1b", "t2", "two"), ("alice", "t3", "more")], [("alice", "t1", "one")])
    lines = [line.strip() for line in report.text(found, "a.db", "b.db")]
    assert "paired by user and thread" in lines
    alone = [lines[number : number + 2] for number, line in enumerate(lines) if "only in" in line]
    assert alone == [
        ["── only in a: session 2 · bo␛ · /ws", "bo␛ is not in b"],
        ["── only in a: session 3 · alice · /ws", "alice has no session left in b"],
    ]
    document = orjson.loads(report.json(found, "a.db", "b.db"))
    assert [session["paired_by"] for session in document["sessions"]] == [["user", "thread"], [], []]


@pytest.mark.parametrize(("by", "text"), [
    (("user", "order"), "paired by user and order"), (("order",), "paired by their order only"),
    (("user", "thread", "types"), "paired by user, thread and the types of their messages"),
    (("only",), "paired as the only ones"),
])  # fmt: skip
def test_how_a_pair_was_made_is_told_in_words(by: tuple[str, ...], text: str) -> None:
    assert pairing_text(by) == text
