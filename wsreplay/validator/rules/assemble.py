"""Texts that come in pieces are one document.

State: of each slice the pieces since the last end, and the first frame; of very long ones no more than that they were.
"""

from __future__ import annotations

from typing import Any

import fastjsonschema
import orjson
from msgspec import Struct

from wsreplay.contract.payload_schema import compile_schema
from wsreplay.contract.rules.assemble import Assemble
from wsreplay.decode.values import why_not_json
from wsreplay.validator.emit.exact import in_depth, is_same
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.reporting import either, names, short
from wsreplay.validator.rules.template import A, B
from wsreplay.validator.rules.value_template import ValueTemplate
from wsreplay.validator.state.state import Slice
from wsreplay.validator.state.trace_event import TraceEvent
from wsreplay.validator.state.undecodable import why_unsure

LONGEST = 16 << 20  # characters of one document


class Pieces(Struct, eq=False):
    """What came so far."""

    first: int | None
    texts: list[str] = []
    length: int = 0

    def add(self, text: str) -> bool:
        """One more came; whether all are still kept."""
        self.length += len(text)
        if self.length > LONGEST:
            self.texts = []
            return False
        self.texts.append(text)
        return True


class AssembleTemplate(ValueTemplate):
    """The pieces of each document are joined where its end comes. A document without pieces is none."""

    rule: Assemble

    def __init__(self, *common: Any) -> None:
        super().__init__(*common)
        text = self.rule.schema_text
        self._fits = None if text is None else compile_schema(orjson.loads(text))

    def arguments(self, writer: HandlerWriter) -> list[str]:
        equals = self.rule.equals
        return [writer.value(self.rule.field), "None" if equals is None else writer.value(equals)]

    def see(self, slice_: Slice, roles: int, event: TraceEvent, *values: Any) -> None:
        text, whole = values or (None, None)
        state: Pieces | None = slice_.state(self.number)
        if roles & B and state is not None:
            slice_.set_state(self.number, None)
            self._judge(slice_, state, whole, event)
            state = None
        if not roles & A or text is None:
            return
        if not isinstance(text, str):
            self.say(slice_, "format", f"{self.rule.field.text} of {event.type} is not a string", event)
            return
        if state is None:
            self.activate(slice_)
            slice_.set_state(self.number, state := Pieces(event.fid))
        if not state.add(text) and state.length - len(text) <= LONGEST:
            self.reporter.forget("pieces of long texts")
            self.undecided(slice_)

    def _judge(self, slice_: Slice, state: Pieces, whole: Any, event: TraceEvent) -> None:
        if state.length > LONGEST:
            return
        text, problem = "".join(state.texts), None
        if self.rule.is_json:
            problem = self._why_no_document(text)
        if problem is None and whole is not None and not _is_same(text, whole):
            problem = f"are {short(text)!r}, but {event.type} says {short(whole)!r}"
        if problem is not None:
            what = f"{self.rule.field.text} of {either(names(self.rule.operands[0]))}, joined,"
            unsure = why_unsure(slice_.undecodable, self.rule.operands[0], state.first)
            self.say(slice_, "assembly", f"{what} {problem}", event, state.first, unsure=unsure)

    def _why_no_document(self, text: str) -> str | None:
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError:
            return f"are not JSON ({why_not_json(text)}): {short(text)}"
        if self._fits is not None:
            try:
                in_depth(self._fits, document)
            except fastjsonschema.JsonSchemaValueException as error:
                return f"do not match the schema: {short(error.message, 160)}"
        return None


def _is_same(text: str, whole: Any) -> bool:
    if isinstance(whole, str):
        return text == whole
    try:
        return is_same(orjson.loads(text), whole)
    except orjson.JSONDecodeError:
        return False
