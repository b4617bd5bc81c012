"""A map proposed for a recording: which of a product's events and fields look like which of a contract's.

Names are compared by their words: `agentStarted`, `agent.started` and `agent-start` look like `agent_started`. Nothing is
certain; what is written is for a person to read.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby, islice
from typing import Any

from wsreplay.contract.model import PSEUDO_EVENTS, Contract, Declare, Pattern
from wsreplay.contract.paths import Path as ContractPath
from wsreplay.contract.rules.needs import Needs
from wsreplay.contract.rules.waits import Waits
from wsreplay.contract.type_path import find_counter, find_type_path, leaves, words
from wsreplay.decode import PLAIN, Event
from wsreplay.decode.values import text_of
from wsreplay.model import Direction
from wsreplay.store.reader import Recording
from wsreplay.trace import jsonpath
from wsreplay.trace.jsonpath import Path
from wsreplay.trace.reading import Reading

LOOKED_AT = 20_000  # frames
_SAMPLES = 20  # documents of one type that are searched for fields
_MOST_TOLD = 12
_TIME_NAMES = ("timestamp", "ts", "time", "sent", "sent_at", "created_at", "at", "date")
# Words that products use for the same thing, by the contract's word.
_SAME = {
    "agent": ("run", "turn", "task", "job", "assistant", "bot"),
    "tool": ("step", "function", "action", "call"),
    "start": ("begin", "began", "open", "launch", "execute"),
    "complete": ("end", "finish", "done", "stop", "close", "shut", "result"),
    "think": ("reason", "thought"),
}


@dataclass
class ObservedTypes:
    """What messages of one recording say: documents by (direction, type), and how often each type came."""

    decoder: str
    type_path: Path | None
    # where a number rises by one with each message that a server sends on a connection
    counter: Path | None = None
    # by (direction, type); of the samples no more than _SAMPLES each
    counts: Counter[tuple[int, str]] = field(default_factory=Counter)
    samples: dict[tuple[int, str], list[Any]] = field(default_factory=lambda: defaultdict(list))

    def add(self, direction: int, type_: str, document: Any) -> None:
        """Count an event, and keep its document as a sample of its type while there are few."""
        self.counts[direction, type_] += 1
        if len(self.samples[direction, type_]) < _SAMPLES:
            self.samples[direction, type_].append(document)


def look(recording: Recording) -> ObservedTypes:
    """Read the first messages of a recording; where they have no type, find where it may stand."""
    reading = Reading(recording)
    reading.refresh(recording.connections())
    events: list[Event] = []
    # documents of the server's messages, by connection
    sent = defaultdict[int, list[Any]](list)
    for frame in islice(recording.frames(), LOOKED_AT):
        events += (of_frame := reading.events(frame))
        if frame.direction == Direction.SERVER_TO_CLIENT:
            sent[frame.connection_id] += (event.document for event in of_frame)
    decoders = Counter(reading.choice(connection.id).name for connection in recording.connections())
    decoder = decoders.most_common(1)[0][0] if decoders else PLAIN
    typed = [event for event in events if event.type is not None]
    path = None if 2 * len(typed) > len(events) else find_type_path([event.document for event in events])
    seen = ObservedTypes(decoder, path, find_counter([*sent.values()]))
    for event in events:
        type_ = event.type if path is None else text_of(jsonpath.get(event.document, path))
        if type_ is not None:
            seen.add(event.direction, type_, event.document)
    return seen


def told_by_path(recording: Recording) -> str | None:
    """What the messages of a recording whose types nobody knows seem to say: where a type may stand, and how often which
    came. None where nothing looks like a type."""
    seen = look(recording)
    if seen.type_path is None:
        return None
    shown = [f"{_WAYS[way]}:{_comment(type_)} {count:,}" for (way, type_), count in seen.counts.most_common(_MOST_TOLD)]
    more = len(seen.counts) - len(shown)
    text = f"{seen.decoder}, by {jsonpath.show(seen.type_path)}: {', '.join(shown)}"
    return f"{text}, and {more:,} more" if more > 0 else text


def looks_like(theirs: str, ours: str) -> bool:
    """Whether two names have the same words, but for their endings."""
    mine, others = words(theirs), words(ours)
    return len(mine) > 0 and [*map(_stem, mine)] == [*map(_stem, others)]


def may_mean(theirs: str, ours: str) -> bool:
    """Whether two names say the same in other words: `run.begin` may mean `agent_started`."""
    mine, others = _concepts(theirs), _concepts(ours)
    return len(mine) > 1 and mine == others


def _concepts(name: str) -> list[str]:
    """What a name is about: a `tool_call` is one thing."""
    concepts = (_concept_of(_stem(word)) for word in words(name))
    return [concept for concept, _ in groupby(concepts)]


@cache
def _concept_of(stem: str) -> str:
    return next((concept for concept, others in _SAME.items() if stem in map(_stem, (concept, *others))), stem)


def _stem(word: str) -> str:
    """A word without its ending: `start` of `started`, `stop` of `stopping`, `complet` of `complete`."""
    for ending in ("ing", "ed", "es", "s", "e"):
        if len(word) > len(ending) + 2 and word.endswith(ending):
            word = word.removesuffix(ending)
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


@dataclass(frozen=True)
class Proposal:
    """Pairs of theirs and ours, and what is left over."""

    seen: ObservedTypes
    events: dict[str, str]
    fields: dict[str, str]
    sent: str | None
    seq: str | None
    unmapped: tuple[tuple[int, str], ...]
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
    named = _names(base)
    events: dict[str, str] = {}
    unmapped, guessed = [], set()
    for direction, type_ in seen.counts:
        if type_ in named:
            continue
        ours = next((name for name in named if looks_like(type_, name)), None)
        if ours is None and (ours := next((name for name in named if may_mean(type_, name)), None)) is not None:
            guessed.add(type_)
        if ours is None:
            unmapped.append((direction, type_))
        else:
            events.setdefault(type_, ours)
    if len(unmapped) < len(seen.counts):
        asked = _questions(base, unmapped)
        events.update({type_: name for type_, name in asked.items() if type_ != name})
        unmapped = [event for event in unmapped if event[1] not in asked]
    documents = [document for samples in seen.samples.values() for document in samples]
    counts = Counter(path for document in documents for path, _ in leaves(document))
    fields = _fields(base, counts) | _texts(base, seen.samples, events)
    met = {*events.values(), *(type_ for _, type_ in seen.counts)}
    sent, type_path = _sent(base, documents, counts), jsonpath.show(seen.type_path or base.envelope.type.steps)
    seq = _seq(base, seen.counter, counts)
    return Proposal(
        seen, events, fields, sent, seq, tuple(unmapped), frozenset(guessed),
        tuple(name for name in _server_names(base) if name not in met),
        tuple(name for name, is_there in _key_fields(base, counts) if not is_there and name not in fields),
        tuple(path for path in _common(counts, len(documents)) if path not in {type_path, sent, seq, *fields.values()}),
        tuple(_unkept(base, met)),
    )  # fmt: skip


def _unkept(base: Contract, met: Set[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Rules that ask for events of which none came in any form, with the first name of each."""
    for rule in base.of(Declare):
        asked = {"existence": rule.operands if rule.min else (), "precedence": rule.operands[:1]}.get(rule.template, ())
        lacking = [names for operand in asked if (names := _type_names(operand)) and met.isdisjoint(names)]
        if lacking and rule.severity == "error":
            yield rule.id, tuple(names[0] for names in lacking)


