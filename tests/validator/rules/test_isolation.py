"""What a careful tester says of whose is what: who is blamed, once, and what honest products do. Each case with its reason."""

from __future__ import annotations

import pytest
from judged_traces import Trace

from wsreplay.contract import Contract, loads

TEXT = """
contract: x
envelope: {type: $.type, seq: $.seq, id: $.id}
keys: {thread: [$.t, conn.id], run: [$.r, thread], owner: $.u}
known: "*"
unknown: error
spans: {run: {by: [thread, run], start: s, body: a, end: e}}
sequence: {field: envelope.seq}
unique: {field: envelope.id}
isolation:
  - {id: belongs, bind: [thread, run], shared: "team-*"}
  - {id: own, confine: owner}
"""
CONTRACT = loads(TEXT)


def two(first: str | None = "alice", second: str | None = "bob", path: str = "/ws", other: str = "/ws") -> Trace:
    return Trace().open(1, first, path).open(2, second, other)


def ended(trace: Trace) -> Trace:
    for connection, info in list(trace.connections.items()):
        if info.closed_ns is None:
            trace.close(connection)
    return trace


def said_of(trace: Trace, inline: bool = True, contract: Contract = CONTRACT) -> list[tuple[str, int | None, int, str]]:
    """Severity, connection, number of events and words of all findings."""
    findings = (finding for finding in ended(trace).judge(contract, inline=inline).findings if finding.rule != "run")
    return [(finding.severity, finding.connection, finding.count, finding.message) for finding in findings]


def asked(trace: Trace, connection: int = 1, thread: str = "t1") -> Trace:
    return trace.c2s("q", connection, t=thread)


def run(trace: Trace, connection: int = 1, thread: str = "t1", run: str | None = None, **more: object) -> Trace:
    keys = {"t": thread, **({"r": run} if run is not None else {}), **more}
    return trace.s2c("s", connection, **keys).s2c("a", connection, **keys).s2c("e", connection, **keys)


