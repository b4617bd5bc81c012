"""What a contract says, as values. The loader builds them, the validator compiles them; nothing here reads files.

The words are those of the field: DECLARE templates (van der Aalst, Pesic), Dwyer's scopes, MTL's `within`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from wsreplay.contract.conditions import is_wanted
from wsreplay.contract.event_words import with_conditions
from wsreplay.contract.paths import Path, parse
from wsreplay.errors import ContractError
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.trace.identity import UserSource
from wsreplay.trace.sessions import Resumption

USER_KEY = "user"  # names whose a connection is
CONNECTION_SOURCES = ("conn.id", "conn.user", "conn.session")
RESUME_AFTER = ("loss", "any")  # what a connection ended with that another one may continue
PSEUDO_EVENTS = ("ws.open", "ws.close", "ws.drop", "ws.ping", "ws.pong")
TEMPLATES = {  # name → number of operands, None for a list of any length
    "existence": None, "absence": None, "init": None, "end": None,
    "response": 2, "precedence": 2, "responded_existence": 2, "not_co_existence": 2,
}  # fmt: skip
# what stands where a template stands, and says by itself what else its rule holds
CONSTRUCTS = ("latency", "recurrence", "rate", "monotonic", "count", "sum", "assemble", "consistent")
MODES = ("any", "alternate", "chain")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: `line` and `column` count from 1, `path` is the dotted place in the document."""

    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""

    def error(self, message: str) -> ContractError:
        """What is wrong here, to be raised."""
        return ContractError(message, file=self.file, line=self.line, column=self.column, path=self.path)


@dataclass(frozen=True, slots=True)
class Pattern:
    """`[c2s:|s2c:]type` with globs, and conditions on the message's values (each path equals one of its values).

    `product_types` are what a product calls the type, where that is something else.
    """

    type: str
    direction: int | None = None
    where: tuple[tuple[Path, tuple[Any, ...]], ...] = ()
    product_types: tuple[str, ...] = ()

    @property
    def pseudo(self) -> bool:
        """Whether it names an event of the connection, such as `ws.close`, not a message."""
        return self.type in PSEUDO_EVENTS

    @property
    def glob(self) -> bool:
        """Whether its type has stars."""
        return "*" in self.type

    def fits(self, direction: int | None, type_: str) -> bool:
        """Whether type and direction fit; the conditions of `where` are the caller's business."""
        if self.type != type_ and ("*" not in self.type or type_ in PSEUDO_EVENTS or match_glob(self.type, type_) is None):
            return False
        return self.direction is None or self.direction == direction or type_ in PSEUDO_EVENTS

    def holds(self, document: Any) -> bool:
        """Whether the conditions hold in an event's document."""
        return all(is_wanted(path.find(document), wanted) for path, wanted in self.where)

    def __str__(self) -> str:
        return self._text(self.type)

    def names(self) -> tuple[str, ...]:
        """As a product's users know it: under each of the product's names, else under the contract's."""
        return tuple(map(self._text, self.product_types or (self.type,)))

    def _text(self, type_: str) -> str:
        prefix = "" if self.direction is None else ("s2c:" if self.direction else "c2s:")
        return with_conditions(f"{prefix}{type_}", self.where)


def parse_pattern(text: str) -> Pattern:
    """`[c2s:|s2c:]type`, as a user wrote it."""
    direction = {"c2s:": 0, "s2c:": 1}.get(text[:4])
    return Pattern(text if direction is None else text[4:], direction)


def match_glob(glob: str, text: str) -> tuple[str, ...] | None:
    """What each star of a glob stands for, the first ones as much as they can; None where the text does not fit.

    Each part is looked for once, from the right: a type comes from a stranger, and an expression would try all ways.
    """
    first, *parts = glob.split("*")
    if not parts:
        return () if glob == text else None
    *middle, last = parts
    end = len(text) - len(last)
    if not text.startswith(first) or not text.endswith(last) or end < len(first):
        return None
    stars: list[str] = []
    for part in reversed(middle):
        at = text.rfind(part, len(first), end)
        if at < 0:
            return None
        stars.append(text[at + len(part) : end])
        end = at
    return (text[len(first) : end], *reversed(stars))


Patterns = tuple[Pattern, ...]  # any of them


