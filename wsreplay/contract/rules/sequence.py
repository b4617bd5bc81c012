"""`sequence`: gaps and disorder of a counter."""

from __future__ import annotations

from dataclasses import dataclass

from wsreplay.contract.document import Value
from wsreplay.contract.model import Rule
from wsreplay.contract.parts import Reader, duration_ns
from wsreplay.contract.paths import Path
from wsreplay.contract.rules.kind import COMMON, is_enabled, named_kind, read_common, read_field
from wsreplay.contract.schema_parts import DURATION, FIELD, JsonSchema, common_properties, json_object, ref

RECOVER_WITHIN_NS = 1_000_000_000
_MODES = ("contiguous", "increasing")


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceRule(Rule):
    """A counter per slice and direction: `contiguous` (each one more than the last) or `increasing`.

    Without `by`, what has a counter is found by looking: the session, or what `scopes` names, the widest first. A gap that is
    filled within `recover_within_ns` is a warning.
    """

    field: Path
    by: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    mode: str = "contiguous"
    recover_within_ns: int = RECOVER_WITHIN_NS

    def paths(self) -> tuple[Path, ...]:
        return (self.field,)


def _read(value: Value, reader: Reader) -> Rule | None:
    parts = value.mapping((*COMMON, "field", "by", "mode", "recover_within"))
    if not is_enabled(parts):
        return None
    return SequenceRule(
        **read_common(value, parts, "sequence"), field=read_field(value, parts, reader),
        by=reader.key_list(parts["by"]) if "by" in parts else (),
        scopes=() if "by" in parts else tuple(key for key in reader.run_keys if not key.startswith("conn.")),
        mode=parts["mode"].choice(_MODES) if "mode" in parts else "contiguous",
        recover_within_ns=duration_ns(parts["recover_within"]) if "recover_within" in parts else RECOVER_WITHIN_NS,
    )  # fmt: skip


def _schema() -> JsonSchema:
    return json_object({
        **common_properties(), "field": FIELD, "by": ref("keys"), "mode": {"enum": list(_MODES)}, "recover_within": DURATION,
    })  # fmt: skip


KIND = named_kind("sequence", _read, _schema)
