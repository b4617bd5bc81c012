"""`unknown`: types that the contract does not name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from wsreplay.contract.document import Value
from wsreplay.contract.model import Rule
from wsreplay.contract.parts import Reader
from wsreplay.contract.rules.kind import RuleKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Rule):
    """Types that the contract does not name; `severity` is warning or error."""

    about_form: ClassVar[bool] = True

    def may_concern(self, direction: int) -> bool:
        return True


def _read(value: Value, _: Reader) -> Iterable[Rule | None]:
    answer = value.choice(("allow", "warn", "error"))
    severity = "warning" if answer == "warn" else "error"
    return [None if answer == "allow" else Unknown(id="unknown", place=value.place, severity=severity)]


KIND = RuleKind("unknown", _read, {"enum": ["allow", "warn", "error"]})
