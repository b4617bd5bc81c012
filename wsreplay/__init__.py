"""wsreplay: a WebSocket recording proxy and replay debugger for agent chats.

For programs: `wsreplay.open(path)` reads a recording, `wsreplay.validate(path, contract)` judges one (see `wsreplay.api`);
`wsreplay.aio` does the same for programs that have an event loop.

The way of the data, and the map of the package:

    client ⇄ proxy ⇄ backend     bytes pass untouched
              │ chunks
           recorder              its own process: `wire` turns bytes into frames, `store` keeps them
              ▼
         recording.db            the only truth; every view reads it, also while it grows
              ▼
            trace                frames → messages → events → sessions; the filter language
              ▼
    validator + contract         events judged → findings
              ▼
    report, tui, cli             views; `replay` plays a recording to real peers again

Imports go down only; `pyproject.toml` holds the layers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsreplay import aio
    from wsreplay.api import RecordedEvent, RecordingFile, open, validate

__version__ = "0.1.0"
__all__ = ["RecordedEvent", "RecordingFile", "__version__", "aio", "open", "validate"]


def __getattr__(name: str) -> Any:
    """The library is imported when it is first used: commands start without it."""
    if name == "aio":
        return import_module("wsreplay.aio")
    if name in __all__:
        from wsreplay import api

        return getattr(api, name)
    raise AttributeError(f"module 'wsreplay' has no attribute {name!r}")
