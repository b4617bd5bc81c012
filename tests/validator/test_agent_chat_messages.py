"""What agent-chat demands of single messages: whose they are, their form, their ids and numbers."""

from __future__ import annotations

import pytest
from judged_traces import BACK, KEYS, Trace, chat, of, said

from wsreplay.validator import Verdict

# 1. Isolation.


def two_users() -> Trace:
    return Trace().open(1, user="u1").open(2, user="u2").c2s("chat", thread_id="t1").run(thread="t1", run="r1")


def test_an_event_of_somebody_elses_run_is_a_leak_and_nothing_else() -> None:
    judgement = two_users().s2c("agent_thinking", connection=2, **KEYS).close(1).close(2).judge()
    assert said(judgement) == ["thread-owner: thread t1 of user u1 reached user u2: agent_thinking"]
    (finding,) = judgement.findings
    assert (finding.frames, finding.blame, finding.connection) == ((1, 7), "server", 2)


def test_an_event_that_names_somebody_else_is_a_leak() -> None:
    judgement = two_users().run(thread="t2", run="r2", connection=2, user_id="u1").close(1).close(2).judge()
    (finding,) = judgement.findings
    assert (finding.rule, finding.count, finding.message) == (
        "thread-owner", 5, "thread t2 of user u1 reached user u2: 5 events, agent_started first"
    )  # fmt: skip


def test_tabs_of_one_user_share_threads() -> None:
    trace = Trace().open(1).open(2).c2s("chat", thread_id="t1").run(connection=1)
    trace.run(run="r2", connection=2).run(run="r1", connection=2)
    assert said(trace.close(1).close(2).judge()) == []


def test_a_user_named_by_a_number_is_the_same_user() -> None:
    assert said(Trace().open(user="42").c2s("chat", thread_id="t1").run(user_id=42).close().judge()) == []


def test_a_run_id_may_be_somebody_elses_once_its_run_has_ended() -> None:
    trace = Trace().open(1, user="u1").open(2, user="u2").c2s("chat", thread_id="t1").run("t1", "r1")
    trace.c2s("chat", connection=2, thread_id="t2").run("t2", "r1", connection=2)
    assert said(trace.close(1).close(2).judge()) == []


# 2. Form.


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b'{"type": "x"', "not JSON"),
        (b'{"type": NaN}', "not JSON"),
        (b'{"type": "ping", "x": "\\ud800"}', "an unpaired surrogate escape"),
        (b'{"type": "ping", "x": "\xff"}', "not JSON"),
        (b"[1, 2]", "an array instead of a JSON object"),
        (b'"text"', "a string instead of a JSON object"),
        (b"7", "a number instead of a JSON object"),
        (b'{"kind": "x"}', "the message has no type"),
        (b'{"type": 7}', "the message has a type that is not a string: 7"),
        (b"", "not JSON"),
    ],
)
def test_text_is_a_json_object_with_a_type(payload: bytes, message: str) -> None:
    (finding,) = Trace().open().raw(payload).close().judge().findings
    assert finding.rule == "json"
    assert finding.message.startswith(message)


def test_unusual_but_valid_json_is_fine() -> None:
    trace = chat().run()
    trace.raw(b'{"type": "ping", "text": "\xf0\x9f\xa6\x84 \xd7\xa9 \\ud83e\\udd84 \\u0000"}')
    trace.raw(b'{"type": "ping", "data": "' + b"x" * 5_000_000 + b'"}')
    trace.raw(b'{"type": "ping", "type": "pong"}')
    assert said(trace.close().judge()) == []


def test_json_too_deep_to_be_read_is_inconclusive() -> None:
    judgement = chat().run().raw(b'{"type": "ping", "x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}").close().judge()
    (finding,) = judgement.findings
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.message == "a message could not be checked: nested deeper than 1,024 levels"
    assert judgement.verdict is Verdict.INCONCLUSIVE


def test_types_that_nobody_named_are_a_warning() -> None:
    judgement = chat().run().s2c("surprise", **KEYS).s2c("surprise", **KEYS).c2s("anything").close().judge()
    (finding,) = judgement.findings
    assert (finding.message, finding.severity) == ("unknown type surprise", "warning")
    assert judgement.verdict is Verdict.SATISFIED


# 3. Duplicates and counters.


def test_an_id_twice_is_a_duplicate() -> None:
    trace = chat().s2c("ping", thread_id="t1", message_id="m1").s2c("ping", thread_id="t1", message_id="m1")
    (finding,) = of(trace.close().judge(), "event-id")
    assert (finding.message, finding.frames) == ("ping came twice: $.message_id m1", (2, 3))


def test_long_integers_are_not_taken_for_the_same_id() -> None:
    trace = Trace().open()
    for number in (123456789012345678901234567890, 123456789012345678901234567891):
        trace.s2c("ping", message_id=number).s2c("agent_started", run_id=number)
    judgement = trace.truncate().judge()
    assert of(judgement, "event-id") == of(judgement, "run") == []


def test_gaps_and_disorder_of_a_counter() -> None:
    trace = Trace().open()
    for number in (1, 2, 4, 5, 3, 6):
        trace.s2c("ping", seq=number)
    (finding,) = trace.close().judge().findings
    assert (finding.severity, finding.message) == ("warning", "$.seq 3 came after 4: recovered within 20ms")


def test_a_number_that_is_lost_is_an_error() -> None:
    trace = Trace().open()
    for number in (1, 2, 4, 5):
        trace.s2c("ping", seq=number)
    assert said(trace.close().judge()) == ["seq: $.seq 3 missing before 4"]


def test_a_counter_that_starts_again_is_one_finding() -> None:
    trace = Trace().open()
    for number in (1, 2, 3, 1, 2, 3, 4):
        trace.s2c("ping", seq=number)
    assert said(trace.close().judge()) == ["seq: $.seq 1 came after 3"]


def test_history_that_is_sent_again_after_a_reconnect_is_skipped() -> None:
    trace = chat().s2c("agent_started", **KEYS, message_id="m1", seq=1).s2c("agent_thinking", **KEYS, message_id="m2", seq=2)
    trace.drop().at(1).open(2)
    for number, type_ in enumerate(
        ("agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"), 1
    ):
        trace.s2c(type_, connection=2, **KEYS, message_id=f"m{number}", seq=number, tool_call_id="a")
    judgement = trace.close(2).judge()
    assert said(judgement) == [f"{BACK} 970ms"]
    assert judgement.verdict is Verdict.SATISFIED
    assert judgement.run_counts == {"completed": 1}
