"""What background work tells the list of recordings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual.events import Event

from wsreplay.tui.browse.folder import Listed
from wsreplay.tui.browse.previews import Preview


class FolderRead(Event):
    """The recordings of a folder."""

    def __init__(self, recordings: Sequence[Listed]) -> None:
        self.recordings = recordings
        super().__init__()


class PreviewTaken(Event):
    """A recording of a list was validated."""

    def __init__(self, path: Path, preview: Preview) -> None:
        self.path, self.preview = path, preview
        super().__init__()
