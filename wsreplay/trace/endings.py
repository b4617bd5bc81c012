"""How a connection ended, in words. Whatever speaks of an ending says this: listings, reports, the interface, findings.

Who ended it is the side that sent the first close frame (RFC 6455, section 7.1.5); the other side's close frame is the answer.
Where none came, it is the side whose TCP connection ended first.

A connection is over when the closing handshake is: after its second close frame nothing can come (section 5.5.1), however long
a client then waits for the TCP connection to end. With fewer close frames it is over when the TCP connection is.
"""

from __future__ import annotations

from wsreplay.model import Connection, Ending

# What a peer closes with when all is done: nothing to tell (RFC 6455, section 7.4.1).
_ORDINARY = (1000, 1001, 1005, None)
# No close frame came; on no wire (section 7.1.5), but programs write it down.
_NO_FRAME = (1006, None)


def close_of(payload: bytes) -> tuple[int | None, str | None]:
    """The code and the reason that a close frame gives (section 5.5.1); None for what it does not give."""
    if len(payload) < 2:
        return None, None
    return int.from_bytes(payload[:2], "big"), payload[2:].decode("utf-8", "replace")


def after_handshake(connection: Connection, t_ns: int, direction: int, payload: bytes) -> Connection:
    """A connection whose second close frame came at `t_ns`. `direction` and `payload` are those of the first one, which says
    how it ended, where the recording has not come to that yet."""
    if connection.ending not in (Ending.OPEN, Ending.TRUNCATED):
        return connection
    code, reason = close_of(payload)
    by = "server" if direction else "client"
    return connection._replace(closed_ns=t_ns, ending=Ending.CLEAN, closed_by=by, close_code=code, close_reason=reason)


def ending_word(connection: Connection) -> str:
    """`clean`, `dropped`, …; `clean, 1011` where the close frame gave a code that is not an ordinary one."""
    is_ordinary = connection.ending is not Ending.CLEAN or connection.close_code in _ORDINARY
    return str(connection.ending) if is_ordinary else f"{connection.ending}, {connection.close_code}"


def how_ended(connection: Connection) -> str:
    """`closed by the server (1011, overloaded)`, `dropped by the client`; "" while it is open, and where the recording ended
    before it did."""
    if connection.ending in (Ending.OPEN, Ending.TRUNCATED):
        return ""
    if connection.close_code in _NO_FRAME and connection.ending is Ending.CLEAN:
        return f"closed{_by(connection.closed_by)}"
    unanswered = " without an answer" if connection.ending is Ending.DROPPED and connection.close_code not in _NO_FRAME else ""
    return closing(connection.closed_by, connection.close_code, connection.close_reason) + unanswered


def closing(by: str | None, code: int | None, reason: str | None = None) -> str:
    """The same of a code that one side closed with, or that stands for none: `closed by the server (1011)`, `dropped by …`."""
    if code in _NO_FRAME:
        return f"dropped{_by(by)}"
    return f"closed{_by(by)} ({code}{f', {reason}' if reason else ''})"


def _by(side: str | None) -> str:
    return f" by the {side}" if side else ""


def ending_whole(connection: Connection) -> str:
    """The same, and a word for all other endings: `malformed, closed by the server (1002)`, `refused by the proxy`, `open`."""
    how = how_ended(connection)
    if connection.ending in (Ending.CLEAN, Ending.DROPPED):
        return how
    if connection.ending is Ending.MALFORMED and connection.close_code is not None:
        return f"{connection.ending}, {how}"
    return f"{connection.ending} by the {connection.closed_by}" if connection.closed_by else str(connection.ending)


def ending_text(connection: Connection) -> str:
    """The same where there is something to tell: `dropped by the server without a close frame`; "" for an ordinary ending."""
    match connection.ending:
        case Ending.CLEAN if connection.close_code in _ORDINARY:
            return ""
        case Ending.DROPPED if connection.close_code in _NO_FRAME:
            return f"{how_ended(connection)} without a close frame"
        case Ending.REFUSED if connection.status and not connection.error:
            return f"refused with status {connection.status}"
        case Ending.MALFORMED | Ending.REFUSED:
            return f"{connection.ending}: {connection.error or 'no reason is known'}"
    return how_ended(connection)