def _common(there: Counter[Path], documents: int) -> list[str]:
    """Paths at the top of more than half of the documents, or right below."""
    return [jsonpath.show(path) for path, count in there.items() if len(path) <= 2 and 2 * count > documents]


def _names(contract: Contract) -> list[str]:
    return [*dict.fromkeys([*_required_names(contract), *_type_names(contract.known)])]


def _required_names(contract: Contract) -> list[str]:
    """Those that rules name."""
    return _type_names(pattern for rule in contract.rules if rule.names_events for pattern in rule.patterns())


def _server_names(contract: Contract) -> list[str]:
    """Those of events that a server sends, but for what asks its client something."""
    rules = [rule for rule in contract.rules if rule.names_events and not isinstance(rule, Waits)]
    return _type_names(pattern for rule in rules for pattern in rule.patterns() if pattern.direction != 0)


def _type_names(patterns: Iterable[Pattern]) -> list[str]:
    names = (pattern.type for pattern in patterns if "*" not in pattern.type and pattern.type not in PSEUDO_EVENTS)
    return list(dict.fromkeys(names))


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


_WAYS = ("c2s", "s2c")
_PLAIN_SCALAR = re.compile(r"(?:[cs]2[cs]:)?[A-Za-z_][A-Za-z0-9_./-]*")


