"""Pictures of the interface that the documentation shows: drawn by a test, and held by it."""

from __future__ import annotations

import re
from pathlib import Path

from wsreplay.tui.app import ReplayApp


def picture_of(app: ReplayApp, title: str) -> str:
    """The screen as an SVG that looks the same in every browser, and loads nothing from elsewhere."""
    svg = app.export_screenshot(title=title, simplify=True)
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"terminal-\d+", "wsreplay", svg).replace("Fira Code,", "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas,")
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "").replace("https://www.textualize.io", "")
    return svg


def assert_published(svg: str, path: Path, *, update: bool) -> None:
    """The file holds this picture; with `update` it does from now on."""
    if update:
        path.parent.mkdir(exist_ok=True)
        path.write_text(svg)
    assert path.read_text() == svg
