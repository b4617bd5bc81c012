"""Where a request's target leads at an upstream that has a path prefix."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

_ABSOLUTE = re.compile(rb"(?:https?|wss?)://[^/?#]*", re.IGNORECASE)


def path_of(target: bytes) -> bytes | None:
    """The path and query of a target in origin or absolute form (RFC 9112, section 3.2); None for `*` and others."""
    if target.startswith(b"/"):
        return target
    match = _ABSOLUTE.match(target)
    if match is None:
        return None
    rest = target[match.end() :]
    return rest if rest.startswith(b"/") else b"/" + rest


def leaves_prefix(path: bytes) -> bool:
    """Whether a server that resolves `..` in a path, however it is written, may end up above where the path begins."""
    path = path.partition(b"?")[0].partition(b"#")[0]
    for _ in range(2):  # some decode twice
        path = unquote_to_bytes(path)
    depth = 0
    for segment in path.replace(b"\\", b"/").split(b"/"):
        segment = segment.partition(b";")[0].strip(b" \t\0")
        if segment == b"..":
            depth -= 1
        elif segment not in (b"", b"."):
            depth += 1
        if depth < 0:
            return True
    return False
