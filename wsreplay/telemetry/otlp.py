"""Spans sent to a collector: OTLP over HTTP, by OpenTelemetry's own exporter.

Its variables hold: OTEL_EXPORTER_OTLP_HEADERS for credentials, OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES for who we are.
"""

from __future__ import annotations

import logging
import queue
import socket
import threading
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit
from urllib.request import getproxies

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

import wsreplay
from wsreplay.errors import UpstreamError, UsageError
from wsreplay.telemetry.traces import TraceSpan

_TRACES = "/v1/traces"
_MOST_WAITING = 100  # batches
_LOOK_EVERY_S = 0.02
_LOGGER = "opentelemetry"


def traces_endpoint(url: str) -> str:
    """Where a collector takes traces: `http://localhost:4318` means its `/v1/traces`. Raises UsageError."""
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise UsageError(f"{url!r} is not the URL of a collector, such as http://localhost:4318")
    return url if parts.path.strip("/") else url.rstrip("/") + _TRACES


class SpanSender:
    """Sends batches to one collector. `timeout_s` is for each, attempts at it included."""

    def __init__(self, url: str, timeout_s: float = 10.0) -> None:
        """Raises UsageError."""
        self.endpoint = traces_endpoint(url)
        self._exporter = OTLPSpanExporter(endpoint=self.endpoint, timeout=timeout_s)
        self._resource = Resource.create({"service.name": "wsreplay", "service.version": wsreplay.__version__})
        self._scope = InstrumentationScope("wsreplay", wsreplay.__version__)
        self._reasons = _LastMessage()
        logger = logging.getLogger(_LOGGER)
        logger.handlers, logger.propagate = [self._reasons], False

    def check(self) -> None:
        """Raises UpstreamError where nobody listens: the exporter would try again for a while. A proxy is not looked behind."""
        parts = urlsplit(self.endpoint)
        if parts.scheme in getproxies():
            return
        place = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        try:
            socket.create_connection(place, timeout=3).close()
        except OSError as error:
            raise UpstreamError(f"no collector answers at {place[0]}:{place[1]}: {error.strerror or error}") from None

    def send(self, spans: Sequence[TraceSpan]) -> None:
        """Raises UpstreamError where the collector does not take them."""
        self._reasons.text = ""
        if self._exporter.export([self._span(span) for span in spans]) is not SpanExportResult.SUCCESS:
            raise UpstreamError(f"{self.endpoint} takes no spans: {self._reasons.text or 'it answers with an error'}")

    def _span(self, span: TraceSpan) -> ReadableSpan:
        parent = None if span.parent_id is None else _context(span.trace_id, span.parent_id)
        return ReadableSpan(
            span.name, _context(span.trace_id, span.span_id), parent, self._resource, span.attributes,
            [Event(event.name, event.attributes, event.at_ns) for event in span.events], kind=SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR, span.error) if span.error else Status(), start_time=span.start_ns,
            end_time=span.end_ns, instrumentation_scope=self._scope,
        )  # fmt: skip


def _context(trace_id: int, span_id: int) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


class _LastMessage(logging.Handler):
    """What the exporter said last: its own word on why it failed."""

    def __init__(self) -> None:
        super().__init__()
        # of the batch that is being sent, its first line; "": nothing was said
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = record.getMessage().partition("\n")[0][:300]


class BackgroundSender:
    """Sends in a thread, so that nobody waits for a collector. What does not fit is left out, and said once in a row."""

    def __init__(self, sender: SpanSender, complain: Callable[[str], None]) -> None:
        self._sender, self._complain = sender, complain
        self._batches: queue.Queue[list[TraceSpan]] = queue.Queue(_MOST_WAITING)
        # whether the last batch was lost, and that was said
        self._is_failing = False
        threading.Thread(target=self._run, name="otlp", daemon=True).start()

    def send(self, spans: list[TraceSpan]) -> None:
        """Take a batch."""
        try:
            self._batches.put_nowait(spans)
        except queue.Full:
            self._fail("spans are dropped, because it is too slow")

    def drain(self, within_s: float) -> None:
        """Wait until everything was sent or given up, at most so long."""
        until = time.monotonic() + within_s
        while self._batches.unfinished_tasks and time.monotonic() < until:
            time.sleep(_LOOK_EVERY_S)

    def _run(self) -> None:
        while True:
            batch = self._batches.get()
            try:
                self._sender.send(batch)
                self._is_failing = False
            except UpstreamError as error:
                self._fail(str(error))
            finally:
                self._batches.task_done()

    def _fail(self, reason: str) -> None:
        if not self._is_failing:
            self._is_failing = True
            self._complain(reason)
