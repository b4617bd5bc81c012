from __future__ import annotations

import pytest

from wsreplay.report.excerpt import excerpt


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"", ""),
        (b'{"a":{"b":"\x1b"}}', '{"a":{"b":"␛"}}'),
        (b'{"a":[1]}', '{\n  "a": [\n    1\n  ]\n}'),
        (b"not\nJSON", "not␊JSON"),
        (b"\xff\x00", "ff 00"),
        (b'{"a": "' + b"x" * 100 + b'"}', '{\n  "a": "' + "x" * 22 + "…"),
    ],
)
def test_the_beginning_of_a_payload_can_do_no_harm(payload: bytes, text: str) -> None:
    assert excerpt(payload, 32) == text
