"""What a row of the timeline says behind the type of its event."""

from __future__ import annotations

import orjson
import pytest

from wsreplay.model import FIN
from wsreplay.store.paging import Head
from wsreplay.tui.recording.summary import summary


def head(payload: bytes, type_: str | None) -> Head:
    return Head(1, 1, 1, 0, 1, 1, FIN, len(payload), type_, len(payload), payload)


@pytest.mark.parametrize(("payload", "said"), [
    (b'{"type": "go", "n": 1}', "n=1"),
    (b'{"type": "event", "name": "go", "data": {"n": 1}}', "data.n=1"),
    (b'{"type": "event", "name": "go", "data": {"text": "hello", "n": 1}}', "hello  data.n=1"),
    (b'{"event": "go", "status": "go", "n": 1}', "n=1"),
    (b'["go", {"n": 1}]', "n=1"),
    (b'["go", {"text": "hello"}]', "hello"),
    (b'["go", 1, "x"]', '[1,"x"]'),
    (b'["go"]', ""),
    (b'["other", 1]', '["other", 1]'),
])  # fmt: skip
def test_the_type_is_said_once(payload: bytes, said: str) -> None:
    assert summary(head(payload, "go")) == said


@pytest.mark.parametrize(
    ("document", "type_", "line"),
    [
        ({"meta": {"v": "1", "trace_id": "a"}, "body": {"event": "t", "tool": "search", "n": 1}}, "t",
         "body.tool=search  body.n=1  meta.v=1  meta.trace_id=a"),
        ({"v": 1, "trace": "a", "evt": {"name": "t", "job": "j"}}, "t", "evt.job=j  v=1  trace=a"),
        ({"head": {"type": "t", "id": "a"}, "turn": 2, "body": {"what": "x"}}, "t", "turn=2  body.what=x  head.id=a"),
        ({"meta": {"host": "h"}, "payload": {"kind": "tick", "n": 3}}, None, "payload.kind=tick  payload.n=3  meta.host=h"),
    ],
)  # fmt: skip
def test_the_event_itself_stands_before_what_is_around_it(document, type_, line):
    assert summary(head(orjson.dumps(document), type_)) == line
