"""Where a user asks to go: `5003`, `#5003`, `1:23.5`, `12.5s`, `@14:03:22`, `+2s`, `-500ms`, `50%`, `end`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wsreplay.store import paging
from wsreplay.units import parse_duration

if TYPE_CHECKING:
    from wsreplay.model import Session
    from wsreplay.tui.recording.clock import ShownClock
    from wsreplay.tui.recording.open_recording import OpenRecording


class Target(NamedTuple):
    """kind: `frame` (value is an id), `time` (ns on the recording's axis), `delta` (ns from here), `share` (percent).

    A time is that of the last nanosecond which is shown as what was typed: what is shown as 00:00.037 has come by then.
    """

    kind: str
    value: int


def parse_target(text: str, clock: ShownClock) -> Target | None:
    """What a text says where times are shown by this clock; None where it says no place."""
    text = text.strip()
    try:
        if text.startswith("#") or (text.isascii() and text.isdigit()):
            return Target("frame", int(text.removeprefix("#")))
        if text == "end" or text.endswith("%"):
            share = 100 if text == "end" else int(text[:-1])
            return Target("share", share) if 0 <= share <= 100 else None
        if text[:1] in ("+", "-"):
            delta = parse_duration(text[1:])
            return Target("delta", -delta if text[0] == "-" else delta)
        t_ns = clock.parse(text, None if text.startswith("@") else parse_duration(text))
        return None if t_ns is None else Target("time", t_ns)
    except (ValueError, OverflowError):
        return None


def why_unreachable(recording: OpenRecording, session: Session | None, frame_id: int) -> str | None:
    """Why a frame cannot be gone to in a session, or in the whole recording; None where it can."""
    last = recording.reader.last_id()
    if not 1 <= frame_id <= last:
        return f"the recording has frames 1 to {last:,}" if last else "the recording has no frame yet"
    head = next(iter(paging.heads(recording.reader, [frame_id])), None)
    other = recording.session_of.get(head.connection_id) if head else None
    is_elsewhere = other is not None and session is not None and other.id != session.id
    return f"it is in session {other.id}" if other and is_elsewhere else None
