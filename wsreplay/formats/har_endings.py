"""How a WebSocket of a HAR ended, as far as its entry says.

`_wsreplay` (ours), a close frame among the messages, `_webSocketClose` (HTTP Toolkit), an error among the messages or in
`_error` (Chrome), `_failureText` (Playwright), a status that is no upgrade; in this order.
"""

from __future__ import annotations

from collections.abc import Callable

from wsreplay.formats.conversation import ABNORMAL, NEVER_SENT, ReadConversation, ReadEnd, end_by_close_frame
from wsreplay.formats.har_words import (
    Fields,
    clean,
    code_and_reason,
    direction_word,
    fields_of,
    first_of,
    first_time,
    shown,
    time_of,
)
from wsreplay.model import Ending

OPENED = (101, 200)  # the second over HTTP/2: RFC 8441, section 5
_DROPS = ("aborted", "dropped", "abnormal", True)
_CLOSES = ("websocketclose", "websocketclosed", "websocketclosure", "closestate")
_SIDES = ("by", "closedby", "initiator", "from", "side", "type", "direction")


def end_of(
    fields: Fields, conversation: ReadConversation, error: ReadEnd | None, remark: Callable[[str], None]
) -> ReadEnd | None:
    """How the WebSocket of an entry ended; None where nothing tells. `error` is what an error among its messages says."""
    if (end := _own_end(fields)) is not None:
        return end
    end = end_by_close_frame(conversation.messages) or _told_close(fields, remark) or error
    failure = failure_of(fields)
    refused = conversation.status not in OPENED and not conversation.messages
    if end is None and failure is not None:
        end = ReadEnd(None, None, None, None, Ending.DROPPED)
    elif end is None and refused and conversation.status is not None:
        end = ReadEnd(None, "server", None, None, Ending.REFUSED)
    if end is None:
        return None
    if refused and end.ending == Ending.DROPPED:
        end.ending = Ending.REFUSED
    end.error = end.error or (error.error if error is not None else None) or failure
    if end.t is None:
        took = fields.get("time")
        lasted = took / 1000 if isinstance(took, int | float) and 0 <= took < 1e11 else 0.0
        last = conversation.messages[-1].t if conversation.messages else None
        end.t = max(last or 0.0, conversation.t + lasted)
    return end


def _own_end(fields: Fields) -> ReadEnd | None:
    """What `export -f har` wrote."""
    own = fields_of(fields.get("wsreplay")) or {}
    if own.get("ending") not in list(Ending):
        return None
    code, by = own.get("code"), own.get("by")
    return ReadEnd(
        time_of(own.get("ended")), by if isinstance(by, str) else None,
        code if isinstance(code, int) and not isinstance(code, bool) and 0 <= code < 65536 else None,
        clean(own["reason"]) if isinstance(own.get("reason"), str) else None, str(own["ending"]),
    )  # fmt: skip


def _told_close(fields: Fields, remark: Callable[[str], None]) -> ReadEnd | None:
    """`_webSocketClose`: an object with a code, a code, or the word `aborted`."""
    close_value = first_of(fields, *_CLOSES)
    if close_value is None:
        return None
    is_code = isinstance(close_value, int) and not isinstance(close_value, bool)
    close = {"code": close_value} if is_code else fields_of(close_value)
    if close is None:
        if close_value not in _DROPS:
            remark(f"its _webSocketClose is {shown(close_value)}, which is unknown: treated as a drop")
        return ReadEnd(None, None, None, None, Ending.DROPPED, clean(close_value) if isinstance(close_value, str) else None)
    code, reason = code_and_reason(close)
    t = first_time(close, "timestamp", "time")
    by_client = next((side for name in _SIDES if (side := direction_word(close.get(name))) is not None), None)
    if code == ABNORMAL or close.get("wasclean") is False:
        return ReadEnd(t, None, None, reason and clean(reason), Ending.DROPPED)
    by = None if by_client is None else "client" if by_client else "server"
    return ReadEnd(t, by, None if code in NEVER_SENT else code, reason and clean(reason))


def failure_of(fields: Fields) -> str | None:
    """What an entry, its request or its response tells of an error."""
    for part in (fields, fields_of(fields.get("request")) or {}, fields_of(fields.get("response")) or {}):
        for name in ("failuretext", "error", "websocketerror", "errortext"):
            failure = part.get(name)
            if isinstance(failure, dict):
                failure = failure.get("message") or failure.get("text") or shown(failure)
            if isinstance(failure, str) and failure:
                return clean(failure)
    return None
