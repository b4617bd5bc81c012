"""`questions`: what a client asks is answered by a run, in time; and a run is the answer to something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wsreplay.contract.document import Value
from wsreplay.contract.model import Patterns, Rule, may_fit
from wsreplay.contract.parts import Reader, duration_ns, path_of
from wsreplay.contract.paths import Path
from wsreplay.contract.rules.kind import COMMON, is_enabled, named_kind, read_common
from wsreplay.contract.schema_parts import DURATION, JsonSchema, common_properties, json_object, one_or_many, ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions(Rule):
    """What asks: an event of `asks`, or any other of the client's that has a text at one of the paths `text`; never one of
    `never`. Each is answered within `within` by an instance of `span` of the same key `by`, which has ended `done_within` after
    it was asked (ns)."""

    names_events: ClassVar[bool] = True

    asks: Patterns
    span: str
    by: str
    never: Patterns = ()
    text: tuple[Path, ...] = ()
    within_ns: int | None = None
    done_within_ns: int | None = None
    # whether a run that nobody asked for is worth a warning
    warns_of_unasked: bool = True

    def patterns(self) -> Patterns:
        return self.asks

    def paths(self) -> tuple[Path, ...]:
        return self.text

    def may_concern(self, direction: int) -> bool:
        return direction == 0 or may_fit(self.asks, direction)


_PARTS = ("asks", "never", "text", "by", "answered_by", "within", "done_within", "unasked")


def _read(value: Value, reader: Reader) -> Rule | None:
    parts = value.mapping((*COMMON, *_PARTS), "the questions")
    if not is_enabled(parts):
        return None
    for needed in ("asks", "answered_by", "by"):
        if needed not in parts:
            value.fail(f"questions need `{needed}`")
    return Questions(
        **read_common(value, parts, "questions"),
        asks=reader.patterns(parts["asks"]),
        never=reader.patterns(parts["never"]) if "never" in parts else (),
        text=tuple(path_of(item) for item in parts["text"].items()) if "text" in parts else (),
        by=reader.key(parts["by"]),
        span=parts["answered_by"].choice(reader.spans or ["a span"]),
        within_ns=duration_ns(parts["within"]) if "within" in parts else None,
        done_within_ns=duration_ns(parts["done_within"]) if "done_within" in parts else None,
        warns_of_unasked="unasked" not in parts or parts["unasked"].choice(("warn", "allow")) == "warn",
    )


def _schema() -> JsonSchema:
    return json_object(
        {
            **common_properties(),
            "asks": ref("patterns"),
            "never": ref("patterns"),
            "text": one_or_many({"type": "string", "description": "paths: whatever has a text there asks, too"}),
            "by": {"type": "string", "description": "the key that a question and its answer have in common"},
            "answered_by": {"type": "string", "description": "a span"},
            "within": DURATION,
            "done_within": DURATION,
            "unasked": {"enum": ["warn", "allow"], "description": "a run that nobody asked for", "default": "warn"},
        },
        description="what a client asks, and what answers it",
    )


KIND = named_kind("questions", _read, _schema)
