"""A map proposed for a recording: which of a product's events and fields look like which of a contract's.

Names are compared by their words: `agentStarted`, `agent.started` and `agent-start` look like `agent_started`. Nothing is
certain; what is written is for a person to read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from wsreplay.contract.model import USER_KEY, Contract, Declare
from wsreplay.contract.observed_types import ObservedTypes, names_of, type_names
from wsreplay.contract.paths import Path as ContractPath
from wsreplay.contract.resemblance import looks_like, may_mean, may_mean_failure, words
from wsreplay.contract.rules.needs import Needs
from wsreplay.contract.rules.waits import Waits
from wsreplay.contract.type_path import leaves
from wsreplay.trace import jsonpath
from wsreplay.trace.jsonpath import Path

_TIME_NAMES = ("timestamp", "ts", "time", "sent", "sent_at", "created_at", "at", "date")


@dataclass(frozen=True)
class Proposal:
    """Pairs of theirs and ours, and what is left over."""

    seen: ObservedTypes
    events: dict[str, str]
    fields: dict[str, str]
    sent: str | None
    seq: str | None
    unmapped: tuple[tuple[int, str], ...]
    # Where users are named, as `user` has it.
    user: str | None = None
    # Of the events those whose names are other words.
    guessed: frozenset[str] = frozenset()
    # What of the base contract was not found: event names, and the first member that each key is read from.
    free_names: tuple[str, ...] = ()
    free_fields: tuple[str, ...] = ()
    # Paths of members, at most one level deep, that most messages have and nothing is read from.
    common: tuple[str, ...] = ()
    # Rules of the base contract that every run would break, with the names that they ask for.
    unkept: tuple[tuple[str, tuple[str, ...]], ...] = ()


def propose(seen: ObservedTypes, base: Contract) -> Proposal:
    """What of a base contract the messages look like."""
    named = names_of(base)
    events: dict[str, str] = {}
    unmapped, guessed = [], set()
    for direction, type_ in seen.counts:
        if type_ in named or base.map.name_of(type_) != type_:
            continue
        ours = next((name for name in named if looks_like(type_, name)), None)
        if ours is None and (ours := _guess(type_, named, is_servers=(0, type_) not in seen.counts)) is not None:
            guessed.add(type_)
        if ours is not None:
            events.setdefault(type_, ours)
        elif not _is_usual(base, direction, type_):
            unmapped.append((direction, type_))
    if len(unmapped) < len(seen.counts):
        asked = _questions(base, unmapped)
        events.update({type_: name for type_, name in asked.items() if type_ != name})
        unmapped = [event for event in unmapped if event[1] not in asked]
    documents = [document for samples in seen.samples.values() for document in samples]
    counts = Counter(path for document in documents for path, _ in leaves(document))
    fields = _fields(base, counts) | _texts(base, seen.samples, events)
    met = {*events.values(), *(base.map.name_of(type_) for _, type_ in seen.counts)}
    sent, seq = _sent(base, documents, counts), _seq(base, seen.counter, counts)
    read = {jsonpath.show(seen.type_path or base.envelope.type.steps), sent, seq, *fields.values()}
    read |= {jsonpath.show(path.steps) for path in (base.envelope.sent, base.envelope.seq) if path is not None}
    return Proposal(
        seen, events, fields, sent, seq, tuple(unmapped), None if base.users or USER_KEY in base.keys else seen.user,
        frozenset(guessed),
        tuple(name for name in _server_names(base) if name not in met),
        tuple(name for name, is_there in _key_fields(base, counts) if not is_there and name not in fields),
        tuple(path for path in _common(counts, len(documents)) if path not in read),
        tuple(_unkept(base, met)),
    )  # fmt: skip


def _guess(type_: str, named: Sequence[str], *, is_servers: bool) -> str | None:
    """The name that may mean the same. That something stopped is no completion, but a failure where nothing is cancelled; what
    a client says asks for it only."""
    likely = next((name for name in named if may_mean(type_, name)), None)
    if likely is None and is_servers:
        likely = next((name for name in named if may_mean_failure(type_, name)), None)
    return likely


def _unkept(base: Contract, met: Set[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Rules that ask for events of which none came in any form, with the first name of each."""
    for rule in base.of(Declare):
        asked = {"existence": rule.operands if rule.min else (), "precedence": rule.operands[:1]}.get(rule.template, ())
        lacking = [names for operand in asked if (names := type_names(operand)) and met.isdisjoint(names)]
        if lacking and rule.severity == "error":
            yield rule.id, tuple(names[0] for names in lacking)


