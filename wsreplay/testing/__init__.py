"""For tests of chats over WebSockets: a client, judgement of events, a recording proxy, and a pytest plugin.

    client      ChatClient: one user's client; connect_users: many at once
    capture     EventCapture: events with their times
    validator   EventValidator: events judged by a contract as they come
    tap         Tap: a recording proxy before any URL, for async and plain tests
    cassette    a backend played from a recording, so that a test runs without it
    plugin      the fixture `wsreplay` for pytest

Names are imported when they are first used: the plugin is loaded by every pytest run, also by those that never need it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsreplay.testing.capture import Captured, EventCapture
    from wsreplay.testing.client import ChatClient, ChatEnded, ChatTimeout, ConnectRefused, Received
    from wsreplay.testing.recordings import Recordings
    from wsreplay.testing.tap import Tap
    from wsreplay.testing.users import connect_users
    from wsreplay.testing.validator import EventValidator, Stream
    from wsreplay.testing.waiting import RecordingEnded

__all__ = [
    "Captured", "ChatClient", "ChatEnded", "ChatTimeout", "ConnectRefused", "EventCapture", "EventValidator", "Received",
    "RecordingEnded", "Recordings", "Stream", "Tap", "connect_users",
]  # fmt: skip

_HOMES = {
    "client": ("ChatClient", "ChatEnded", "ChatTimeout", "ConnectRefused", "Received"),
    "capture": ("Captured", "EventCapture"),
    "validator": ("EventValidator", "Stream"),
    "recordings": ("Recordings",),
    "tap": ("Tap",),
    "users": ("connect_users",),
    "waiting": ("RecordingEnded",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"wsreplay.testing.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
