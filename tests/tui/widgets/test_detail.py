"""The detail of a row."""

from __future__ import annotations

from typing import get_args

import pytest

from wsreplay.model import Frame, Opcode
from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.look.theme import Palette
from wsreplay.tui.recording.facts import LineKind
from wsreplay.tui.widgets.detail import Detail, payload_layout


@pytest.mark.parametrize("kind", [kind for kind in get_args(LineKind) if kind not in ("json", "code")])
def test_every_kind_of_line_has_a_look(kind, monkeypatch):
    look = Appearance(Palette.of({}, True))
    monkeypatch.setattr(Detail, "look", look)
    assert (Detail()._style(kind) == look.style("text")) == (kind == "plain")


@pytest.mark.parametrize(
    ("payload", "first"),
    [
        (b"0", "0000000  30"), (b"\x90", "0000000  90"),
        (b'"text"', "0000000  22"), (b'{"a": 1}', "{"), (b"[no", "0000000  5b"),
    ],
)
def test_a_binary_message_that_nothing_decodes_is_hex_unless_it_is_an_object_or_an_array(payload: bytes, first: str) -> None:
    frame = Frame(1, 1, 1, 0, 1, Opcode.BINARY, 1, len(payload) + 2, 0, None, payload)
    (_, text), *_ = payload_layout(frame, "json", str, "f")(80)
    assert text.startswith(first)
