"""Which events a session had: what a run must have, what else came, and what the client said. All reports show the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from wsreplay.contract import Contract
from wsreplay.contract.model import PSEUDO_EVENTS, Pattern
from wsreplay.decode import values
from wsreplay.model import Message, Session
from wsreplay.store.reader import Recording
from wsreplay.trace.reading import MessageReading
from wsreplay.validator.findings import Finding, Judgement
from wsreplay.validator.reporting import bare_type

Type = tuple[int, str]
"""An event type with its direction."""


@dataclass(frozen=True, slots=True)
class TypeCount:
    """How often a type came, and in which frame first. `fitting` tells by conditional event, such as `done (how ok)`, how
    many fit its conditions; `fitted` is how many fit those of any."""

    times: int
    first_id: int
    fitting: Mapping[str, int] = field(default_factory=dict)
    fitted: int = 0

    def __add__(self, other: TypeCount) -> TypeCount:
        fitting = {name: self.fitting.get(name, 0) + other.fitting.get(name, 0) for name in {**self.fitting, **other.fitting}}
        first_id = min(self.first_id, other.first_id)
        return TypeCount(self.times + other.times, first_id, fitting, self.fitted + other.fitted)


def count_types(
    recording: Recording, reading: MessageReading, contract: Contract | None = None, judgement: Judgement | None = None
) -> dict[int, dict[Type, TypeCount]]:
    """Per connection what types it carried; and how many of them are the conditional events that a judgement tells of."""
    counts: defaultdict[int, dict[Type, TypeCount]] = defaultdict(dict)
    conditional = [] if contract is None or judgement is None else _conditional(contract, judgement)
    if contract is not None and conditional:
        for message in reading.messages():
            if message.type is not None:
                fitting = _fitting(message, contract, conditional)
                count = TypeCount(1, int(message.id), dict.fromkeys(fitting, 1), int(bool(fitting)))
                _add(counts[message.connection_id], (message.direction, message.type), count)
        return counts
    untold = reading.untold()
    for connection, direction, type, number, first_id in recording.type_tallies():
        if connection not in untold:
            counts[connection][direction, type] = TypeCount(number, first_id)
    for message in reading.messages(sorted(untold)) if untold else ():
        if message.type is not None:
            _add(counts[message.connection_id], (message.direction, message.type), TypeCount(1, int(message.id)))
    return counts


def _conditional(contract: Contract, judgement: Judgement) -> list[Pattern]:
    """The server's events with conditions that must come, or that a finding misses."""
    reported = {name for alternatives in judgement.required for name in alternatives} | _missing(judgement.findings)
    patterns = dict.fromkeys(pattern for rule in contract.rules for pattern in rule.patterns() if pattern.where)
    return [pattern for pattern in patterns if not pattern.pseudo and not reported.isdisjoint(map(bare_type, pattern.names()))]


def _fitting(message: Message, contract: Contract, patterns: Iterable[Pattern]) -> list[str]:
    """Which of these events a message is, under the names that reports have for them."""
    assert message.type is not None
    ours = contract.map.name_of(message.type)
    near = [pattern for pattern in patterns if pattern.fits(message.direction, ours)]
    if not near:
        return []
    read = values.read(message.payload)
    document = None if read is None else read.value
    return [bare_type(pattern.names()[0]) for pattern in near if pattern.holds(document)]


def _missing(findings: Iterable[Finding]) -> set[str]:
    """The types of messages that findings miss: what befalls a connection is none."""
    expected = [finding.expected[0] for finding in findings if finding.is_ghost and finding.kind == "missing"]
    return {bare_type(name) for name in expected if name not in PSEUDO_EVENTS}


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
    missing = _missing(findings)
    received, sent = ({name: seen for (way, name), seen in types.items() if way == direction} for direction in (1, 0))
    received = _told_apart(received)
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


def _told_apart(types: Mapping[str, TypeCount]) -> dict[str, TypeCount]:
    """Conditional events stand under names of their own; under a type's only those that fit no condition."""
    apart: dict[str, TypeCount] = {}
    for name, seen in types.items():
        apart |= {event: TypeCount(times, seen.first_id) for event, times in seen.fitting.items()}
        if seen.times > seen.fitted:
            apart[name] = TypeCount(seen.times - seen.fitted, seen.first_id)
    return apart


def _times(types: Mapping[str, TypeCount], name: str) -> int:
    return types[name].times if name in types else 0


def _by_first(types: Mapping[str, TypeCount]) -> list[tuple[str, TypeCount]]:
    return sorted(types.items(), key=lambda item: item[1].first_id)
