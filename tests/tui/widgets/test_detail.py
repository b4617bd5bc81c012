"""The detail of a row."""

from __future__ import annotations

from typing import get_args

import pytest
from textual.app import App

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


async def test_a_detail_that_is_mounted_late_shows_its_text_where_textual_tells_it_of_no_size(monkeypatch) -> None:
    """Textual sends no first Resize where the place of a widget was asked for before the screen is laid out anew."""
    monkeypatch.setattr(Detail, "look", Appearance(Palette.of({}, True)))
    app = App[None]()
    async with app.run_test(size=(40, 6)) as pilot:
        detail = Detail()
        await app.screen.mount(detail)
        detail.show(lambda width: [("plain", f"{width} cells")])
        app.screen._compositor.update_widgets({detail})
        assert detail.size.width == 40, "its place is known before it was laid out"
        await pilot.pause()
        assert detail.text == "39 cells"
