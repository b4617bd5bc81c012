"""The rules about the messages' form: JSON, types, schemas."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import fastjsonschema
import msgspec

from wsreplay.contract.model import Format, Pattern, Schema, Unknown
from wsreplay.validator.emit.repeated_names import repeated_name
from wsreplay.validator.findings import Verdict
from wsreplay.validator.reporting import Counts, Reporter, short
from wsreplay.validator.state.state import ConnectionState

_DEEPEST = 1_024  # levels that orjson reads


class FormatMonitor:
    """Every text message is JSON, an object, with a type, as far as the contract says so."""

    def __init__(self, rule: Format, counts: Counts, reporter: Reporter) -> None:
        self.rule, self.counts, self.reporter = rule, counts, reporter

    def broken(self, conn: ConnectionState, error: str, fid: int, t: int, direction: int) -> None:
        """The text is not JSON."""
        if self.rule.text != "any":
            self._say(conn, f"not JSON: {error}", fid, t, direction, Verdict.VIOLATED)

    def unread(self, conn: ConnectionState, why: str, fid: int, t: int, direction: int) -> None:
        """The text may or may not be JSON."""
        if self.rule.text != "any":
            self._say(conn, f"a message could not be judged: {why}", fid, t, direction, Verdict.INCONCLUSIVE)

    def not_object(self, conn: ConnectionState, value: Any, fid: int, t: int, direction: int) -> None:
        if self.rule.text == "object":
            word = {list: "a list", str: "a text", bool: "a truth value", type(None): "null"}.get(type(value), "a number")
            self._say(conn, f"{word} instead of a JSON object", fid, t, direction, Verdict.VIOLATED)

    def names(self, conn: ConnectionState, payload: bytes, fid: int, t: int, direction: int) -> None:
        name = repeated_name(payload) if self.rule.names_unique else None
        if name is not None:
            what = f"the name {short(name)} stands twice in one object: whoever reads it may take either value"
            self._say(conn, what, fid, t, direction, Verdict.VIOLATED)

    def untyped(self, conn: ConnectionState, value: Any, fid: int, t: int, direction: int) -> None:
        if self.rule.type_required:
            what = "has no type" if value is None else f"has a type that is no text: {short(value)}"
            self._say(conn, f"the message {what}", fid, t, direction, Verdict.VIOLATED)

    def _say(self, conn: ConnectionState, message: str, fid: int, t: int, direction: int, verdict: Verdict) -> None:
        self.reporter.report_message(
            self.counts, conn, fid, t, direction,
            kind="format",
            message=message,
            verdict=verdict,
        )


def why_unread(payload: bytes, cut: bool) -> str | None:
    """Why a text that the decoder refused may still be a well-formed message; None where it is not."""
    if cut:
        return "its payload was cut when it was recorded"
    return f"nested deeper than {_DEEPEST:,} levels" if _depth(payload) > _DEEPEST else None


def _depth(payload: bytes) -> int:
    """How deep the brackets nest, those in strings not counted; stops above what matters."""
    depth = deepest = 0
    in_string = escaped = False
    for byte in payload:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in b"[{":
            depth += 1
            if depth > _DEEPEST:
                return depth
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


class UnknownMonitor:
    """A type that the contract does not name: said once per session and direction."""

    _MOST = 1_000

    def __init__(self, rule: Unknown, counts: Counts, reporter: Reporter) -> None:
        self.rule, self.counts, self.reporter = rule, counts, reporter

    def seen(self, conn: ConnectionState, type_: str, fid: int, t: int, direction: int) -> None:
        said = conn.session.unknown
        if (direction, type_) in said:
            self.counts.violations += 1
            return
        if len(said) >= self._MOST:
            self.counts.violations += 1
            self.reporter.forget("unknown types")
            return
        said.add((direction, type_))
        self.reporter.report_message(
            self.counts, conn, fid, t, direction,
            kind="unknown",
            message=f"unknown type {short(type_)}",
            seen=short(type_),
        )


class SchemaMonitor:
    """Whole messages against JSON Schemas."""

    def __init__(self, rule: Schema, counts: Counts, reporter: Reporter) -> None:
        self.rule, self.counts, self.reporter = rule, counts, reporter
        self._checks: dict[Pattern, Callable[[Any], Any]] = {
            pattern: fastjsonschema.compile(schema, use_default=False) for pattern, schema in rule.schemas
        }

    def checks(self, direction: int, type_: str) -> list[Callable[[Any], Any]]:
        return [check for pattern, check in self._checks.items() if pattern.fits(direction, type_)]

    def check(
        self, check: Callable[[Any], Any], payload: bytes, conn: ConnectionState, fid: int, t: int, type_: str, direction: int
    ) -> None:
        self.counts.activations += 1
        try:
            check(_in_depth(msgspec.json.decode, payload))
        except RecursionError:  # the schema refers to itself
            self.reporter.report_message(
                self.counts, conn, fid, t, direction,
                kind="schema",
                message=f"{type_} is nested too deep for its schema",
                verdict=Verdict.INCONCLUSIVE,
                seen=type_,
            )
        except fastjsonschema.JsonSchemaValueException as error:
            self.reporter.report_message(
                self.counts, conn, fid, t, direction,
                kind="schema",
                message=f"{type_}: {short(error.message, 300)}",
                seen=type_,
            )


def exact(payload: bytes) -> Any:
    """The message with its numbers as they were written, not as the nearest float."""
    return _in_depth(lambda text: json.loads(text, parse_float=Decimal), payload)


def comparable(value: Any) -> str:
    """The same text for the same value."""
    return str(_in_depth(lambda whole: json.dumps(whole, sort_keys=True), value))


def _in_depth(do: Callable[[Any], Any], what: Any) -> Any:
    """Let recursion go as deep as the engine's decoder does, which is deeper than Python allows by itself."""
    try:
        return do(what)
    except RecursionError:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(limit + 2 * _DEEPEST)
        try:
            return do(what)
        finally:
            sys.setrecursionlimit(limit)
