"""The WebSockets of a HAR: each entry by itself, so that an odd one costs no other. What is odd becomes a remark.

`_webSocketMessages` is Chrome's addition to HAR 1.2, which Playwright, mitmproxy, HTTP Toolkit and others have taken up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, BinaryIO

from wsreplay.errors import ImportFormatError
from wsreplay.formats.conversation import (
    ABNORMAL,
    Payloads,
    ReadConversation,
    ReadEnd,
    ReadMessage,
    close_payload,
    is_time,
    put_in_order,
    split_url,
)
from wsreplay.formats.har_endings import OPENED, end_of, failure_of
from wsreplay.formats.har_entries import LONGEST_ENTRY, EntrySplitter, TooLong, parse_beginning, parse_json
from wsreplay.formats.har_words import (
    Fields,
    Odd,
    clean,
    code_and_reason,
    fields_of,
    first_of,
    first_time,
    from_client,
    is_error,
    opcode_of,
    payload_of,
    shown,
    time_of,
)
from wsreplay.formats.remarks import Remarks
from wsreplay.model import Ending, Headers, Opcode
from wsreplay.units import count_text

# Up to this size a document is parsed at once, which is faster; beyond, or where it is damaged, entry by entry.
_AT_ONCE = 64 * 2**20
_CHUNK = 2**20
_LEFT_OUT = "left out"

Attachments = Callable[[str], "bytes | None"]
"""The content of a file that a HAR names, such as the messages that Playwright puts beside it; None where it is not there."""


class HarReader:
    """Reads one HAR; `reached` says then how far the trace reaches, in seconds since the epoch, where we wrote it."""

    def __init__(self, name: str, remarks: Remarks, payloads: Payloads, attachments: Attachments) -> None:
        # None where it does not say it
        self.reached: float | None = None
        self._name, self._remarks, self._payloads, self._attachments = name, remarks, payloads, attachments
        self._began: float | None = None  # when the entry before was opened

    def read(self, stream: BinaryIO) -> list[ReadConversation]:
        """Its WebSockets. Raises ImportFormatError where it is no HAR."""
        conversations = []
        for number, entry in enumerate(self._entries(stream)):
            conversation = self._conversation(entry, f"log.entries[{number}]")
            if conversation is not None:
                self._began = conversation.t
                conversations.append(conversation)
        return conversations

    # Entries.

    def _entries(self, stream: BinaryIO) -> Iterator[Any]:
        data = stream.read(_AT_ONCE + 1)
        is_large = len(data) > _AT_ONCE
        if not is_large:
            try:
                document = parse_json(data)
            except ValueError:
                pass  # cut off, or damaged somewhere: what is whole is given
            else:
                yield from self._list_of(document)
                return
        remarks = len(self._remarks)
        yield from self._one_by_one(data, stream)
        if not is_large and len(self._remarks) == remarks:
            self._remarks.add("", "damaged outside its entries, or with data after its end: that part is ignored")

    def _list_of(self, document: Any) -> list[Any]:
        if not isinstance(document, dict) or "log" not in document:
            raise ImportFormatError("JSON, but not a HAR: it has no `log`", file=self._name)
        entries = document["log"].get("entries") if isinstance(document["log"], dict) else None
        if not isinstance(entries, list):
            raise ImportFormatError("not a HAR: `log.entries` is not a list", file=self._name)
        self._take_reached(document["log"])
        return entries

    def _one_by_one(self, data: bytes, stream: BinaryIO) -> Iterator[Any]:
        splitter, number, size = EntrySplitter(), 0, 0
        try:
            while data and not splitter.over:
                size += len(data)
                for text in splitter.feed(data):
                    yield self._parsed(text, f"log.entries[{number}]")
                    number += 1
                data = b"" if splitter.over else stream.read(_CHUNK)
        except TooLong:
            more = f"it is longer than {LONGEST_ENTRY // 2**20} MiB, the most that import reads"
            if not splitter.before:
                raise ImportFormatError(f"not a HAR whose entries could be found: {more}", file=self._name) from None
            self._remarks.add(f"log.entries[{number}]", f"{more}: it and everything after it are {_LEFT_OUT}")
            return
        if not splitter.before:
            known = "not a HAR, wsreplay export or mitmproxy flow file, or damaged at its beginning"
            raise ImportFormatError(known, file=self._name)
        self._take_reached(_log_of(splitter.before))
        if not splitter.over:
            yield from self._cut_entry(splitter.rest, number, size)

    def _cut_entry(self, rest: bytes, number: int, size: int) -> Iterator[Any]:
        whole = "1 entry is complete" if number == 1 else f"{number:,} entries are complete"
        self._remarks.add("", f"cut off at byte {size:,}: {whole}")
        entry = parse_beginning(rest)
        if isinstance(entry, dict):
            self._remarks.add(f"log.entries[{number}]", "it is cut off: its complete parts are imported")
            yield entry

    def _parsed(self, text: bytes, place: str) -> Any:
        try:
            return parse_json(text)
        except ValueError:
            pass
        try:
            entry = parse_json(text.decode("utf-8", "replace").encode())
        except ValueError:
            self._remarks.add(place, f"it is not JSON: {_LEFT_OUT}")
            return {}
        self._remarks.add(place, "it contains bytes that are not UTF-8: each was replaced by U+FFFD")
        return entry

    def _take_reached(self, log: Any) -> None:
        own = log.get("_wsreplay") if isinstance(log, dict) else None
        reached = own.get("reached") if isinstance(own, dict) else None
        self.reached = reached if isinstance(reached, float) and is_time(reached) else None

    # One entry.

    def _conversation(self, entry: Any, place: str) -> ReadConversation | None:
        fields = fields_of(entry)
        if fields is None:
            self._remarks.add(place, f"it is {shown(entry)}, not an object: {_LEFT_OUT}")
            return None
        request = fields_of(fields.get("request")) or {}
        response = fields_of(fields.get("response")) or {}
        url = request.get("url") if isinstance(request.get("url"), str) else None
        if "websocketmessages" not in fields and not _is_websocket(fields, request, url):
            self._remark_on_stream(fields, response, place)
            return None
        status = _status(response.get("status"))
        failure = failure_of(fields)
        messages = self._messages(fields, response, place)
        if messages is None and not (failure or (status is not None and status not in OPENED)):
            return None
        if not url and not messages:
            self._remarks.add(place, f"it has no request with a URL, and no messages: {_LEFT_OUT}")
            return None
        if not url:
            self._remarks.add(place, "it has no request with a URL: its path is taken to be /")
        return self._assembled(fields, (url or "ws:///", request, response), status, failure, messages or [], place)

    def _assembled(
        self, fields: Fields, exchange: tuple[str, Fields, Fields], status: int | None, failure: str | None,
        messages: list[Any], place: str,
    ) -> ReadConversation:  # fmt: skip
        url, request, response = exchange
        read: list[ReadMessage] = []
        error: ReadEnd | None = None
        for number, message in enumerate(messages, 1):
            usual = self._usual(message)
            item = usual or self._message(message, partial(self._remarks.add, place, item=f"message {number}"))
            if isinstance(item, ReadMessage):
                read.append(item)
            else:
                error = error or item
        _join_continuations(read, partial(self._remarks.add, place))
        began = self._start(fields, next((message.t for message in read if message.t is not None), None), place)
        own = fields_of(fields.get("wsreplay")) or {}
        user = own.get("user")
        conversation = ReadConversation(
            clean(url), began, self._headers(request.get("headers"), place), status,
            self._headers(response.get("headers"), place), read, more={"user": clean(user)} if isinstance(user, str) else {},
        )  # fmt: skip
        if "user" in own and user is None:
            conversation.more["user"] = None
        put_in_order(conversation, place, self._remarks)
        conversation.ended = end_of(fields, conversation, error, partial(self._remarks.add, place))
        return conversation

    def _remark_on_stream(self, fields: Fields, response: Fields, place: str) -> None:
        events = fields.get("eventsourcemessages")
        mime = (fields_of(response.get("content")) or {}).get("mimetype")
        if isinstance(events, list) or (isinstance(mime, str) and mime.lower().startswith("text/event-stream")):
            held = f" ({count_text(len(events), 'event')})" if isinstance(events, list) else ""
            self._remarks.add(place, f"it is a stream of server-sent events{held}, not a WebSocket: {_LEFT_OUT}")

    def _start(self, fields: Fields, first: float | None, place: str) -> float:
        given = fields.get("starteddatetime")
        naive: list[None] = []
        began = time_of(given, lambda: naive.append(None))
        if began is not None and naive:
            # Whoever wrote it without a zone may have meant their own: the messages, whose times are certain, know better.
            if first is not None and abs(first - began) > 60:
                self._remarks.add(place, "it started at a time without a zone, far from its messages: their time is taken")
                return first
            self._remarks.add(place, "it started at a time without a zone: taken to be UTC")
        if began is None:
            began = first if first is not None else self._began or 0.0
            what = "is missing" if given is None else f"{shown(given)} is not a time"
            instead = "its first message's" if first is not None else "the last entry's"
            self._remarks.add(place, f"startedDateTime {what}: {instead} time is taken")
        return began

    def _headers(self, headers: Any, place: str) -> Headers:
        """Objects with name and value, pairs, or an object."""
        pairs: list[tuple[str, str]] = []
        for header in headers.items() if isinstance(headers, dict) else headers if isinstance(headers, list) else ():
            if isinstance(header, dict):
                header = header.get("name"), header.get("value")
            if isinstance(header, list | tuple) and len(header) == 2 and all(isinstance(part, str) for part in header):
                pairs.append((clean(header[0]), clean(header[1])))
            else:
                self._remarks.add(place, f"a header is {shown(header)}, not a name and a value: {_LEFT_OUT}")
        return tuple(pairs)

    # Messages.

    def _messages(self, fields: Fields, response: Fields, place: str) -> list[Any] | None:
        """None, with a remark, where there are none to be read."""
        if "websocketmessages" in fields:
            messages = fields["websocketmessages"]
            if isinstance(messages, list):
                return messages
            self._remarks.add(place, f"its _webSocketMessages are {shown(messages)}, not a list: {_LEFT_OUT}")
            return None
        content = fields_of(response.get("content")) or {}
        file = content.get("file", fields.get("file"))
        if not isinstance(file, str):
            hint = "Playwright writes them with content: 'embed' or 'attach'"
            self._remarks.add(place, f"a WebSocket is named without its messages ({hint}): {_LEFT_OUT}")
            return None
        attached = self._attachments(file)
        if attached is None:
            why = "which is missing or too large"
            self._remarks.add(place, f"its messages are in the file {shown(file)}, {why}: {_LEFT_OUT}")
            return None
        return self._attached(attached, f"{place}, {file}")

    def _attached(self, data: bytes, place: str) -> list[Any]:
        """Messages as JSON lines, or as one list."""
        if data.lstrip().startswith(b"["):
            try:
                messages = parse_json(data)
            except ValueError:
                messages = parse_beginning(data)
                self._remarks.add(place, "it is cut off or damaged: the messages before that are read")
            return messages if isinstance(messages, list) else []
        messages = []
        rows = data.splitlines()
        for number, row in enumerate(rows, 1):
            if row.strip():
                try:
                    messages.append(parse_json(row))
                except ValueError:
                    cut = number == len(rows) and not data.endswith(b"\n")
                    what = "cut off in its last line" if cut else f"it is not JSON: {_LEFT_OUT}"
                    self._remarks.add(place, what, f"line {number}")
        return messages

    def _usual(self, message: Any) -> ReadMessage | None:
        """A text message as Chrome, Playwright and mitmproxy write it, without looking for anything else."""
        if type(message) is dict and len(message) == 4 and message.get("opcode") == Opcode.TEXT:
            kind, data, t = message.get("type"), message.get("data"), time_of(message.get("time"))
            is_usual = kind in ("send", "receive") and type(message["opcode"]) is int and t is not None
            if is_usual and isinstance(data, str):
                try:
                    return ReadMessage(t, kind == "send", Opcode.TEXT, self._payloads.keep(data.encode()))
                except UnicodeEncodeError:
                    return None
        return None

    def _message(self, message: Any, remark: Callable[[str], None]) -> ReadMessage | ReadEnd:
        """A message, or the end that an error among them tells."""
        fields = fields_of(message)
        if fields is None:
            remark(f"it is {shown(message)}, not an object: {_LEFT_OUT}")
            return ReadMessage(None, None, 0, missing="a message that is not an object")
        t = first_time(fields, "time", "timestamp", "walltime", "ts")
        sender: bool | None = None
        try:
            try:
                sender = from_client(fields)
            except Odd:
                if is_error(fields):
                    text = first_of(fields, "data", "message", "error", "reason") or "an error"
                    return ReadEnd(t, None, None, None, Ending.DROPPED, clean(text) if isinstance(text, str) else shown(text))
                raise
            opcode = opcode_of(fields, remark)
            if opcode == Opcode.CLOSE:
                code, reason = code_and_reason(fields, payload_names=True)
                if code == ABNORMAL:
                    return ReadEnd(t, None, None, reason and clean(reason), Ending.DROPPED, f"close code {code}")
                return ReadMessage(t, sender, opcode, close_payload(code, reason))
            payload = payload_of(fields, opcode, remark)
        except Odd as odd:
            remark(f"its {odd}: {_LEFT_OUT}")
            return ReadMessage(t, sender, 0, missing=f"its {odd}")
        fin = fields.get("fin") is not False or opcode >= Opcode.CLOSE
        return ReadMessage(t, sender, opcode, self._payloads.keep(payload), fin)


def _is_websocket(fields: Fields, request: Fields, url: str | None) -> bool:
    kind = fields.get("resourcetype")
    return (isinstance(kind, str) and kind.lower() == "websocket") or split_url(url or "").scheme in ("ws", "wss")


def _status(status: Any) -> int | None:
    """An HTTP status; browsers write 0 or -1 where there was none."""
    if isinstance(status, str) and status.isascii() and status.isdecimal():
        status = int(status[:9])
    return status if isinstance(status, int) and not isinstance(status, bool) and 100 <= status <= 999 else None


def _join_continuations(messages: list[ReadMessage], remark: Callable[..., None]) -> None:
    """The message before a continuation frame of the same side goes on; a continuation of nothing is left out."""
    last: dict[bool | None, ReadMessage] = {}
    for number, message in enumerate(messages, 1):
        if message.missing is not None or message.opcode >= Opcode.CLOSE:
            continue
        before = last.get(message.from_client)
        if message.opcode == Opcode.CONTINUATION:
            if before is None:
                message.missing = "a continuation frame of no message"
                remark(f"it continues no message: {_LEFT_OUT}", item=f"message {number}")
                continue
            before.fin = False
        elif before is not None:
            before.fin = True
        last[message.from_client] = message
    for message in last.values():
        message.fin = True


def _log_of(before: bytes) -> Any:
    """What stands in a `log` before its entries."""
    try:
        document = parse_json(before + b"]}}")
    except ValueError:
        return None
    return document.get("log") if isinstance(document, dict) else None
