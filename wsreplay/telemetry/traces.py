"""Runs, tools and operations as spans of a trace, by OpenTelemetry's semantic conventions for generative AI.

Each run that is part of nothing is a trace of its own, unless a `traceparent` (W3C Trace Context) says of which trace it is
part: in the message that begins the run, in one of the client's shortly before it in the same thread, or in the handshake. All
ids follow from the recording, so that the same recording gives the same spans, however often it is exported.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from wsreplay.contract import Contract
from wsreplay.display import visible
from wsreplay.model import Connection, Frame, Run, start_ns_of
from wsreplay.store import paging
from wsreplay.store.condition import all_of, compare, contains, is_among
from wsreplay.store.reader import Recording
from wsreplay.trace.identifiers import identifiers
from wsreplay.validator.findings import Finding, SpanRecord

AttributeValue = str | int | list[int] | list[str]

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")
_IN_MESSAGE = re.compile(rb'"traceparent"\s*:\s*"([0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})"')
_LOOKED_BACK = 200  # frames before a run in which a client may have named its trace
_MOST_ROOTS = 10_000
_TOOLS = frozenset(("tool", "tool-call", "call", "function-call"))
_AGENTS = frozenset(("subagent", "agent"))
# The conventions' names of providers, by the hosts at which they are reached.
_PROVIDERS = {
    "openai.com": "openai", "openai.azure.com": "azure.ai.openai", "inference.ai.azure.com": "azure.ai.inference",
    "services.ai.azure.com": "azure.ai.inference", "anthropic.com": "anthropic", "amazonaws.com": "aws.bedrock",
    "generativelanguage.googleapis.com": "gcp.gemini", "aiplatform.googleapis.com": "gcp.vertex_ai", "cohere.com": "cohere",
    "deepseek.com": "deepseek", "groq.com": "groq", "ml.cloud.ibm.com": "ibm.watsonx.ai", "mistral.ai": "mistral_ai",
    "perplexity.ai": "perplexity", "x.ai": "x_ai",
}  # fmt: skip
_FAILED = frozenset(("failed", "stalled", "cut"))


class TraceContext(NamedTuple):
    """A trace, and the span of it that a run is part of; None where it is part of none."""

    trace_id: int
    parent_id: int | None


class SpanEvent(NamedTuple):
    """Something that happened in a span, at a time in ns since 1970."""

    name: str
    at_ns: int
    attributes: dict[str, AttributeValue]


class TraceSpan(NamedTuple):
    """One span. Times are in ns since 1970; `error` says what went wrong, "" where nothing did."""

    name: str
    trace_id: int
    span_id: int
    parent_id: int | None
    start_ns: int
    end_ns: int
    attributes: dict[str, AttributeValue]
    events: tuple[SpanEvent, ...] = ()
    error: str = ""


class SpanTranslator:
    """Makes spans of what the validator says of one recording. Call it where the recording may be read. `user_of` tells whose
    a session is."""

    def __init__(self, recording: Recording, user_of: Callable[[int], str | None]) -> None:
        self._recording, self._user_of = recording, user_of
        # by outermost span, no more than _MOST_ROOTS
        self._contexts: OrderedDict[str, TraceContext] = OrderedDict()
        # by id
        self._connections: dict[int, Connection] = {}
        # when its time begins, in ns since 1970 (0: not told), and what tells it from other recordings
        self._zero_ns, self._anchor = 0, ""
        # where each run of the recorder sent to
        self._upstreams: dict[int, str] = {}

    def refresh(self, connections: list[Connection], runs: list[Run]) -> None:
        """What is known of the recording by now."""
        self._connections = {connection.id: connection for connection in connections}
        self._upstreams = {run.id: run.upstream for run in runs}
        if runs and not self._anchor:
            self._anchor = f"{runs[0].started_at}\0{runs[0].listen}\0{runs[0].upstream}"
            try:
                self._zero_ns = start_ns_of(runs[0])
            except ValueError:
                self._zero_ns = 0

    def span(self, record: SpanRecord, root: SpanRecord, contract: Contract, reached_ns: int) -> TraceSpan:
        """A span without events. One that has not ended does so where the recording does."""
        context = self._context_of(root)
        parent = context.parent_id if record.id == root.id or record.parent is None else self._id_of(record.parent)
        end_ns = reached_ns if record.end_ns is None else record.end_ns
        operation, subject = _operation(record, contract)
        error = f"{record.state}: {record.detail}".removesuffix(": ") if record.state in _FAILED else ""
        return TraceSpan(
            f"{operation} {visible(subject)}".strip(), context.trace_id, self._id_of(record.id), parent,
            self._zero_ns + record.start_ns, self._zero_ns + max(end_ns, record.start_ns),
            self._attributes(record, contract, operation, subject), error=visible(error),
        )  # fmt: skip

    def finding_event(self, finding: Finding) -> SpanEvent:
        """A finding as an event of the span that it is about."""
        at_ns = finding.decided_at if finding.at_ns is None else finding.at_ns
        attributes: dict[str, AttributeValue] = {
            "wsreplay.finding.rule": visible(finding.rule),
            "wsreplay.finding.verdict": str(finding.verdict),
            "wsreplay.finding.severity": str(finding.severity),
            "wsreplay.finding.kind": finding.kind,
            "wsreplay.finding.message": visible(finding.message),
            "wsreplay.finding.frames": list(finding.frames),
        }
        if finding.expected:
            attributes["wsreplay.finding.expected"] = [visible(type_) for type_ in finding.expected]
        return SpanEvent("wsreplay.finding", self._zero_ns + at_ns, attributes)

    def finding_span(self, finding: Finding, beside: TraceSpan | None) -> TraceSpan:
        """A finding that belongs to no span, or to one that is exported already (`beside`): a span of no length."""
        event = self.finding_event(finding)
        trace_id = self._number(f"session {finding.session}", 16) if beside is None else beside.trace_id
        attributes = dict(event.attributes)
        if finding.session is not None:
            attributes["wsreplay.session"] = finding.session
        return TraceSpan(
            f"finding {visible(finding.rule)}", trace_id, self._number(f"finding {finding.id}", 8),
            None if beside is None else beside.span_id, event.at_ns, event.at_ns, attributes, (event,),
        )  # fmt: skip

    def _attributes(
        self, record: SpanRecord, contract: Contract, operation: str, subject: str
    ) -> dict[str, AttributeValue]:
        keys = dict(record.slice)
        attributes: dict[str, AttributeValue] = {
            "wsreplay.span": record.span, "wsreplay.state": record.state, "wsreplay.session": record.session,
            "wsreplay.connection": record.connection, "wsreplay.contract": contract.name,
        }  # fmt: skip
        if record.start_frame:
            attributes["wsreplay.frames"] = [record.start_frame, *([record.end_frame] if record.end_frame else [])]
        if operation in ("invoke_agent", "execute_tool"):
            attributes["gen_ai.operation.name"] = operation
            attributes["gen_ai.provider.name"] = self._provider_of(record, contract)
            if subject:
                attributes["gen_ai.agent.name" if operation == "invoke_agent" else "gen_ai.tool.name"] = visible(subject)
        if operation == "execute_tool" and record.slice:
            attributes["gen_ai.tool.call.id"] = visible(record.slice[-1][1])
        if "thread" in keys:
            attributes["gen_ai.conversation.id"] = visible(keys["thread"])
        if record.state in _FAILED:
            attributes["error.type"] = record.state
        user = self._user_of(record.session)
        if user is not None:
            attributes["user.id"] = visible(user)
        return attributes

    def _provider_of(self, record: SpanRecord, contract: Contract) -> str:
        connection = self._connections.get(record.connection)
        return provider_of("" if connection is None else self._upstreams.get(connection.recording_id, ""), contract.name)

    # Ids.

    def _number(self, name: str, length: int) -> int:
        digest = hashlib.sha256(f"{self._anchor}\0{name}".encode("utf-8", "replace")).digest()
        return int.from_bytes(digest[:length], "big") or 1

    def _id_of(self, record_id: str) -> int:
        return self._number(f"span {record_id}", 8)

    def _context_of(self, root: SpanRecord) -> TraceContext:
        context = self._contexts.get(root.id)
        if context is None:
            context = self._find_context(root) or TraceContext(self._number(f"trace {root.id}", 16), None)
            self._contexts[root.id] = context
            if len(self._contexts) > _MOST_ROOTS:
                self._contexts.popitem(last=False)
        return context

    def _find_context(self, root: SpanRecord) -> TraceContext | None:
        """What a message says before what the handshake says: it is nearer to the run."""
        for frame in self._naming_frames(root):
            match = _IN_MESSAGE.search(frame.payload)
            if match is not None and (context := parse_traceparent(match[1].decode())) is not None:
                return context
        connection = self._connections.get(root.connection)
        values = connection.request_headers if connection is not None else ()
        contexts = (parse_traceparent(value.strip()) for name, value in values if name.lower() == "traceparent")
        return next(filter(None, contexts), None)

    def _naming_frames(self, root: SpanRecord) -> list[Frame]:
        """The frame that begins a run, and the client's before it in the same thread, the nearest first."""
        if not root.start_frame:
            return []
        connection = is_among("connection_id", (root.connection,)).upper
        condition = all_of([contains(b'"traceparent"'), connection])
        first = max(1, root.start_frame - _LOOKED_BACK)
        frames = list(paging.frames_where(self._recording, first, root.start_frame - 1, all_of([condition, _FROM_CLIENT])))
        own = list(paging.frames_where(self._recording, root.start_frame, root.start_frame, condition))
        thread = dict(root.slice).get("thread")
        return [*own, *(frame for frame in reversed(frames) if identifiers(frame.payload).get("thread", thread) == thread)]


