"""A session's client as a shell script: its messages, in their time, for websocat or `wsreplay send`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from wsreplay.display import visible
from wsreplay.errors import UsageError
from wsreplay.formats.client_turns import ClientSide, backend_of, client_sides, title_of
from wsreplay.model import Session
from wsreplay.store.reader import Recording
from wsreplay.units import MILLISECOND, SECOND

_LONGEST_NS = 60 * SECOND  # of a pause
_LARGEST_BYTES = 64 << 20  # of a message


def script(recording: Recording, session: Session) -> str:
    """The script's text, for a POSIX shell. What a line cannot carry (bytes, line breaks outside of JSON) is said in it."""
    sides = list(client_sides(recording, session))
    if not sides:
        raise UsageError(f"session {session.id} was refused: there is nothing to replay")
    lines = [
        "#!/bin/sh",
        f"# The client's messages in {title_of(recording, session)}.",
        "# usage: sh THIS_FILE [URL]    pauses are as recorded; with websocat, else with `wsreplay send`",
        f"url=${{1:-{shlex.quote(backend_of(recording, session))}}}",
        *_talk_function(next((side.connection.subprotocol for side in sides if side.connection.subprotocol), None)),
    ]
    for number, side in enumerate(sides, 1):
        if len(sides) > 1:
            lines += ["", f"# connection {number} of {len(sides)}"]
        lines += ["{", *_lines(side), '} | talk "$url"']
    return "\n".join(lines) + "\n"


def _talk_function(subprotocol: str | None) -> list[str]:
    asked = f" --protocol {shlex.quote(subprotocol)}" if subprotocol else ""
    asked_of_send = f" --subprotocol {shlex.quote(subprotocol)}" if subprotocol else ""
    return [
        "talk() {",
        "  if command -v websocat >/dev/null 2>&1",
        f'  then websocat -B {_LARGEST_BYTES}{asked} "$1"',
        f'  else wsreplay send{asked_of_send} "$1"',
        "  fi",
        "}",
    ]


def _lines(side: ClientSide) -> Iterator[str]:
    now_ns = side.connection.opened_ns
    for turn in side.turns:
        yield from _pause(turn.t_ns - now_ns)
        now_ns = turn.t_ns
        text = _line_of(turn.payload)
        if text is None:
            yield f"  # a message of {len(turn.payload):,} bytes is left out: a line cannot carry it"
        else:
            yield f"  printf {_printed(text)}"
    yield from _pause(max(side.ended_ns - now_ns, SECOND))  # for what the server says then


def _pause(ns: int) -> Iterator[str]:
    if ns >= MILLISECOND:
        yield f"  sleep {min(ns, _LONGEST_NS) / SECOND:.3f}"


def _printed(text: str) -> str:
    """The arguments of a `printf` that prints a line; what a terminal would obey, or cannot show, is escaped."""
    if visible(text) == text and text.isprintable():
        return f"'%s\\n' {shlex.quote(text)}"
    escaped = "".join(map(_escaped, text)).replace("'", "'\\''")
    return f"'{escaped}\\n'"


def _escaped(character: str) -> str:
    if character in "%\\":
        return {"%": "%%", "\\": "\\\\"}[character]
    if character.isprintable() and visible(character) == character:
        return character
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "replace"))


def _line_of(payload: str | bytes) -> str | None:
    """A message on one line; None where that cannot be."""
    if isinstance(payload, bytes) or "\0" in payload:
        return None
    if "\n" not in payload and "\r" not in payload:
        return payload
    try:
        return json.dumps(json.loads(payload), ensure_ascii=False)
    except ValueError:
        return None
