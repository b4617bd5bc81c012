"""A screen of the interface as a picture that is the same on every machine, and is kept beside the tests."""

from __future__ import annotations

import re

from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from wsreplay.tui.app import ReplayApp


def picture(app: ReplayApp) -> str:
    """The screen as a small SVG, the same on every machine and in every run."""
    svg = app.export_screenshot(simplify=True)
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"terminal-\d+", "t", svg)
    svg = re.sub(r'<clipPath id="t-line-\d+">.*?</clipPath>', "", svg, flags=re.DOTALL)
    svg = re.sub(r' (clip-path="url\(#t-line-\d+\)"|textLength="[\d.]+"|shape-rendering="crispEdges")', "", svg)
    return re.sub(r"\n\s*", "\n", svg)


class Picture(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "svg"
