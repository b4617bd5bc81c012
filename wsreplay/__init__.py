"""wsreplay: a WebSocket recording proxy and replay debugger for agent chats.

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

__version__ = "0.1.0"