def may_fit(patterns: Patterns, direction: int) -> bool:
    """Whether a message of this direction, whatever it is, may be one of these events."""
    return any(not pattern.pseudo and pattern.direction in (None, direction) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Key:
    """A correlation key: its sources are tried in order. A source is a path, a `conn.…` word, or another key's name."""

    name: str
    sources: tuple[Path | str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """What all judgements have in common: a name, a place in the contract, a severity."""

    # its patterns say what the contract is about: an event that fits one is known
    names_events: ClassVar[bool] = False
    # any message at all activates it, so that its activation says nothing of whether the contract fits
    about_form: ClassVar[bool] = False

    id: str
    place: Place
    severity: str = "error"
    require_activation: bool = False

    def patterns(self) -> Patterns:
        """The events that it speaks of."""
        return ()

    def paths(self) -> tuple[Path, ...]:
        """Where in a message it looks, apart from its keys and the conditions of its patterns."""
        return ()

    def may_concern(self, direction: int) -> bool:
        """Whether a message of this direction that nobody can read may matter to it."""
        return not self.about_form


@dataclass(frozen=True, slots=True, kw_only=True)
class Span(Rule):
    """`start … body … end` per key. `ends` are named; `ok` says that it went well, any other name that it did not.

    `after` says what may come after which end (None: any); `outside`, which body and end events need no open instance.
    `label` says where an instance's name stands: paths or keys, the first that has a value.
    """

    names_events: ClassVar[bool] = True

    by: tuple[str, ...]
    start: Patterns
    ends: tuple[tuple[str, Patterns], ...]
    body: Patterns = ()
    after: tuple[tuple[str | None, Patterns], ...] = ()
    outside: Patterns = ()
    else_by: tuple[str, ...] = ()
    inside: str | None = None
    parent: Path | str | None = None
    within_ns: int | None = None
    # a further start prolongs it
    renews: bool = False
    # nobody owes its end once the session is over
    for_session: bool = False
    label: tuple[Path | str, ...] = ()

    @property
    def end_patterns(self) -> Patterns:
        """What ends it, whatever the name of the end."""
        return tuple(pattern for _, patterns in self.ends for pattern in patterns)

    def patterns(self) -> Patterns:
        after = (pattern for _, patterns in self.after for pattern in patterns)
        return (*self.start, *self.end_patterns, *self.body, *after, *self.outside)

    def paths(self) -> tuple[Path, ...]:
        return (self.parent,) if isinstance(self.parent, Path) else ()

    def may_concern(self, direction: int) -> bool:
        return may_fit(self.patterns(), direction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declare(Rule):
    """One DECLARE template in a scope. `operands` holds a pattern set for each listed type, or two for a and b."""

    names_events: ClassVar[bool] = True

    template: str
    operands: tuple[Patterns, ...]
    mode: str = "any"
    min: int = 1
    max: int | None = None
    within_ns: int | None = None
    inside: str | None = None  # `in`
    by: tuple[str, ...] = ()
    across_user: bool = False
    after: Patterns = ()
    until: Patterns = ()
    unless: tuple[str, ...] = ()

    @property
    def sees_everything(self) -> bool:
        """Whether events that it does not name matter to it: the first, the last, the very next one."""
        return self.mode == "chain" or self.template in ("init", "end")

    def patterns(self) -> Patterns:
        return tuple(pattern for operand in self.operands for pattern in operand) + self.after + self.until

    def may_concern(self, direction: int) -> bool:
        return self.sees_everything or may_fit(self.patterns(), direction)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where a message says its type, when it was sent, its number and its id.

    `decoder` is the name of the one that all connections are read by (None: what each of them shows to need), `unpack` where
    an object holds a list of events.
    """

    type: Path
    sent: Path | None = None
    seq: Path | None = None
    id: Path | None = None
    decoder: str | None = None
    unpack: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class ProductMap:
    """What a product calls its events, and what the contract calls them: pairs in the order in which they are tried.

    What a star stands for in the product's name stands in the place of the star of the contract's.
    """

    events: tuple[tuple[str, str], ...] = ()

    def name_of(self, type_: str) -> str:
        """The contract's name of a product's event; the same where nothing is said of it."""
        for theirs, ours in self.events:
            if theirs == type_ and "*" not in theirs:
                return ours
        for theirs, ours in self.events:
            stars = match_glob(theirs, type_) if "*" in theirs else None
            if stars is not None:
                return _fill(ours, stars)
        return type_

    def product_names(self, type_: str) -> tuple[str, ...]:
        """What the product calls one of the contract's types, which may hold stars; nothing where it calls it the same."""
        filled = ((theirs, match_glob(ours, type_)) for theirs, ours in self.events)
        names = (_fill(theirs, stars + ("*",) * theirs.count("*")) for theirs, stars in filled if stars is not None)
        return tuple(name for name in dict.fromkeys(names) if name != type_)


def _fill(glob: str, parts: tuple[str, ...]) -> str:
    first, *rest = glob.split("*")
    return first + "".join(part + text for part, text in zip(parts, rest, strict=False))


@dataclass(frozen=True, slots=True)
class AppliesTo:
    """Globs on a connection's path (without its query) and subprotocol; empty means all.

    `events`: where nobody names a contract this one is chosen only if one of these came; empty means any of its own.
    """

    path: tuple[str, ...] = ()
    subprotocol: tuple[str, ...] = ()
    events: Patterns = ()

    def covers(self, path: str, subprotocol: str | None) -> bool:
        """Whether a connection with this path, which has no query, and this subprotocol is judged."""
        if self.path and not any(fnmatchcase(path, glob) for glob in self.path):
            return False
        return not self.subprotocol or any(fnmatchcase(subprotocol or "", glob) for glob in self.subprotocol)


@dataclass(frozen=True, slots=True)
class Contract:
    """A whole contract. `rules` holds every judgement in order; `file` is a path or a built-in's file name, `extends_line` the
    line in it that names the contract it extends (0: none), `texts` what stands in it and in all that it extends, by file."""

    name: str
    version: str
    file: str
    source: str
    digest: str
    envelope: Envelope
    keys: dict[str, Key] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    known: Patterns = ()
    applies_to: AppliesTo = AppliesTo()
    resumption: Resumption = field(default_factory=Resumption)
    map: ProductMap = ProductMap()
    # where connections name their users, before what the recorder found
    users: tuple[UserSource, ...] = ()
    extends_line: int = 0
    texts: dict[str, str] = field(default_factory=dict)

    def of(self, kind: type[Any]) -> list[Any]:
        """The rules of one kind, in order."""
        return [rule for rule in self.rules if isinstance(rule, kind)]

    @property
    def spans(self) -> dict[str, Span]:
        """The spans by id, in order."""
        return {span.id: span for span in self.of(Span)}

    def is_known(self, direction: int, type_: str) -> bool:
        """Whether the contract names the type, in whatever rule."""
        return any(pattern.fits(direction, type_) for pattern in self.known) or self.is_named(direction, type_)

    def is_named(self, direction: int, type_: str) -> bool:
        """Whether a rule that says what the contract is about names the type other than by a bare `*`."""
        patterns = (pattern for rule in self.rules if rule.names_events for pattern in rule.patterns())
        return any(pattern.type != "*" and pattern.fits(direction, type_) for pattern in patterns)

    def read_by(self, decoder: str | None) -> Contract:
        """The same with this decoder for all connections; None leaves it as it is."""
        return self if decoder is None else replace(self, envelope=replace(self.envelope, decoder=decoder))

    def identified_by(self, *users: UserSource) -> Contract:
        """The same, with users where these say; a path in messages becomes the key `user`."""
        if not users:
            return self
        paths = tuple(parse(user.name) for user in users if user.kind == "message")
        before = self.keys[USER_KEY].sources if USER_KEY in self.keys else ()
        keys = {**self.keys, USER_KEY: Key(USER_KEY, (*paths, *before))} if paths else self.keys
        return replace(self, keys=keys, users=(*(user for user in users if user.kind != "message"), *self.users))

    def read_as(self, read_as: ReadAs) -> Contract:
        """The same for messages and users that are read so."""
        return self.read_by(read_as.decoder).identified_by(*read_as.users)

    @property
    def has_number_types(self) -> bool:
        """Whether a whole number may be a type: where its place is the contract's own, or a pattern names one."""
        patterns = (pattern for rule in self.rules for pattern in rule.patterns())
        return self.envelope.type.steps != ("type",) or any(pattern.type.isdecimal() for pattern in patterns)

    @property
    def run_span(self) -> Span | None:
        """The span whose instances get a terminal account: the one named `run`, else the first."""
        spans = self.spans
        return spans.get("run") or next(iter(spans.values()), None)