CASES = {
    "each is shown what it asked for": (
        lambda: run(run(asked(asked(two()), 2, "t2"), 1, "t1"), 2, "t2"), []),
    "one event of a thread goes astray": (
        lambda: asked(two()).s2c("s", 1, t="t1", r="r1").s2c("a", 2, t="t1", r="r1").s2c("e", 1, t="t1", r="r1"),
        [("error", 2, 1, "thread t1 of user alice reached user bob: a")]),
    "a broadcast reaches the other first: who asked owns the thread, and the run is not said again": (
        lambda: run(run(asked(two()), 2, "t1", "r1"), 1, "t1", "r1"),
        [("error", 2, 3, "thread t1 of user alice reached user bob: 3 events, s first")]),
    "a run without its thread goes astray": (
        lambda: asked(two()).s2c("s", 1, t="t1", r="r1").s2c("x", 1, r="r1").s2c("x", 2, r="r1").s2c("e", 1, t="t1", r="r1"),
        [("error", 2, 1, "run r1 of user alice reached user bob: x")]),
    "a run of a thread is its owner's, though the other is shown it first": (
        lambda: asked(asked(two()), 2, "t2").s2c("s", 2, t="t1", r="r1").s2c("a", 1, t="t1", r="r1"),
        [("error", 2, 1, "thread t1 of user alice reached user bob: s")]),
    "two threads leak to one connection: one finding each": (
        lambda: asked(asked(two()), 1, "t9").s2c("a", 2, t="t1").s2c("a", 2, t="t9").s2c("x", 2, t="t1"),
        [("error", 2, 2, "thread t1 of user alice reached user bob: 2 events, a first"),
         ("error", 2, 1, "thread t9 of user alice reached user bob: a")]),
    "one thread leaks to two connections: one finding each": (
        lambda: asked(two().open(3, "carol")).s2c("a", 2, t="t1").s2c("a", 3, t="t1"),
        [("error", 2, 1, "thread t1 of user alice reached user bob: a"),
         ("error", 3, 1, "thread t1 of user alice reached user carol: a")]),
    "nobody asked: the thread is whose it was shown to first": (
        lambda: run(two(), 1, "t1").s2c("a", 2, t="t1"),
        [("error", 2, 1, "thread t1 of user alice reached user bob: a")]),
    "an agent that speaks first leaks nothing": (lambda: run(two(), 1, "t1"), []),
    "shown to the other, and then named by its client: that was a leak, told with its number": (
        lambda: two().s2c("s", 2, t="t1").s2c("a", 2, t="t1").c2s("q", 1, t="t1").s2c("a", 1, t="t1"),
        [("error", 2, 2, "thread t1 of user alice reached user bob: 2 events, s first")]),
    "several tabs of one user are one": (lambda: run(run(asked(two("alice", "alice")), 1, "t1"), 2, "t1"), []),
    "two users ask in one thread: a warning, and each is shown it": (
        lambda: run(run(asked(asked(two()), 2), 1, "t1", "r1"), 2, "t1", "r2"),
        [("warning", 2, 1, "user alice and user bob both ask in thread t1: taken for two ids that happen to be equal; "
          "list ids that users share under `shared`")]),
    "colleagues share a thread by name, also what each of them wrote": (
        lambda: asked(asked(two(), 1, "team-7"), 2, "team-7").s2c("x", 1, t="team-7", u="bob")
        .s2c("x", 2, t="team-7", u="alice"),
        []),
    "a URL names the thread: its owner is whose URL it is, though the other is shown it first": (
        lambda: two(path="/ws/t1", other="/ws?thread=t2").s2c("a", 2, t="t1").s2c("a", 1, t="t1").s2c("a", 2, t="t2"),
        [("error", 2, 1, "thread t1 of user alice reached user bob: a")]),
    "two URLs name one thread: a warning": (
        lambda: two(path="/ws/t1", other="/ws/t1").s2c("x", 1, t="t1").s2c("x", 2, t="t1"),
        [("warning", 2, 1, "user alice and user bob both ask in thread t1: taken for two ids that happen to be equal; "
          "list ids that users share under `shared`")]),
    "unknown users: a thread that one session asked for is shown to another": (
        lambda: run(asked(asked(two(None, None)), 2, "t2")).s2c("x", 2, t="t1"),
        [("error", 2, 1, "thread t1 of session 1 (user unknown) reached session 2 (user unknown): x")]),
    "an unknown user comes again and is shown the thread: it may be the same": (
        lambda: asked(Trace().open(1, None)).s2c("s", t="t1").drop().at(1).open(2, None).s2c("e", 2, t="t1"), []),
    "a known user and an unknown session are two": (
        lambda: run(asked(two("alice", None))).s2c("x", 2, t="t1"),
        [("error", 2, 1, "thread t1 of user alice reached session 2 (user unknown): x")]),
    "an event that names another user, and no thread": (
        lambda: two().s2c("x", 2, u="alice").s2c("x", 2, u="alice"),
        [("error", 2, 2, "an event for owner alice reached user bob: 2 events, x first")]),
    "an event that names another user tells whose its thread is, though it is shown to the wrong one first": (
        lambda: run(run(two(), 2, "t1", u="alice"), 1, "t1", u="alice"),
        [("error", 2, 3, "thread t1 of user alice reached user bob: 3 events, s first")]),
    "what is leaked is judged by nothing else, but its number counts": (
        lambda: asked(asked(two()), 2, "t2").s2c("s", 1, t="t1", id="m").s2c("s", 2, t="t2", seq=1, id="n")
        .s2c("e", 2, t="t1", seq=2, id="n").s2c("e", 2, t="t2", seq=3, id="o").s2c("e", 1, t="t1"),
        [("error", 2, 1, "thread t1 of user alice reached user bob: e")]),
    "a leak that trails the run's end is a leak, too": (
        lambda: asked(two()).s2c("s", 1, t="t1").s2c("s", 2, t="t1").s2c("e", 1, t="t1").s2c("e", 2, t="t1"),
        [("error", 2, 2, "thread t1 of user alice reached user bob: 2 events, s first")]),
    "the same after a reconnect of the owner": (
        lambda: asked(two()).s2c("s", 1, t="t1").drop(1).at(1).open(3, "alice").s2c("e", 3, t="t1").s2c("x", 2, t="t1"),
        [("error", 2, 1, "thread t1 of user alice reached user bob: x")]),
    "a client that names another's thread is shown it: naming is asking, where nothing says what asks": (
        lambda: run(asked(two())).c2s("q", 2, t="t1").s2c("x", 2, t="t1"),
        [("warning", 2, 1, "user alice and user bob both ask in thread t1: taken for two ids that happen to be equal; "
          "list ids that users share under `shared`")]),
}  # fmt: skip


