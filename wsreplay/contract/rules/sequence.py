"""`sequence`: gaps and disorder of a counter."""

from __future__ import annotations

from dataclasses import dataclass

from wsreplay.contract.document import Value
from wsreplay.contract.model import Rule
from wsreplay.contract.parts import Reader
from wsreplay.contract.paths import Path
from wsreplay.contract.rules.kind import COMMON, is_enabled, named_kind, read_common, read_field
from wsreplay.contract.schema_parts import FIELD, common_properties, json_object, ref

_MODES = ("contiguous", "increasing")


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceRule(Rule):
    """A counter per slice and direction: `contiguous` (each one more than the last) or `increasing`."""

    field: Path
    by: tuple[str, ...]
    mode: str = "contiguous"

    def paths(self) -> tuple[Path, ...]:
        return (self.field,)


def _read(value: Value, reader: Reader) -> Rule | None:
    parts = value.mapping((*COMMON, "field", "by", "mode"))
    if not is_enabled(parts):
        return None
    return SequenceRule(
        **read_common(value, parts, "sequence"), field=read_field(value, parts, reader),
        by=reader.key_list(parts["by"]) if "by" in parts else ("conn.id",),
        mode=parts["mode"].choice(_MODES) if "mode" in parts else "contiguous",
    )  # fmt: skip


_SCHEMA = json_object({**common_properties(), "field": FIELD, "by": ref("keys"), "mode": {"enum": list(_MODES)}})
KIND = named_kind("sequence", _read, _SCHEMA)
