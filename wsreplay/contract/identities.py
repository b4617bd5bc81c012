"""Which values of a message are identities, learned from a contract, and how those of two conversations correspond.

Ids, times and numbers differ from one conversation to the next. They are not dropped but mapped: each id of the one stands
for one id of the other, so that one that is lost or swapped still shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from wsreplay.contract.model import USER_KEY, Contract, Declare, Span
from wsreplay.contract.paths import Path as ContractPath
from wsreplay.contract.rules.isolation import Bind, Confine
from wsreplay.contract.rules.unique import Unique
from wsreplay.errors import UsageError
from wsreplay.trace import jsonpath as paths
from wsreplay.trace.jsonpath import Path

Id = str | int

NO_KEY = ""
"""The kind of an id that no key has found: one in the target of a handshake, or a token."""

FoundId = tuple[str, Path, Id]  # an id in a message: which kind of id it is, where it stands, and its value
_Member = tuple[str, str, Path]  # name, domain, path
_MOST_PLANS, _MOST_NAMES = 1000, 100


class IdLayout:
    """Where the ids of a message stand: (domain, path) of each. A finder gives the same one for the same places."""

    __slots__ = ("places",)

    def __init__(self, places: tuple[tuple[str, Path], ...]) -> None:
        self.places = places


class _Plan(NamedTuple):
    """Where to look in an object with members of certain names."""

    names: list[str]  # of ids at the top
    layout: IdLayout  # where they all are ids, and no others are there
    roots: list[str]  # objects that may hold more


class IdFinder:
    """Finds ids in decoded messages: texts that are not empty, and whole numbers. Most stand at the top, or in one object
    within it."""

    def __init__(self, ids: Sequence[tuple[str, Path]]) -> None:
        # Those at the top of a message; those in an object at the top, by its name; those that stand elsewhere.
        self._top: list[_Member] = []
        self._inner: dict[str, list[_Member]] = {}
        self._deep: list[tuple[str, Path]] = []
        for domain, path in ids:
            if len(path) == 1 and isinstance(path[0], str):
                self._top.append((path[0], domain, path))
            elif len(path) == 2 and isinstance(path[0], str) and isinstance(path[1], str):
                self._inner.setdefault(path[0], []).append((path[1], domain, path))
            else:
                self._deep.append((domain, path))
        self.domains = sorted({domain for domain, _ in ids})
        # What was worked out before: by the names of a message's members, and by the places of its ids.
        self._plans: dict[tuple[str, ...], _Plan] = {}
        self._layouts: dict[tuple[tuple[str, Path], ...], IdLayout] = {}
        self._names = {root: frozenset(name for name, _, _ in members) for root, members in self._inner.items()}
        self._nowhere = self._layout(())

    def __call__(self, document: Any) -> list[FoundId]:
        layout, values = self.lay_out(document)
        return [(domain, path, value) for (domain, path), value in zip(layout.places, values, strict=True)]

    def lay_out(self, document: Any) -> tuple[IdLayout, list[Id]]:
        """Where the ids of a message stand, and their values."""
        if document.__class__ is not dict:
            return self._searched(document) if document.__class__ is list and self._deep else (self._nowhere, [])
        names = tuple(document)
        members, layout, roots = self._plans.get(names) or self._plan(names)
        values = [document[name] for name in members]
        usual = not self._deep
        for value in values:
            if value == "" or (value.__class__ is not str and value.__class__ is not int):
                usual = False
        for root in roots:
            if not self._names[root].isdisjoint(document[root] if document[root].__class__ is dict else ()):
                usual = False
        return (layout, values) if usual else self._searched(document)

    def _plan(self, names: tuple[str, ...]) -> _Plan:
        """Most messages of a conversation have members of the same names as another."""
        there = frozenset(names)
        top = [member for member in self._top if member[0] in there]
        layout = self._layout(tuple((domain, path) for _, domain, path in top))
        plan = _Plan([name for name, _, _ in top], layout, [root for root in self._inner if root in there])
        if len(self._plans) < _MOST_PLANS and len(names) < _MOST_NAMES:
            self._plans[names] = plan
        return plan

    def _searched(self, document: Any) -> tuple[IdLayout, list[Id]]:
        ids: list[tuple[str, Path, Any]] = []
        if document.__class__ is dict:
            ids += [(domain, path, document.get(name)) for name, domain, path in self._top]
            for root, members in self._inner.items():
                inner = document.get(root)
                if inner.__class__ is dict:
                    ids += [(domain, path, inner.get(name)) for name, domain, path in members]
        ids += [(domain, path, paths.get(document, path)) for domain, path in self._deep]
        ids = [id_ for id_ in ids if id_[2] != "" and (id_[2].__class__ is str or id_[2].__class__ is int)]
        return self._layout(tuple((domain, path) for domain, path, _ in ids)), [value for _, _, value in ids]

    def _layout(self, places: tuple[tuple[str, Path], ...]) -> IdLayout:
        layout = self._layouts.get(places)
        if layout is None:
            layout = self._layouts[places] = IdLayout(places)
        return layout


@dataclass(frozen=True, slots=True)
class Fields:
    """Where in a message what stands.

    `of` finds ids: values that only their equality tells apart. `levels` are the domains that tell slices apart, outermost
    first. `unique` are domains in which every message has an id of its own, `owners` those that name users. `named` finds the
    keys that say what something is, such as a tool's name. `volatile` are paths of times and of what the user ignores;
    `anywhere` are member names that are ignored wherever they stand. `references` are paths that name another slice, such as
    a run's parent. `akin` are, for a domain, those that fall back on it or that it falls back on: a run without an id of its
    own has its thread's, so that equal ids of the two may be one.
    """

    of: IdFinder
    named: IdFinder
    levels: tuple[str, ...] = ()
    unique: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    volatile: tuple[Path, ...] = ()
    anywhere: frozenset[str] = frozenset()
    seq: Path | None = None
    references: frozenset[Path] = frozenset()
    akin: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def label(self, document: Any) -> tuple[Any, ...]:
        """What the message says it is about, such as a tool's name."""
        return tuple([value for _, _, value in self.named(document)])


