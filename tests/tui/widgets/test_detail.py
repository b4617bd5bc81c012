"""The detail of a row."""

from __future__ import annotations

from typing import get_args

import pytest

from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.look.theme import Palette
from wsreplay.tui.recording.facts import LineKind
from wsreplay.tui.widgets.detail import Detail


@pytest.mark.parametrize("kind", [kind for kind in get_args(LineKind) if kind not in ("json", "code")])
def test_every_kind_of_line_has_a_look(kind, monkeypatch):
    look = Appearance(Palette.of({}, True))
    monkeypatch.setattr(Detail, "look", look)
    assert (Detail()._style(kind) == look.style("text")) == (kind == "plain")
