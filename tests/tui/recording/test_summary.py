"""What a row of the timeline says behind the type of its event."""

from __future__ import annotations

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
