"""Messages that came and could not be read: a verdict stands only where it would, whatever they were."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import orjson
import pytest
from example_count import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st
from judged_traces import Trace, of, said
from test_oracle import SHAPES, Shape, judged, loaded, of_rule, timed

from wsreplay.contract import loads
from wsreplay.formats.jsonl_import import import_lines
from wsreplay.store.reader import Recording
from wsreplay.validator import Judgement, Verdict, judge

KEYS = {"thread_id": "t1", "run_id": "r1"}
SCOPES = {
    "": "",
    "by: k": "keys: {k: $.k}, ",
    "in: run": "spans: {run: {start: s, end: e}}, ",
    "after: o": "",
    "until: e": "",
    "after: o, until: e": "",
    "across: user": "",
}


Said = tuple[str, str]  # type and key


def trace_with(events: list[tuple[int, str, str]], number: int, said: Said | None, complete: bool, beyond: int) -> Trace:
    """The events on one connection, with another one, or one that cannot be read, in place of one of them."""
    trace = Trace().open()
    for index, (now, *own) in enumerate(events):
        instead = said if index == number else own
        if instead is None:
            trace.at(now).cut()
        else:
            trace.at(now).s2c(instead[0], k=instead[1])
    last = events[-1][0]
    return trace.at(last).close() if complete else trace.at(last + beyond).truncate()


def ends_what_begins_later(raw: list[tuple[int, str, str]], number: int, letter: str, key: str, keyed: str = "eE") -> bool:
    """Whether this would be the end of a span that begins behind it: then that start begins nothing, which nobody assumes.

    `keyed`: the ends that are those of their key only.
    """
    start = {"e": "s", "E": "S"}.get(letter)
    any_key = letter not in keyed
    begins = [place for place, (_, other, its_key) in enumerate(raw) if other == start and (any_key or its_key == key)]
    return any(place > number for place in begins) and not any(place < number for place in begins)


@settings(max_examples=examples(80), deadline=None)
@given(
    shape=st.sampled_from(SHAPES),
    scope=st.sampled_from(list(SCOPES)),
    raw=st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abcose"), st.sampled_from("12")), min_size=1, max_size=8),
    number=st.integers(0, 7),
    complete=st.booleans(),
    beyond=st.integers(0, 4),
)
@example(Shape("absence"), "until: e", [(0, "c", "1"), (0, "a", "1")], 0, True, 0)
@example(Shape("precedence"), "in: run", [(0, "s", "1"), (0, "c", "1"), (0, "b", "1")], 1, True, 0)
@example(Shape("precedence"), "", [(0, "a", "1"), (0, "b", "1"), (0, "b", "1")], 0, False, 0)
def test_a_verdict_holds_whatever_the_message_was(
    shape: Shape, scope: str, raw: list[tuple[int, str, str]], number: int, complete: bool, beyond: int
) -> None:
    events, number = timed(raw), number % len(raw)
    yaml = f"{{contract: x, {SCOPES[scope]}rules: [{shape.yaml(scope)}]}}"
    verdict, _, _ = of_rule(judged(yaml, trace_with(events, number, None, complete, beyond)))
    assert verdict in (Verdict.VIOLATED, Verdict.INCONCLUSIVE)
    for instead in itertools.product("abcosez", "12") if verdict is Verdict.VIOLATED else ():
        if ends_what_begins_later(raw, number, *instead):
            continue
        judgement = trace_with(events, number, instead, complete, beyond).judge(loaded(yaml))
        assert of_rule(judgement)[0] is Verdict.VIOLATED, instead


@settings(max_examples=examples(25), deadline=None)
@given(
    raw=st.lists(st.tuples(st.integers(0, 3), st.sampled_from("sebSE"), st.sampled_from("12")), min_size=1, max_size=8),
    number=st.integers(0, 7),
    complete=st.booleans(),
)
@example([(0, "s", "1"), (0, "s", "1"), (0, "S", "1"), (0, "s", "1"), (0, "e", "1"), (0, "E", "1")], 3, False)
def test_spans_are_right_whatever_the_message_was(raw: list[tuple[int, str, str]], number: int, complete: bool) -> None:
    """An outer span s … e with bodies b, and an inner one S … E by key."""
    events, number = timed(raw), number % len(raw)
    yaml = "contract: x\nkeys: {k: $.k}\nspans:\n  r: {start: s, body: b, end: e, within: 4s}\n"
    yaml += "  in: {by: k, inside: r, start: S, end: E}"

    def verdicts(said: Said | None) -> dict[str, Verdict]:
        judgement = trace_with(events, number, said, complete, 2).judge(loaded(yaml))
        return {rule.id: rule.verdict for rule in judgement.rules}

    sure = set()
    for rule, verdict in verdicts(None).items():
        assert verdict in (Verdict.VIOLATED, Verdict.INCONCLUSIVE)
        if verdict is Verdict.VIOLATED:
            sure.add(rule)
    for instead in itertools.product("sebSEz", "12") if sure else ():
        if ends_what_begins_later(raw, number, *instead, keyed="E"):
            continue
        found = verdicts(instead)
        assert {found[rule] for rule in sure} == {Verdict.VIOLATED}, instead


# As a tester meets it, with agent-chat.


def chat() -> Trace:
    return Trace().open().c2s("chat", thread_id="t1")


def violated(judgement: Judgement) -> list[str]:
    return [finding.rule for finding in judgement.findings if finding.verdict is Verdict.VIOLATED]


def test_a_first_answer_that_nobody_can_read_is_not_called_missing() -> None:
    deep = b'{"type": "agent_started", "x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    judgement = chat().raw(deep).at(5).close().judge()
    assert violated(judgement) == []
    assert said(judgement) == [
        "json: a message could not be checked: nested deeper than 1,024 levels",
        "first-event: agent_started did not come within 2s after chat in thread t1; "
        "a message that could not be read came meanwhile",
    ]
    assert judgement.notes == (
        "1 message could not be decoded; what depends on it is inconclusive",
    )


def test_one_that_comes_too_late_to_be_the_answer_changes_nothing() -> None:
    assert violated(chat().at(5).cut().close().judge()) == ["first-event"]


def test_what_the_client_says_is_not_what_the_server_owes() -> None:
    judgement = Trace().open().s2c("ask").cut(direction=0).close().judge(
        loads("{contract: x, rules: [{id: server, response: [ask, s2c:answer]}, {id: client, response: [ask, c2s:answer]}]}")
    )
    assert [(finding.rule, finding.verdict) for finding in judgement.findings] == [
        ("server", Verdict.VIOLATED), ("client", Verdict.INCONCLUSIVE),
    ]  # fmt: skip


@pytest.mark.parametrize("type_", ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"])
def test_any_event_of_a_run_may_have_been_the_one(type_: str) -> None:
    trace = chat().run()
    hidden = next(index for index, message in enumerate(trace.messages) if type_.encode() in message.payload)
    trace.messages[hidden] = trace.messages[hidden]._replace(payload=b"{")
    trace.cut_frames.add(hidden + 1)
    judgement = trace.close().judge()
    assert violated(judgement) == []
    assert judgement.verdict is Verdict.INCONCLUSIVE


REFUSED = {"not JSON": b'{"type": "agent', "not text": b"\xff\xfe", "a number for a type": b'{"type": 5, "run_id": "r1"}'}


@pytest.mark.parametrize("payload", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("keys", [{"thread_id": "t1", "run_id": "r1"}, {"thread_id": "t1"}], ids=["by ids", "without ids"])
@pytest.mark.parametrize("asked_again", [False, True])
def test_what_is_no_event_may_have_been_any_of_a_run(payload: bytes, keys: dict[str, str], asked_again: bool) -> None:
    """It is the finding; that an event of the run never came is none for certain."""
    types = ("agent_started", "agent_thinking", "tool_executing", "tool_completed", "partial_result", "agent_completed")
    for hidden in types:
        trace = chat()
        for seq, type_ in enumerate(types):
            tool = {"tool_call_id": "c1", "tool_name": "search"} if type_.startswith("tool") else {}
            if type_ == hidden:
                trace.raw(payload)
            else:
                trace.s2c(type_, **keys, **tool, seq=seq, payload={"content": "x"})
        if asked_again:
            trace.c2s("chat", thread_id="t1").run(**{"run": None, **({"run": "r2"} if "run_id" in keys else {})})
        judgement = trace.at(4).close().judge()
        roots = [finding for finding in judgement.findings if not finding.caused_by]
        sure = [finding.rule for finding in roots if finding.verdict is Verdict.VIOLATED and finding.severity == "error"]
        assert sure == ["json"], (hidden, roots)


def test_what_is_no_event_was_nothing_forbidden_and_no_start_of_the_next_run() -> None:
    trace = chat().raw(b"{").run().c2s("chat", thread_id="t1").s2c("agent_thinking", thread_id="t1", run_id="r2")
    trace.s2c("agent_completed", thread_id="t1", run_id="r2").close()
    assert violated(trace.judge()) == ["json", "run"]
    contract = loads("{contract: x, json: {type: required}, rules: [{id: r, absence: b}]}")
    rules = {rule.id: rule.verdict for rule in Trace().open().s2c("a").raw(b"{").close().judge(contract).rules}
    assert rules == {"json": Verdict.VIOLATED, "r": Verdict.SATISFIED}


def test_runs_before_and_after_it_are_judged_as_ever() -> None:
    trace = chat().run(run="r1").cut().s2c("agent_started", thread_id="t1", run_id="r2").close()
    assert {finding.rule for finding in trace.judge().findings if finding.verdict is Verdict.VIOLATED} == {
        "run", "started-and-thought", "worked",
    }  # fmt: skip


def test_as_many_numbers_may_be_missing_as_messages_could_not_be_read() -> None:
    trace = Trace().open()
    for number in (1, None, 3, 5, None, 8):
        trace.cut() if number is None else trace.s2c("ping", seq=number)
    assert [(finding.message, finding.verdict) for finding in of(trace.close().judge(), "seq")] == [
        ("$.seq 2 missing before 3; a message that could not be read came meanwhile", Verdict.INCONCLUSIVE),
        ("$.seq 4 missing before 5", Verdict.VIOLATED),
        ("$.seq 6 to 7 missing before 8", Verdict.VIOLATED),
    ]


def test_it_is_not_passed_over_without_a_rule_about_json() -> None:
    judgement = Trace().open().s2c("a").cut().close().judge(
        loads("{contract: x, rules: [{id: r, absence: b}, {id: s, existence: a}]}")
    )
    assert judgement.findings == ()
    assert {rule.id: rule.verdict for rule in judgement.rules} == {"r": Verdict.INCONCLUSIVE, "s": Verdict.INCONCLUSIVE}
    assert judgement.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("scope", ["", "after: o, "])
def test_another_tab_of_the_user_is_not_concerned_but_by_rules_across_them(scope: str) -> None:
    text = "contract: x\nkeys: {t: $.t}\nrules: [{id: own, existence: [q, a], by: t}, "
    text += f"{{id: all, across: user, {scope}response: [q, b]}}]"
    trace = Trace().open(1).open(2).s2c("o", connection=1, t=1).s2c("q", connection=1, t=1).cut(connection=2).close(1).close(2)
    assert [(finding.rule, finding.verdict) for finding in trace.judge(loads(text)).findings] == [
        ("own", Verdict.VIOLATED), ("all", Verdict.INCONCLUSIVE),
    ]  # fmt: skip


@pytest.mark.parametrize(("reason", "verdict"), [("unfinished", Verdict.VIOLATED), ("mask missing", Verdict.INCONCLUSIVE)])
def test_what_was_lost_in_mid_message_never_came(reason: str, verdict: Verdict, tmp_path: Path) -> None:
    lines = [
        {"wsreplay": 1, "started_at": "2026-11-20T10:00:00Z", "upstream": ""},
        {"connection": 1, "t": 0, "open": {"path": "/ws", "user": "u1"}},
        {"connection": 1, "t": 1, "dir": "s2c", "opcode": "text", "data": '{"type": "ask"}'},
        {"connection": 1, "dir": "s2c", "gap": {"after": 1, "reason": reason, "bytes": 7}},
        {"connection": 1, "t": 2, "close": {"by": "drop"}},
    ]
    import_lines(io.BytesIO(b"\n".join(map(orjson.dumps, lines))), tmp_path / "lost.db")
    with Recording.open(tmp_path / "lost.db") as recording:
        judgement = judge(recording, loads("{contract: x, rules: [{id: r, response: [ask, answer]}]}"))
    assert [finding.verdict for finding in judgement.findings] == [verdict]
