"""Whole messages against JSON Schemas (drafts 4, 6 and 7), by event type.

State: none. Fast path: none; the schema is compiled, and a handler holds only the checks of its own type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fastjsonschema

from wsreplay.contract.model import Pattern
from wsreplay.contract.payload_schema import compile_schema
from wsreplay.contract.rules.schema import Schema
from wsreplay.validator.emit.exact import Body, document_of
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.findings import Verdict
from wsreplay.validator.reporting import short
from wsreplay.validator.rules.message import MessageMonitor
from wsreplay.validator.state.trace_event import MessageEvent


class SchemaMonitor(MessageMonitor):
    """Whole messages against JSON Schemas."""

    word = "schema"
    rule: Schema

    def __init__(self, *common: Any) -> None:
        super().__init__(*common)
        # pattern → a function that raises where a message does not fit
        self._schemas: dict[Pattern, Callable[[Any], Any]] = {
            pattern: compile_schema(schema) for pattern, schema in self.rule.schemas
        }

    def globals(self) -> dict[str, Any]:
        fits = {self._name(index): fits for index, fits in enumerate(self._schemas.values())}
        return {**super().globals(), **fits}

    def _name(self, index: int) -> str:
        """The function of a schema, in generated source."""
        return f"fits_schema{self.number}_{index}"

    def emit(self, writer: HandlerWriter) -> None:
        for index, pattern in enumerate(self._schemas):
            if pattern.fits(writer.direction, writer.type):
                writer.add(
                    f"{self.variable}.check({self._name(index)}, payload, {writer.event})"
                )

    def check(self, fits: Callable[[Any], Any], body: Body, event: MessageEvent) -> None:
        """An event of a type with a schema came."""
        self.counts.activate()
        try:
            fits(document_of(body))
        except RecursionError:  # the schema refers to itself
            self.reporter.report_message(
                self.counts, event,
                kind="schema",
                message=f"{event.type} is nested too deeply for its schema",
                verdict=Verdict.INCONCLUSIVE,
                seen=event.type,
            )  # fmt: skip
        except fastjsonschema.JsonSchemaValueException as error:
            self.reporter.report_message(
                self.counts, event,
                kind="schema",
                message=f"{event.type}: {short(error.message, 300)}",
                seen=event.type,
            )  # fmt: skip