# Where the contract says what asks, other messages that name a thread are no asking.
ASKING = loads(TEXT + "questions: {asks: q, by: thread, answered_by: run, never: [subscribe]}\n")
ASKED_CASES = {
    "a client subscribes to another's thread, and is shown it": (
        lambda: run(asked(two())).c2s("subscribe", 2, t="t1").s2c("x", 2, t="t1"),
        [("error", 2, 1, "thread t1 of user alice reached user bob: x")]),
    "a client asks in another's thread: a warning": (
        lambda: run(asked(two())).c2s("q", 2, t="t1").s2c("x", 2, t="t1"),
        [("warning", 2, 1, "user alice and user bob both ask in thread t1: taken for two ids that happen to be equal; "
          "list ids that users share under `shared`")]),
    "a question without a thread is answered in a new one, which reaches the other first": (
        lambda: two().c2s("q", 1).s2c("x", 2, t="t1").s2c("x", 2, t="t1").s2c("s", 1, t="t1").s2c("e", 1, t="t1"),
        [("error", 2, 2, "thread t1 of user alice reached user bob: 2 events, x first")]),
    "a question without a thread is answered in a new one, and goes astray later": (
        lambda: two().c2s("q", 1).s2c("s", 1, t="t1").s2c("e", 1, t="t1").s2c("x", 2, t="t1"),
        [("error", 2, 1, "thread t1 of user alice reached user bob: x")]),
}  # fmt: skip


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize(("make", "expected"), ASKED_CASES.values(), ids=ASKED_CASES)
def test_who_asks_owns(make, expected: list[tuple[str, int | None, int, str]], inline: bool) -> None:
    findings = [
        finding for finding in ended(make()).judge(ASKING, inline=inline).findings if finding.rule in ("belongs", "own")
    ]
    assert [(finding.severity, finding.connection, finding.count, finding.message) for finding in findings] == expected


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize(("make", "expected"), CASES.values(), ids=CASES)
def test_a_careful_tester_says(make, expected: list[tuple[str, int | None, int, str]], inline: bool) -> None:
    assert said_of(make(), inline) == expected


def test_the_connection_that_got_it_is_not_satisfied_and_the_other_is():
    trace = ended(run(asked(two())).s2c("x", 2, t="t1"))
    assert {number: str(verdict) for number, verdict in trace.judge(CONTRACT).session_verdicts.items()} == {
        1: "satisfied", 2: "violated",
    }  # fmt: skip


@pytest.mark.parametrize(("first", "second", "notes"), [
    ("alice", "bob", []),
    ("alice", None, ["1 session names no user, and counts as a separate user; say where to find the user with "
                     "`--user`, or `user:` in the contract"]),
    (None, None, ["2 sessions name no user, and count as separate users; say where to find the user with "
                  "`--user`, or `user:` in the contract"]),
])  # fmt: skip
def test_unknown_users_are_said_once(first: str | None, second: str | None, notes: list[str]):
    judgement = ended(run(asked(two(first, second)))).judge(CONTRACT)
    assert list(judgement.notes) == notes


def test_a_user_whom_a_message_names_owns_what_the_session_owned():
    contract = loads(TEXT.replace("owner: $.u}", "owner: $.u, user: $.hello}"))
    trace = two(None, None).c2s("q", 1, t="t1").c2s("hello", 1, hello="alice").c2s("hello", 2, hello="alice")
    assert said_of(run(run(trace, 1), 2), contract=contract) == []


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize(("is_open", "expected"), [(True, ["thread t1 of user alice reached user bob: a"]), (False, [])])
def test_an_id_is_known_for_ten_idle_minutes_and_while_its_run_is_open(is_open: bool, expected: list[str], inline: bool):
    trace = asked(two()).s2c("s", t="t1", r="r1")
    if not is_open:
        trace.s2c("e", t="t1", r="r1")
    for minutes in range(1, 30):
        trace.at(minutes * 60).s2c("a", 2, t="other", r="another")
    trace.s2c("a", 2, t="t1", r="r1")
    assert [message for _, _, _, message in said_of(trace, inline)] == expected
