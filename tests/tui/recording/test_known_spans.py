"""What the validator said of spans, put together."""

from __future__ import annotations

from wsreplay.tui.recording.known_spans import KnownSpans, SpanNews
from wsreplay.validator import SpanRecord


def record(number: int, state: str = "open", session: int = 1) -> SpanRecord:
    return SpanRecord(session, 1, (("run", f"r{number}"),), state, number, None, number, id=f"{session}.run.{number}")


def test_what_changed_takes_the_place_of_what_was_known():
    known = KnownSpans()
    assert not known.are_all_by("chat")
    known.take(SpanNews("chat", (record(2), record(1)), is_all=False))
    known.take(SpanNews("chat", (record(1, "completed"), record(3, session=2)), is_all=False))
    assert [(span.id, span.state) for span in known.of_session(None)] == [
        ("1.run.1", "completed"), ("1.run.2", "open"), ("2.run.3", "open"),
    ]  # fmt: skip
    assert [span.id for span in known.of_session(2)] == ["2.run.3"]
    assert (known.are_all_by("chat"), known.are_all_by("other"), known.revision) == (True, False, 2)


def test_a_whole_log_replaces_what_was_known_and_so_does_another_contract():
    known = KnownSpans()
    known.take(SpanNews("chat", (record(1), record(2)), is_all=True))
    known.take(SpanNews("chat", (record(1, "cut"),), is_all=True))
    assert [(span.id, span.state) for span in known.of_session(None)] == [("1.run.1", "cut")]
    known.take(SpanNews("other", (record(7),), is_all=False))
    assert [span.id for span in known.of_session(None)] == ["1.run.7"]


def test_of_too_many_none_are_known():
    known = KnownSpans()
    known.take(SpanNews("chat", (), is_all=True, left_out=9))
    assert not known.are_all_by("chat")
