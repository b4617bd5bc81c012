"""`json`: the form of text messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from wsreplay.contract.document import Value
from wsreplay.contract.model import Rule
from wsreplay.contract.parts import Reader
from wsreplay.contract.rules.kind import RuleKind, is_enabled, read_common
from wsreplay.contract.schema_parts import SEVERITY, json_object


@dataclass(frozen=True, slots=True, kw_only=True)
class Format(Rule):
    """`text`: object, json or any; `type_required`: whether every JSON object must carry a string type.

    `names_unique`: whether no name may stand twice in one object (RFC 7493, section 2.3).
    """

    about_form: ClassVar[bool] = True

    text: str = "any"
    type_required: bool = False
    names_unique: bool = False


def _read(value: Value, _: Reader) -> Iterable[Rule | None]:
    parts = value.mapping(("text", "type", "names", "severity", "enabled"))
    if not is_enabled(parts):
        return [None]
    common = read_common(value, {key: part for key, part in parts.items() if key == "severity"}, "json")
    format_ = Format(
        **common,
        text=parts["text"].choice(("object", "json", "any")) if "text" in parts else "object",
        type_required="type" in parts and parts["type"].choice(("required", "optional")) == "required",
        names_unique="names" in parts and parts["names"].choice(("any", "unique")) == "unique",
    )
    return [format_]


KIND = RuleKind(
    "json",
    _read,
    json_object({
        "text": {"enum": ["object", "json", "any"]}, "type": {"enum": ["required", "optional"]},
        "names": {"enum": ["any", "unique"]}, "severity": SEVERITY, "enabled": {"type": "boolean"},
    }),
    merged=1,
)  # fmt: skip
