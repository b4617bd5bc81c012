"""What the messages of a recording say: of which types they are, as a contract reads them or as it seems, with samples."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from wsreplay.contract.decoding import TOP_TYPE, reading_of
from wsreplay.contract.model import PSEUDO_EVENTS, Contract, Pattern
from wsreplay.contract.resemblance import looks_like, may_mean
from wsreplay.contract.type_path import find_counter, find_finer_type_path, find_type_path
from wsreplay.contract.user_place import find_user
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
WAYS = ("c2s", "s2c")


@dataclass
class ObservedTypes:
    """What messages of one recording say: documents by (direction, type), and how often each type came."""

    decoder: str
    # where the types stand, unless that is at the top of a message, or where the contract says
    type_path: Path | None
    # where a number rises by one with each message that a server sends on a connection
    counter: Path | None = None
    # where users seem to be named, as `user:` of a contract has it
    user: str | None = None
    # whether the envelope of the contract is how the messages are read
    as_contract: bool = False
    # by (direction, type); of the samples no more than _SAMPLES each
    counts: Counter[tuple[int, str]] = field(default_factory=Counter)
    samples: dict[tuple[int, str], list[Any]] = field(default_factory=lambda: defaultdict(list))

    def add(self, direction: int, type_: str, document: Any) -> None:
        """Count an event, and keep its document as a sample of its type while there are few."""
        self.counts[direction, type_] += 1
        if len(self.samples[direction, type_]) < _SAMPLES:
            self.samples[direction, type_].append(document)


def look(recording: Recording, base: Contract | None = None) -> ObservedTypes:
    """Read the first messages of a recording as the envelope of a contract says, if it says anything of its own.

    Where they have no type then, or one that is the same for all messages of a direction, find where it may stand.
    """
    if base is not None and says_where_types_are(base):
        seen = _Messages(recording, reading_of(recording, base))
        if seen.are_typed:
            return seen.by_type(None, as_contract=True)
    seen = _Messages(recording, Reading(recording))
    names = () if base is None else names_of(base)
    return seen.by_type(seen.find_type_path(names))


def count_types(recording: Recording, contract: Contract | None, decoder: str | None = None) -> Counter[str]:
    """How often which type came among the first messages, as a contract and a decoder read them. Raises UsageError."""
    counts = Counter[str]()
    for (_, type_), count in _Messages(recording, reading_of(recording, contract, decoder)).by_type(None).counts.items():
        counts[type_] += count
    return counts


def says_where_types_are(contract: Contract) -> bool:
    """Whether a contract has a way of its own to read messages."""
    envelope = contract.envelope
    return envelope.type.steps != TOP_TYPE or envelope.decoder is not None or len(envelope.unpack) > 0


class _Messages:
    """The first messages of a recording."""

    def __init__(self, recording: Recording, reading: Reading) -> None:
        reading.refresh(recording.connections())
        self.events: list[Event] = []  # of both directions, in their order
        # documents of the server's messages, and of the client's, by connection
        self._sent = defaultdict[int, list[Any]](list)
        self._asked = defaultdict[int, list[Any]](list)
        self._connections = recording.connections()
        for frame in islice(recording.frames(), LOOKED_AT):
            self.events += (of_frame := reading.events(frame))
            by_connection = self._sent if frame.direction == Direction.SERVER_TO_CLIENT else self._asked
            by_connection[frame.connection_id] += (event.document for event in of_frame)
        decoders = Counter(reading.choice(connection.id).name for connection in self._connections)
        self._decoder = decoders.most_common(1)[0][0] if decoders else PLAIN

    @property
    def are_typed(self) -> bool:
        """Whether most of them have a type."""
        return 2 * sum(event.type is not None for event in self.events) > len(self.events)

    def find_type_path(self, names: Sequence[str]) -> Path | None:
        """Where the type stands, if not where it was read; `names` are those of a contract that it may be of."""
        if not self.are_typed:
            return find_type_path([event.document for event in self.events])
        typed = [(event.direction, event.type, event.document) for event in self.events if event.type is not None]

        def is_known(type_: str) -> bool:
            return any(looks_like(type_, name) or may_mean(type_, name) for name in names)

        return find_finer_type_path(typed, is_known)

    def by_type(self, path: Path | None, *, as_contract: bool = False) -> ObservedTypes:
        """The same by the types that they have, or that stand at a path."""
        seen = ObservedTypes(self._decoder, path, find_counter([*self._sent.values()]), as_contract=as_contract)
        seen.user = find_user(self._connections, self._asked, self._sent)
        for event in self.events:
            type_ = event.type if path is None else text_of(jsonpath.get(event.document, path))
            if type_ is not None:
                seen.add(event.direction, type_, event.document)
        return seen


def names_of(contract: Contract) -> list[str]:
    """The types that a contract knows, without those that have stars."""
    return [*dict.fromkeys([*type_names(required_patterns(contract)), *type_names(contract.known)])]


def required_patterns(contract: Contract) -> Iterable[Pattern]:
    """Those of rules that say what the contract is about."""
    return (pattern for rule in contract.rules if rule.names_events for pattern in rule.patterns())


def type_names(patterns: Iterable[Pattern]) -> list[str]:
    """The types of patterns, each once, without pseudo-events and those that have stars."""
    names = (pattern.type for pattern in patterns if "*" not in pattern.type and pattern.type not in PSEUDO_EVENTS)
    return list(dict.fromkeys(names))


def told_by_path(recording: Recording) -> str | None:
    """What the messages of a recording whose types nobody knows seem to say: where a type may stand, and how often which
    came. None where nothing looks like a type."""
    seen = look(recording)
    if seen.type_path is None:
        return None
    shown = [f"{WAYS[way]}:{one_line(type_)} {count:,}" for (way, type_), count in seen.counts.most_common(_MOST_TOLD)]
    more = len(seen.counts) - len(shown)
    text = f"{seen.decoder}, by {jsonpath.show(seen.type_path)}: {', '.join(shown)}"
    return f"{text}, and {more:,} more" if more > 0 else text


def one_line(text: str) -> str:
    """The beginning of a text, fit for a comment."""
    return "".join(character if character.isprintable() else "?" for character in text)[:80]
