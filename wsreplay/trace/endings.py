"""How a connection ended, in words."""

from __future__ import annotations

from wsreplay.model import Connection, Ending

# What a peer closes with when all is done: nothing to tell (RFC 6455, section 7.4.1).
_ORDINARY = (1000, 1001, 1005, None)


def ending_word(connection: Connection) -> str:
    """`clean`, `dropped`, …; `clean, 1011` where the close frame gave a code that is not an ordinary one."""
    is_ordinary = connection.ending is not Ending.CLEAN or connection.close_code in _ORDINARY
    return str(connection.ending) if is_ordinary else f"{connection.ending}, {connection.close_code}"


def ending_text(connection: Connection) -> str:
    """`dropped by the server without a close frame`; "" for an ordinary ending, and while the connection is open."""
    by = f" by the {connection.closed_by}" if connection.closed_by else ""
    reason = f": {connection.close_reason}" if connection.close_reason else ""
    match connection.ending:
        case Ending.CLEAN if connection.close_code in _ORDINARY:
            return ""
        case Ending.CLEAN:
            return f"closed{by} with {connection.close_code}{reason}"
        case Ending.DROPPED:
            return f"dropped{by} without a close frame"
        case Ending.REFUSED if connection.status and not connection.error:
            return f"refused with status {connection.status}"
        case Ending.MALFORMED | Ending.REFUSED:
            return f"{connection.ending}: {connection.error or 'no reason is known'}"
    return ""