def _common(there: Counter[Path], documents: int) -> list[str]:
    """Paths at the top of more than half of the documents, or right below."""
    return [jsonpath.show(path) for path, count in there.items() if len(path) <= 2 and 2 * count > documents]


def _is_usual(contract: Contract, direction: int, type_: str) -> bool:
    """Whether a contract lets all types that look like this pass: `*heartbeat*`."""
    return any(pattern.type.strip("*") and pattern.fits(direction, type_) for pattern in contract.known)


def _server_names(contract: Contract) -> list[str]:
    """Those of events that a server sends, but for what asks its client something."""
    rules = [rule for rule in contract.rules if rule.names_events and not isinstance(rule, Waits)]
    return type_names(pattern for rule in rules for pattern in rule.patterns() if pattern.direction != 0)


def _questions(contract: Contract, events: Iterable[tuple[int, str]]) -> dict[str, str]:
    """What a client says that fits a glob of the contract, by its name or by its words: `sendMessage` is `send_message`."""
    globs = [pattern for rule in contract.rules for pattern in rule.patterns() if pattern.glob and pattern.type.strip("*")]
    asked = {}
    for type_ in (type_ for direction, type_ in events if direction == 0):
        names = (type_, "_".join(words(type_)))
        name = next((name for name in names if any(glob.fits(0, name) for glob in globs)), None)
        if name is not None:
            asked[type_] = name
    return asked


def _fields(base: Contract, there: Counter[Path]) -> dict[str, str]:
    """The contract's members that stand somewhere else, with where."""
    absent = [name for name, is_there in _key_fields(base, there) if not is_there]
    paths = {name: _find(name, there) for name in absent}
    return {name: jsonpath.show(path) for name, path in paths.items() if path is not None}


def _key_fields(base: Contract, there: Counter[Path]) -> Iterator[tuple[str, bool]]:
    """The member that each key of a contract is read from, and whether it is where the contract says."""
    for key in base.keys.values():
        sources = [source.steps for source in key.sources if isinstance(source, ContractPath)]
        if sources:
            yield str(sources[0][-1]), any(there[source] for source in sources)


def _texts(base: Contract, samples: Mapping[tuple[int, str], Sequence[Any]], events: Mapping[str, str]) -> dict[str, str]:
    """Where the texts stand that events of the contract have to show, if not where it says."""
    fields: dict[str, str] = {}
    for rule in base.of(Needs):
        shown = [
            document
            for (direction, type_), documents in samples.items()
            if any(pattern.fits(direction, events.get(type_, type_)) for pattern in rule.events)
            for document in documents
        ]
        there = Counter(path for document in shown for path, _ in leaves(document))
        if not any(there[text.steps] for text in rule.any_of):
            paths = {str(text.steps[0]): _find(str(text.steps[0]), there) for text in rule.any_of if len(text.steps) == 1}
            fields |= {name: jsonpath.show(path) for name, path in paths.items() if path is not None}
    return fields


def _find(name: str, there: Counter[Path]) -> Path | None:
    """The most frequent member whose name is the same but for its form, or for `id` at its end."""
    wanted = words(name)
    forms = [wanted] if wanted[-1:] != ("id",) else [wanted, wanted[:-1], wanted[-2:]]
    for form in forms:
        likely = [path for path in there if words(str(path[-1])) == form]
        if likely:
            return max(likely, key=lambda path: (there[path], -len(path)))
    return None


def _sent(base: Contract, documents: Iterable[Any], there: Counter[Path]) -> str | None:
    """Where a time stands, unless it stands where the contract says."""
    sent = base.envelope.sent
    if sent is None or there[sent.steps]:
        return None
    likely = [path for path in there if "_".join(words(str(path[-1]))) in _TIME_NAMES]
    values = {path: [jsonpath.get(document, path) for document in documents] for path in likely}
    good = [path for path in likely if any(map(_is_time, values[path]))]
    return jsonpath.show(max(good, key=lambda path: there[path])) if good else None


def _seq(base: Contract, counter: Path | None, there: Counter[Path]) -> str | None:
    """Where a number counts the messages, unless one stands where the contract says."""
    seq = base.envelope.seq
    return None if counter is None or seq is None or there[seq.steps] else jsonpath.show(counter)


def _is_time(value: Any) -> bool:
    if isinstance(value, str):
        return re.match(r"\d{4}-\d{2}-\d{2}T", value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 1e9
