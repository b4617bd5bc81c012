"""Which events a session had: what a run must have, what else came, and what the client said. All reports show the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from wsreplay.model import Session
from wsreplay.store.reader import Recording
from wsreplay.trace.reading import MessageReading
from wsreplay.validator.findings import Finding, Judgement
from wsreplay.validator.reporting import bare_type

Type = tuple[int, str]
"""An event type with its direction."""


@dataclass(frozen=True, slots=True)
class TypeCount:
    """How often a type came, and in which frame first."""

    times: int
    first_id: int

    def __add__(self, other: TypeCount) -> TypeCount:
        return TypeCount(self.times + other.times, min(self.first_id, other.first_id))


def count_types(recording: Recording, reading: MessageReading) -> dict[int, dict[Type, TypeCount]]:
    """Per connection what types it carried."""
    counts: defaultdict[int, dict[Type, TypeCount]] = defaultdict(dict)
    untold = reading.untold()
    for connection, direction, type, number, first_id in recording.type_tallies():
        if connection not in untold:
            counts[connection][direction, type] = TypeCount(number, first_id)
    for message in reading.messages(sorted(untold)) if untold else ():
        if message.type is not None:
            _add(counts[message.connection_id], (message.direction, message.type), TypeCount(1, int(message.id)))
    return counts


def types_of(session: Session, counts: Mapping[int, Mapping[Type, TypeCount]]) -> dict[Type, TypeCount]:
    """The same of all connections of a session together."""
    types: dict[Type, TypeCount] = {}
    for connection in session.connections:
        for type_, seen in counts.get(connection.id, {}).items():
            _add(types, type_, seen)
    return types


def _add(types: dict[Type, TypeCount], type_: Type, seen: TypeCount) -> None:
    types[type_] = types[type_] + seen if type_ in types else seen


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often each type came: those that a run must have, in the order of a run; others of the server's and the client's, in
    the order in which they came first. `missing` are those that a finding misses. Without any that must come, all of the
    server's stand first."""

    required: dict[str, int]
    others: dict[str, int]
    client: dict[str, int]
    missing: frozenset[str]

    def parts(self) -> list[tuple[str, dict[str, int]]]:
        """Each part that is not empty, under its head."""
        parts = [("event coverage", self.required), ("also came", self.others), ("from the client", self.client)]
        return [(head, counts) for head, counts in parts if counts]

    def lacks(self, type_: str) -> bool:
        """Whether a finding misses the type, and it never came."""
        return type_ in self.missing and not self.required.get(type_)


def coverage_of(
    judgement: Judgement, types: Mapping[Type, TypeCount], findings: Iterable[Finding],
    called: Callable[[str], str] = lambda name: name,
) -> Coverage:  # fmt: skip
    """The coverage of a session by its types and its findings. `called` is what the contract calls a product's type;
    types stand under the product's own names."""
    missing = {bare_type(finding.expected[0]) for finding in findings if finding.is_ghost and finding.kind == "missing"}
    received, sent = ({name: seen for (way, name), seen in types.items() if way == direction} for direction in (1, 0))
    named: defaultdict[str, list[str]] = defaultdict(list)  # the product's names by the contract's
    for name in received:
        named[called(name)].append(name)
    required: dict[str, int] = {}
    for alternatives in (*judgement.required, *((name,) for name in sorted(missing))):
        came = [name for alternative in alternatives for name in named[called(alternative)]]
        required |= {name: _times(received, name) for name in came or alternatives[:1]}
    others = {name: seen.times for name, seen in _by_first(received) if name not in required}
    if not judgement.required:
        required, others = required | others, {}
    return Coverage(required, others, {name: seen.times for name, seen in _by_first(sent)}, frozenset(missing))


def _times(types: Mapping[str, TypeCount], name: str) -> int:
    return types[name].times if name in types else 0


def _by_first(types: Mapping[str, TypeCount]) -> list[tuple[str, TypeCount]]:
    return sorted(types.items(), key=lambda item: item[1].first_id)
