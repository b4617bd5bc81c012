"""What the interface remembers from one time to the next: the theme that was chosen, and what was filtered and searched by.

It is kept in the user's state folder ($XDG_STATE_HOME, or what the platform has for that), never beside a recording. What
cannot be read is as if nothing had been remembered, and what cannot be written is remembered until the program ends.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import orjson

from wsreplay.errors import WsreplayError
from wsreplay.files import write_file

Kind = Literal["filters", "searches"]
MOST = 50  # texts of a kind, the last ones
LONGEST = 1_000  # characters; longer texts are not remembered
_LARGEST = 1 << 20  # bytes of a file that can be ours
_THEME = "theme"


def state_path() -> Path | None:
    """The file in the user's state folder; a relative $XDG_STATE_HOME counts as none. None for a user without a home."""
    named = os.environ.get("XDG_STATE_HOME", "")
    with suppress(RuntimeError):
        if named:
            folder = Path(named) if Path(named).is_absolute() else Path.home() / ".local" / "state"
            return folder / "wsreplay" / "tui.json"
        from platformdirs import user_state_path

        return user_state_path("wsreplay") / "tui.json"
    return None


class UserState:
    """What is remembered in a file; without one (None) until the program ends. Nothing here raises an error."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        # What is known of the file; None before it was read.
        self._kept: dict[str, Any] | None = None

    @property
    def theme(self) -> str:
        """The name of the theme that was chosen last; empty where none was."""
        theme = self._read().get(_THEME)
        return theme if isinstance(theme, str) else ""

    def texts(self, kind: Kind) -> list[str]:
        """What was asked, the last of it last."""
        texts = self._read().get(kind)
        return [text for text in texts if isinstance(text, str)][-MOST:] if isinstance(texts, list) else []

    def keep_theme(self, name: str) -> None:
        """Remember the theme."""
        if name != self.theme:
            self._write({_THEME: name})

    def keep_text(self, kind: Kind, text: str) -> None:
        """Remember what was asked; what was asked before is moved to the end."""
        if not text or len(text) > LONGEST or text in self.texts(kind)[-1:]:
            return
        self._kept = self._load()  # another terminal may have remembered more
        self._write({kind: [*(known for known in self.texts(kind) if known != text), text][-MOST:]})

    def _read(self) -> dict[str, Any]:
        if self._kept is None:
            self._kept = self._load()
        return self._kept

    def _load(self) -> dict[str, Any]:
        """What the file holds; without one what is known."""
        if self._path is None:
            return self._kept or {}
        with suppress(OSError, ValueError):
            if self._path.is_file() and self._path.stat().st_size <= _LARGEST:
                document = orjson.loads(self._path.read_bytes())
                return document if isinstance(document, dict) else {}
        return self._kept or {}

    def _write(self, changed: dict[str, Any]) -> None:
        """In one step: who reads meanwhile reads the file as it was. No key waits for the disk."""
        self._kept = self._load() | changed
        if self._path is None:
            return
        with suppress(OSError, ValueError, WsreplayError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_file(self._path, orjson.dumps(self._kept, option=orjson.OPT_INDENT_2), durable=False)