def fields_of(contract: Contract | None, also: Sequence[str] = (), ignore: Sequence[str] = ()) -> Fields:
    """What a contract's keys say; `also` are further paths of ids, `ignore` paths or member names. Raises UsageError."""
    places: list[tuple[str, Path]] = []
    labels: list[Path] = []
    volatile: list[Path] = []
    levels: list[str] = []
    owners: set[str] = set()
    unique: set[str] = set()
    parents: list[tuple[str, Path]] = []
    seq = None
    akin: dict[str, list[str]] = {}
    if contract is not None:
        names = _id_keys(contract)
        akin = _akin(contract, names)
        for key in contract.keys.values():
            sources = [source.steps for source in key.sources if isinstance(source, ContractPath)]
            if key.name in names:
                places += [(key.name, source) for source in sources]
            else:
                labels += sources
        levels = _levels(contract)
        owners = {rule.key for rule in contract.of(Confine)} | ({USER_KEY} & contract.keys.keys())
        parents = list(_parents(contract))
        places += parents
        if contract.envelope.id is not None:
            places.append(("message", contract.envelope.id.steps))
            unique.add("message")
        for rule in contract.of(Unique):
            if all(path != rule.field.steps for _, path in places):
                places.append((rule.id, rule.field.steps))
                unique.add(rule.id)
        if contract.envelope.sent is not None:
            volatile.append(contract.envelope.sent.steps)
        seq = contract.envelope.seq.steps if contract.envelope.seq is not None else None
    known = {path for _, path in places}
    places += [(text, path) for text in also if (path := _parse(text, "--map")) not in known]
    volatile += [_parse(text, "--ignore") for text in ignore if text.startswith("$")]
    anywhere = frozenset(text for text in ignore if not text.startswith("$"))
    ids = tuple((domain, path) for domain, path in dict.fromkeys(places) if path and path not in volatile)
    return Fields(
        IdFinder(ids), IdFinder([("", path) for path in labels]), tuple(levels), frozenset(unique), frozenset(owners),
        tuple(volatile), anywhere, seq, frozenset(path for _, path in parents), akin,
    )  # fmt: skip


def _id_keys(contract: Contract) -> set[str]:
    """Keys by which slices are told apart, those that these fall back on, and those that no rule uses; names of users."""
    labels = {name for span in contract.of(Span) for name in span.else_by}
    wanted = [name for name in _unused(contract) if name not in labels]
    for span in contract.of(Span):
        wanted += span.by
    for rule in contract.of(Declare):
        wanted += rule.by
    for bind in contract.of(Bind):
        wanted += bind.keys
    wanted += [rule.key for rule in contract.of(Confine)]
    names: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in contract.keys and name not in names:
            names.add(name)
            wanted += [source for source in contract.keys[name].sources if isinstance(source, str)]
    return names


def _unused(contract: Contract) -> list[str]:
    """Keys that no rule uses, nor another key: they are written down for what they are, ids; but for `…name`, which say what
    something is."""
    used = {source for key in contract.keys.values() for source in key.sources if isinstance(source, str)}
    for span in contract.of(Span):
        used |= {*span.by, *span.else_by, *([span.parent] if isinstance(span.parent, str) else [])}
    for rule in contract.rules:
        used |= {*(getattr(rule, "by", None) or ()), *(getattr(rule, "keys", None) or ())}
    return [name for name in contract.keys if name not in used and not name.endswith("name")]


