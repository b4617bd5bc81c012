"""A trace in a line of text, so that a table of a hundred can be read.

    chat started thinking executing executed finished           a healthy run of agent-chat, asked for and ended

The first connection is opened by alice unless the text opens its own, and each that is left open at the end is closed by its
client (1000). Every word is one event or more:

    chat, prompt, …         what clients say: a question in thread t1; any other type has a `>` before it
    started … finished      the product's events, by SHORT; any other type as it is
    2:started               at connection 2
    started(r=r2,p=r1)      with these fields, by FIELDS, or under their own names; `-` leaves one out; `~late` was sent then
    @12  +0.5               at this second; half a second later. Every event takes 0.1 s
    2:open(user=bob)        a connection opens; `open(user=-)`: nobody knows whose it is
    2:close(1011,server)    it is closed (`-`: without a code); `drop(server)`: it is lost
    [ started thinking ]    in one frame, as a JSON array
    started!binary          in a binary frame
    `{"type":`              these characters as they are
    ...                     at the end: the recording ends here, and nobody knows what came then
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

SHORT = {
    "started": "agent_started", "thinking": "agent_thinking", "executing": "tool_executing", "executed": "tool_completed",
    "finished": "agent_completed", "failed": "tool_error", "error": "error_event", "partial": "partial_result",
    "report": "final_report", "fallback": "agent_fallback", "typing": "typing_started", "typed": "typing_stopped",
}  # fmt: skip
FIELDS = {
    "t": "thread_id", "r": "run_id", "p": "parent_run_id", "c": "tool_call_id", "n": "tool_name", "u": "user_id",
    "id": "message_id",
}  # fmt: skip
QUESTIONS = ("chat", "chat_message", "message", "user_message", "prompt", "query", "ask", "start_agent")
BARE = ("ping", "pong", "connection_ack", "heartbeat", "auth_ok")
STEP = Decimal("0.1")
STARTED_AT = 1795000000
CLOCKS = {
    "s": float,
    "ms": lambda t: round(t * 1000),
    "us": lambda t: round(t * 1_000_000),
    "ns": lambda t: int(t * 1_000_000_000),
    "iso": lambda t: datetime.fromtimestamp(float(t), UTC).isoformat(),
    "whole": int,
    "text": str,
    "minute-off": lambda t: float(t - 60),
}
_WORD = re.compile(r"(?:(\d+):)?(>?[\w./*-]+|`[^`]*`)(?:\((.*)\))?(!binary)?$")


class TraceText:
    """The lines of a trace as `wsreplay import` takes them. `plain` events have a type and a thread, `bare` ones a type;
    `without` are fields that none has; `clock` is how times are written."""

    def __init__(self, text: str, *, style: str = "full", without: list[str] | None = None, clock: str = "s") -> None:
        self._style, self._without, self._clock = style, set(without or ()), CLOCKS[clock]
        self._now = Decimal(0)
        # user of each connection that is open; numbers of each session; ids
        self._open: dict[int, str | None] = {}
        self._seqs: Counter[str] = Counter()
        self._ids = 0
        self._lines: list[dict[str, Any]] = []
        words = text.split()
        if not re.match(r"(\d+:)?open\b", words[0]):
            self._opened(1, {})
        batch: list[dict[str, Any]] | None = None
        for word in words:
            if word == "[":
                batch = []
            elif word == "]":
                assert batch is not None
                self._frame(1, "s2c", json.dumps(batch), False)
                batch = None
            elif word[0] in "@+":
                self._now = Decimal(word[1:]) + (self._now if word[0] == "+" else 0)
            elif word != "...":
                batch = self._word(word, batch)
        self._is_cut = words[-1] == "..."
        if not self._is_cut:
            self._now += STEP
            for number in list(self._open):
                self._closed(number, "1000,client")

    def lines(self) -> Iterator[bytes]:
        last = float(self._now)
        ended = {"reached": last} if self._is_cut else {"reached": last + 0.5, "ended": last + 0.5}
        started_at = datetime.fromtimestamp(STARTED_AT, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for line in [{"wsreplay": 1, "started_at": started_at, **ended}, *self._lines]:
            yield json.dumps(line).encode() + b"\n"

    def _word(self, word: str, batch: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
        match = _WORD.match(word)
        assert match is not None, word
        connection, name, arguments = int(match[1] or 1), match[2], match[3] or ""
        if name == "open":
            self._opened(connection, _pairs(arguments))
        elif name == "close":
            self._closed(connection, arguments)
        elif name == "drop":
            self._line(connection, close={"by": arguments, "ending": "dropped"} if arguments else {"by": "drop"})
            del self._open[connection]
        else:
            if batch is None:
                self._now += STEP
            if name[0] == "`":
                self._frame(connection, "s2c", name[1:-1], bool(match[4]))
                return batch
            is_clients = name[0] == ">" or name in QUESTIONS
            event = self._event(name.lstrip(">"), connection, _pairs(arguments), is_clients)
            if batch is not None:
                batch.append(event)
            else:
                self._frame(connection, "c2s" if is_clients else "s2c", json.dumps(event), bool(match[4]))
        return batch

    def _event(self, name: str, connection: int, given: dict[str, Any], is_clients: bool) -> dict[str, Any]:
        type_ = SHORT.get(name, name)
        own: dict[str, Any] = {}
        if is_clients:
            own = {"thread_id": "t1", "message": "Why?"} if name in QUESTIONS else {}
        elif type_ not in BARE:
            own = self._fields(type_, connection, given)
        fields = {"type": type_, **own, **given}
        return {key: value for key, value in fields.items() if value != "-" and key not in self._without}

    def _fields(self, type_: str, connection: int, given: dict[str, Any]) -> dict[str, Any]:
        payload = {"payload": {"content": f"{type_} text"}}
        if self._style != "full":
            return {**({"thread_id": "t1"} if self._style == "plain" else {}), **payload}
        user = self._open.get(connection)
        sent = self._now - Decimal(str(given.pop("~", 0)))
        counter = str(user or f"connection {connection}")
        if given.get("seq") != "-":
            self._seqs[counter] = int(given.get("seq", self._seqs[counter] + 1))
        self._ids += 1
        run = {} if type_.startswith("typing") else {"run_id": "r1"}
        tool = {"tool_call_id": "c1", "tool_name": "search"} if type_.startswith("tool_") else {}
        return {
            "timestamp": self._clock(STARTED_AT + sent),
            "seq": self._seqs[counter],
            "message_id": f"m{self._ids}",
            "thread_id": "t1",
            **run,
            **tool,
            **({"user_id": user} if user is not None else {}),
            **payload,
        }

    def _opened(self, connection: int, given: dict[str, Any]) -> None:
        user = given.get("user", "alice")
        self._open[connection] = None if user == "-" else user
        opened = {"path": given.get("path", "/ws"), **({} if user == "-" else {"user": user})}
        self._line(connection, open=opened)

    def _closed(self, connection: int, arguments: str) -> None:
        code, by = arguments.split(",")
        self._line(connection, close={"by": by, "ending": "clean", **({"code": int(code)} if code != "-" else {})})
        del self._open[connection]

    def _frame(self, connection: int, direction: str, data: str, is_binary: bool) -> None:
        body = {"opcode": "text", "data": data}
        if is_binary:
            body = {"opcode": "binary", "base64": base64.b64encode(data.encode()).decode()}
        self._line(connection, dir=direction, **body)

    def _line(self, connection: int, **values: Any) -> None:
        self._lines.append({"connection": connection, "t": float(self._now), **values})


def _pairs(text: str) -> dict[str, Any]:
    pairs: dict[str, Any] = {}
    for pair in filter(None, text.split(",")):
        if pair[0] == "~":
            pairs["~"] = pair[1:]
            continue
        name, _, value = pair.partition("=")
        pairs[FIELDS.get(name, name)] = int(value) if name == "seq" and value != "-" else value
    return pairs