def as_yaml(proposal: Proposal, name: str, base: str) -> str:
    """The contract that is proposed; what is left over in comments."""
    seen = proposal.seen
    fits = bool(proposal.events) or any(True for _ in _known(proposal))
    if not fits:
        return _of_its_own(proposal, name, base)
    lines = ["# Proposed from a recording, by similar names. Check it before you use it.", f"contract: {_scalar(name)}"]
    lines.append(f"extends: {base}")
    if seen.decoder != PLAIN:
        lines.append(f"envelope: {{decoder: {seen.decoder}}}")
    lines += _map_lines(proposal)
    if known := list(dict.fromkeys(map(_comment, _known(proposal)))):
        lines += ["# Understood as they are, without a mapping:", *_listed(known)]
    if proposal.unmapped:
        lines.append("# Not mapped:")
        lines += [f"#   {_WAYS[way]}:{_comment(type_)}  {seen.counts[way, type_]:,}×" for way, type_ in proposal.unmapped]
    if proposal.unmapped and proposal.free_names:
        lines.append(f"# If one of these means the same as a name of {base}, add it to events. Its unused names:")
        lines += _listed(proposal.free_names)
    if proposal.unkept:
        lines.append("# These rules ask for events that did not come. Turn off what your product does not promise:")
        lines.append("# rules:")
        lines += [f"#   - {{id: {rule}, enabled: false}}   # asks for {', '.join(names)}" for rule, names in proposal.unkept]
    if proposal.free_fields:
        lines.append(f"# Fields of {base} that were not found; add those that your messages have under another name to fields:")
        lines += _listed(proposal.free_fields)
        if proposal.common:
            lines.append(f"#   most messages have {_comment(', '.join(proposal.common))}")
    return "\n".join(lines) + "\n"


def _of_its_own(proposal: Proposal, name: str, base: str) -> str:
    """A contract of types that look like nothing of the base's, to which rules are still to be added."""
    seen = proposal.seen
    places = {"decoder": seen.decoder if seen.decoder != PLAIN else None, "sent": proposal.sent}
    if seen.type_path is not None:
        places = {"type": jsonpath.show(seen.type_path), **places}
    envelope = ", ".join(f"{place}: {_scalar(text)}" for place, text in places.items() if text is not None)
    lines = [f"# Proposed from a recording whose events do not resemble those of {base}.", f"contract: {_scalar(name)}"]
    if envelope:
        lines.append(f"envelope: {{{envelope}}}")
    if proposal.unmapped:
        lines.append("known:")
        listed = [(_scalar(f"{_WAYS[way]}:{type_}"), seen.counts[way, type_]) for way, type_ in proposal.unmapped]
        lines += [f"  - {pattern}   # {count:,}×" for pattern, count in listed]
    if proposal.common:
        lines.append(f"# Most messages have {_comment(', '.join(proposal.common))}.")
    lines.append("# It has no rules yet. Add keys, spans and rules: wsreplay help write-contracts")
    return "\n".join(lines) + "\n"


def _listed(names: Sequence[str]) -> list[str]:
    return textwrap.wrap(", ".join(names), 100, initial_indent="#   ", subsequent_indent="#   ", break_on_hyphens=False)


def _known(proposal: Proposal) -> Iterator[str]:
    """Events that bear the contract's own name."""
    left = {type_ for _, type_ in proposal.unmapped} | set(proposal.events)
    return (type_ for _, type_ in proposal.seen.counts if type_ not in left)


def _map_lines(proposal: Proposal) -> list[str]:
    seen, lines = proposal.seen, list[str]()
    if seen.type_path is not None:
        lines.append(f"  type: {_scalar(jsonpath.show(seen.type_path))}")
    if proposal.sent is not None:
        lines.append(f"  sent: {_scalar(proposal.sent)}")
    if proposal.seq is not None:
        lines.append(f"  seq: {_scalar(proposal.seq)}")
    if proposal.events:
        totals = Counter[str]()
        for (_, type_), count in seen.counts.items():
            totals[type_] += count
        lines.append("  events:")
        lines += [
            f"    {_scalar(theirs)}: {ours}   # {totals[theirs]:,}×{', a guess' if theirs in proposal.guessed else ''}"
            for theirs, ours in proposal.events.items()
        ]
    if proposal.fields:
        lines.append("  fields:")
        lines += [f"    {ours}: {_scalar(path)}" for ours, path in proposal.fields.items()]
    return ["map:", *lines] if lines else []


def _scalar(text: str) -> str:
    """A YAML scalar (YAML 1.2, section 7.3.1): plain where nothing in it is special, else in double quotes."""
    if _PLAIN_SCALAR.fullmatch(text) or re.fullmatch(r"\$(\.[A-Za-z_][A-Za-z0-9_]*)+", text):
        return text
    return json.dumps(text)


def _comment(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)[:80]
