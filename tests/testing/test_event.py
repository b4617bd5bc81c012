from __future__ import annotations

import pytest

from wsreplay.testing import Captured
from wsreplay.testing.event import event_of


@pytest.mark.parametrize("message", [b'{"type": "a"}', '{"type": "a"}'])
def test_a_message_that_is_an_object_is_an_event(message: str | bytes) -> None:
    assert event_of(message) == {"type": "a"}


@pytest.mark.parametrize("message", [b"", b"{", b'["type"]', b"1", b"\xff", "null"])
def test_any_other_message_is_none(message: str | bytes) -> None:
    assert event_of(message) is None


def test_an_event_is_read_by_its_names() -> None:
    captured = Captured({"type": "a", "n": 1}, at=0.5)
    assert (captured.type, captured["n"]) == ("a", 1)
    with pytest.raises(KeyError):
        captured["m"]


@pytest.mark.parametrize("event", [{}, {"type": 1}, {"type": None}])
def test_a_type_that_is_no_text_is_none(event: dict[str, object]) -> None:
    assert Captured(event, at=0.0).type is None
