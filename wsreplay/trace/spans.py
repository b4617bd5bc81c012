"""Spans drawn from names alone: what began, what ended it, on which lane, without a contract.

Event types of agent protocols end in a verb: `tool_executing` … `tool_completed`, `RUN_STARTED` … `RUN_FINISHED`,
`response.created` … `response.done`. An end belongs to the open span of the same stem whose ids do not contradict its own and
agree in most of them; of equals, to the oldest. That is good enough to draw; judging is the contract's business.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from wsreplay.model import Direction, Message

CONVERSATION = "conversation"
"""The lane of what the client says, and of what the server says outside of any thread or run."""

_STARTS = frozenset({"started", "start", "executing", "begin", "began", "created", "added", "running"})
_ENDS = frozenset({"completed", "complete", "finished", "finish", "end", "ended", "done", "stopped", "stop", "succeeded"})
_FAILURES = frozenset({"error", "failed", "failure", "aborted", "cancelled", "canceled", "timeout"})
_LARGE_STEMS = frozenset({"agent", "run", "response", "turn", "session", "thread"})
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_IDS = {
    "thread_id": "thread", "threadId": "thread", "conversation_id": "thread", "run_id": "run", "runId": "run",
    "response_id": "run", "tool_call_id": "call", "toolCallId": "call", "call_id": "call", "item_id": "item", "id": "id",
    "messageId": "message", "stepName": "name", "tool_name": "name", "toolName": "name", "toolCallName": "name",
    "agent_name": "agent",
}  # fmt: skip
_ENVELOPES = ("payload", "data", "response", "item")
_MOST_OPEN = 200
_LONGEST_TYPE = 100
_LONGEST_DOCUMENT = 256 * 1024


@dataclass(slots=True)
class Span:
    """Something that took time.

    `end_ns` is None while it is open. `large` says that it is a whole run, not a part of one; `cut`, that it never ended and
    only stopped with its run.
    """

    lane: str
    name: str
    stem: str
    start_ns: int
    start_frame: int
    ids: dict[str, str] = field(default_factory=dict)
    end_ns: int | None = None
    end_frame: int | None = None
    failed: bool = False
    cut: bool = False

    @property
    def large(self) -> bool:
        return self.stem in _LARGE_STEMS


@dataclass(frozen=True, slots=True)
class Instant:
    """An event that is neither the start nor the end of a span."""

    lane: str
    name: str
    t_ns: int
    frame: int


@dataclass(slots=True)
class Lanes:
    """What happened, lane by lane, in order of first appearance. A lane is a run, a thread without runs, or CONVERSATION."""

    names: dict[str, None] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    instants: list[Instant] = field(default_factory=list)


class Tracker:
    """Takes messages in arrival order; `lanes` holds what they amount to so far."""

    def __init__(self) -> None:
        self.lanes = Lanes()
        self._open: defaultdict[tuple[int, str], list[Span]] = defaultdict(list)
        self._lane_of: dict[tuple[int, str], str] = {}

    def feed(self, message: Message) -> None:
        """Add one message; those without a type are nothing to draw."""
        if message.type is None:
            return
        ids = identifiers(message.payload)
        stem, verb = divided(message.type)
        lane = self._lane(message, ids)
        self.lanes.names.setdefault(lane)
        sent_by_client = message.direction == Direction.CLIENT_TO_SERVER
        if verb in _STARTS and not sent_by_client:
            name = ids.get("name") or ids.get("agent") or stem.replace("_", " ")
            span = Span(lane, name, stem, message.t_ns, message.id, ids)
            self.lanes.spans.append(span)
            self._open[message.connection_id, stem].append(span)
        elif sent_by_client or not self._end(message, stem, verb, ids, lane):
            self.lanes.instants.append(Instant(lane, message.type, message.t_ns, message.id))

    def _end(self, message: Message, stem: str, verb: str, ids: dict[str, str], lane: str) -> bool:
        failed = verb in _FAILURES or stem in _FAILURES
        if verb not in _ENDS and not failed:
            return False
        candidates = self._open[message.connection_id, stem]
        span = _best(candidates, ids)
        if span is None and failed:
            candidates = next(
                (spans for (connection, _), spans in self._open.items() if connection == message.connection_id
                 and any(span.large and span.lane == lane for span in spans)), [],
            )  # fmt: skip
            span = next((candidate for candidate in candidates if candidate.lane == lane), None)
        if span is None:
            return False
        candidates.remove(span)
        span.end_ns, span.end_frame, span.failed = message.t_ns, message.id, failed
        if span.large:
            self._cut(message, span.lane)
        return True

    def _cut(self, message: Message, lane: str) -> None:
        """A run that ends stops what is still open in it."""
        for (connection, _), candidates in self._open.items():
            if connection == message.connection_id:
                for span in [candidate for candidate in candidates if candidate.lane == lane and not candidate.large]:
                    candidates.remove(span)
                    span.end_ns, span.cut = message.t_ns, True

    def _lane(self, message: Message, ids: dict[str, str]) -> str:
        """An event that names no run belongs to the last one that its thread, or else its connection, has seen."""
        if message.direction == Direction.CLIENT_TO_SERVER:
            return CONVERSATION
        thread, run = ids.get("thread"), ids.get("run")
        keys = [(message.connection_id, f"thread {thread}")] if thread is not None else []
        keys.append((message.connection_id, ""))
        if run is not None:
            lane = f"thread {thread} · run {run}" if thread is not None else f"run {run}"
            for key in keys:
                self._lane_of[key] = lane
            return lane
        known = self._lane_of.get(keys[0])
        if known is None:
            known = f"thread {thread}" if thread is not None else CONVERSATION
            self._lane_of[keys[0]] = known
        return known


def lanes(messages: Iterable[Message]) -> Lanes:
    """The lanes of a whole trace."""
    tracker = Tracker()
    for message in messages:
        tracker.feed(message)
    return tracker.lanes


@lru_cache(maxsize=4096)
def divided(type: str) -> tuple[str, str]:
    """The stem and the verb of an event type: `tool_executing` → `tool`, `executing`."""
    words = [word.lower() for word in _WORDS.findall(type[:_LONGEST_TYPE])]
    return ("_".join(words[:-1]), words[-1]) if words else ("", "")


def identifiers(payload: bytes) -> dict[str, str]:
    """What a message says about whose it is: thread, run, call, item, name …; the outermost mention counts."""
    if len(payload) > _LONGEST_DOCUMENT:
        return {}
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return {}
    values: dict[str, str] = {}
    if isinstance(document, dict):
        _collect(document, values)
        for name in _ENVELOPES:
            if name in document and isinstance(place := document[name], dict):
                _collect(place, values)
    return values


def _collect(place: dict[str, Any], values: dict[str, str]) -> None:
    for field_name in place.keys() & _IDS.keys():
        value = place[field_name]
        if type(value) is str or type(value) is int:
            name = _IDS[field_name]
            if name not in values and value != "":
                values[name] = str(value)
    if "name" not in values and isinstance(value := place.get("name"), str) and value:
        values["name"] = value


def _best(candidates: list[Span], ids: dict[str, str]) -> Span | None:
    best, most = None, -1
    for span in candidates[:_MOST_OPEN]:
        shared = span.ids.keys() & ids.keys() - {"id"}
        if any(span.ids[name] != ids[name] for name in shared):
            continue
        if len(shared) > most:
            best, most = span, len(shared)
    return best