_FROM_CLIENT = compare("direction", "=", 0)


def provider_of(upstream: str, contract: str) -> str:
    """Who provides the agent, as the conventions name providers: by the upstream's host, else by the protocol that it speaks.

    An agent of one's own has a name of one's own, which the conventions allow: that of its contract.
    """
    host = ""
    with suppress(ValueError):
        host = urlsplit(upstream).hostname or ""
    for domain, provider in _PROVIDERS.items():
        if host == domain or host.endswith(f".{domain}"):
            return provider
    return "openai" if contract.startswith("openai-") else visible(contract)


def parse_traceparent(text: str) -> TraceContext | None:
    """The context in a `traceparent`; None where it is none (W3C Trace Context, section 3.2)."""
    match = _TRACEPARENT.fullmatch(text)
    if match is None or text.startswith("ff"):
        return None
    trace_id, parent_id = int(match[1], 16), int(match[2], 16)
    return TraceContext(trace_id, parent_id) if trace_id and parent_id else None


def _operation(record: SpanRecord, contract: Contract) -> tuple[str, str]:
    """What a span does, in the conventions' words where they have one, and what its name says besides."""
    run = contract.run_span
    if (run is not None and record.span == run.id) or record.span in _AGENTS:
        return "invoke_agent", record.label
    if record.span in _TOOLS:
        return "execute_tool", record.label
    return record.span, record.label