def _akin(contract: Contract, names: set[str]) -> dict[str, list[str]]:
    """For each of these keys the others that it is connected with by what keys fall back on."""
    families: list[set[str]] = []
    for name in sorted(names):
        joined = {name, *(source for source in contract.keys[name].sources if isinstance(source, str) and source in names)}
        touched = [family for family in families if family & joined]
        families = [family for family in families if not family & joined] + [joined.union(*touched)]
    return {name: sorted(family - {name}) for family in families if len(family) > 1 for name in family}


def _levels(contract: Contract) -> list[str]:
    """The keys of spans, those of an outer span before those of what is inside it."""
    spans = contract.spans
    levels: list[str] = []

    def visit(span: Span) -> None:
        if span.inside is not None:
            visit(spans[span.inside])
        levels.extend(name for name in span.by if name in contract.keys and name not in levels)

    for span in spans.values():
        visit(span)
    return levels


def _parents(contract: Contract) -> Iterator[tuple[str, Path]]:
    for span in contract.of(Span):
        if isinstance(span.parent, ContractPath):
            yield span.by[-1], span.parent.steps


def _parse(text: str, option: str) -> Path:
    try:
        return paths.parse(text)
    except ValueError as error:
        raise UsageError(f"{option} {error}") from None


def is_telling(text: str) -> bool:
    """Whether a text that is equal to a known id is that: a number or a letter may as well be something else."""
    return len(text) > 1 and not text.isdecimal()


class IdMap:
    """Which id of a live conversation stands for which recorded one. What it does not know, the map below it may."""

    def __init__(self, below: IdMap | None = None) -> None:
        self._below = below
        # By kind of id and id, there and back; the first pair stays.
        self._live: dict[tuple[str, Id], Id] = {}
        self._recorded: dict[tuple[str, Id], Id] = {}
        # The same for texts, whatever kind of id they are; None for one that stands for different ones.
        self._values: dict[str, Id | None] = {}
        # Whether any of them stands for another.
        self._renames = False

    def __bool__(self) -> bool:
        return bool(self._live) or bool(self._below)

    def live(self, domain: str, recorded: Id) -> Id | None:
        """What stands for a recorded id."""
        live = self._live.get((domain, recorded))
        return self._below.live(domain, recorded) if live is None and self._below is not None else live

    def by_value(self, text: str) -> Id | None:
        """What stands for a text that is a known id, whichever; None where it is none, or may be two."""
        if text in self._values:
            return self._values[text]
        return self._below.by_value(text) if self._below is not None else None

    @property
    def renames(self) -> bool:
        """Whether any id stands for another."""
        return self._renames or (self._below is not None and self._below.renames)

    def recorded(self, domain: str, live: Id) -> Id | None:
        """What an id stands for."""
        return self._recorded.get((domain, live))

    def fits(self, domain: str, recorded: Id, live: Id) -> bool:
        """Whether the pair agrees with what is known."""
        known = self._live.get((domain, recorded))
        if known is not None:
            return known == live
        stands_for = self._recorded.get((domain, live))
        return stands_for is None or stands_for == recorded

    def learn(self, domain: str, recorded: Id, live: Id) -> None:
        """Remember a pair; the first one stays."""
        if (domain, recorded) in self._live and (domain, live) in self._recorded:
            return
        self._live.setdefault((domain, recorded), live)
        self._recorded.setdefault((domain, live), recorded)
        if isinstance(recorded, str) and is_telling(recorded):
            self._values[recorded] = live if self._values.get(recorded, live) == live else None
            self._renames = self._renames or recorded != live
        if self._below is not None:
            self._below.learn(domain, recorded, live)

    def stand_in(self, domain: str, recorded: Id, akin: Mapping[str, Sequence[str]]) -> Id | None:
        """What stands for a recorded id; where nothing does, what stands for the same id of an akin domain, or of none."""
        for candidate in (domain, *akin.get(domain, ())):
            live = self.live(candidate, recorded)
            if live is not None:
                return live
        return self.live(NO_KEY, recorded)

    def changes(self, ids: Iterable[FoundId], akin: Mapping[str, Sequence[str]]) -> list[tuple[Path, Id, Id]]:
        """What is to be replaced in a recorded message: where, what stands there, what stands for it. Of domains that have akin
        ones, what is said stays what it is."""
        out = []
        for domain, path, value in ids:
            live = self.stand_in(domain, value, akin)
            if domain in akin:
                self.learn(domain, value, value if live is None else live)
            if live is not None and live != value:
                out.append((path, value, live))
        return out
