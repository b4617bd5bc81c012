"""Contracts that contradict themselves: what can be known without a trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

from wsreplay.contract.document import suggestion
from wsreplay.contract.event_words import one_of
from wsreplay.contract.model import Contract, Declare, Pattern, Patterns, Rule, Span
from wsreplay.contract.paths import Path
from wsreplay.contract.rules.json_format import Format
from wsreplay.decode import PLAIN
from wsreplay.errors import ContractError


def check(contract: Contract) -> None:
    """Raise a ContractError for the first rule that cannot mean anything."""
    spans = contract.spans
    _paths_that_may_be_there(contract)
    _types_that_may_come(contract)
    for rule in contract.rules:
        if isinstance(rule, Span):
            _span(rule, spans)
        elif isinstance(rule, Declare):
            _declare(rule, spans)
    _no_opposites(contract.of(Declare))


def _paths_that_may_be_there(contract: Contract) -> None:
    """A type is a text: nothing stands below it. Where text must be an object, no message is an array."""
    kind, form = contract.envelope.type, contract.of(Format)
    objects = bool(form) and form[0].text == "object" and contract.envelope.decoder in (None, PLAIN)
    for place, path in _paths(contract):
        if len(path.steps) > len(kind.steps) and path.steps[: len(kind.steps)] == kind.steps:
            raise ContractError(f"{path.text} never matches: the type is at {kind.text}, and is a string", **place)
        if objects and path.steps and isinstance(path.steps[0], int):
            message = f"{path.text} never matches: it goes into an array, and `json: {{text: object}}` allows none"
            raise ContractError(f"{message}; did you mean `json: {{text: json}}`?", **place)


def _paths(contract: Contract) -> Iterator[tuple[dict[str, Any], Path]]:
    file = {"file": contract.file}
    envelope = contract.envelope
    for name, path in (("sent", envelope.sent), ("seq", envelope.seq), ("id", envelope.id)):
        if path is not None:
            yield {**file, "path": f"envelope.{name}"}, path
    for key in contract.keys.values():
        yield from (({**file, "path": f"keys.{key.name}"}, source) for source in key.sources if isinstance(source, Path))
    for rule in contract.rules:
        place = {"file": rule.place.file, "line": rule.place.line, "column": rule.place.column, "path": rule.place.path}
        conditions = (path for pattern in rule.patterns() if not pattern.pseudo for path, _ in pattern.where)
        labels = (source for source in rule.label if isinstance(source, Path)) if isinstance(rule, Span) else ()
        yield from ((place, path) for path in (*rule.paths(), *labels, *conditions))


def _types_that_may_come(contract: Contract) -> None:
    """An event that the map renames does not come by its old name; of an extended contract's rules the map itself says so."""
    renamed = {theirs: ours for theirs, ours in contract.map.events if "*" not in theirs and theirs != ours}
    for rule in (rule for rule in contract.rules if rule.place.file == contract.file):
        for pattern in rule.patterns():
            if pattern.type in renamed and pattern.type not in renamed.values():
                ours = renamed[pattern.type]
                _fail(rule, f"{pattern.type} never comes: the map calls it {ours}; did you mean {ours!r}?")


def _fail(rule: Rule, message: str) -> NoReturn:
    raise rule.place.error(message)


def _overlap(patterns: Patterns, others: Patterns) -> Pattern | None:
    """The first pattern without conditions that literally stands in `others` too, or is covered by one of their globs."""
    for a in patterns:
        for b in others:
            same_way = a.direction is None or b.direction is None or a.direction == b.direction
            if same_way and not a.where and not b.where and (a.type == b.type or (b.glob and b.fits(b.direction, a.type))):
                return a
    return None


def _span(span: Span, spans: dict[str, Span]) -> None:
    both = _overlap(span.start, span.end_patterns)
    if both is not None:
        _fail(span, f"{both} both starts and ends span {span.id}: it could never be open")
    for index, (name, patterns) in enumerate(span.ends):
        for other, others in span.ends[:index]:
            both = _overlap(patterns, others)
            if both is not None:
                _fail(span, f"{both} is an end of span {span.id} both as {other!r} and as {name!r}")
    for end, _ in span.after:
        if end is not None and end not in dict(span.ends):
            _fail(span, f"span {span.id} has no end {end!r}{suggestion(end, dict(span.ends))}")
    if all(pattern.type in ("ws.open", "ws.ping", "ws.pong") for pattern in span.end_patterns):
        _fail(span, f"span {span.id} cannot end: no message and no close ends it")
    above, seen = span.inside, [span.id]
    while above is not None:
        if above in seen:
            _fail(span, f"spans inside each other in a circle: {' → '.join([*seen, above])}")
        seen.append(above)
        above = spans[above].inside


def _declare(rule: Declare, spans: dict[str, Span]) -> None:
    if rule.inside is not None and rule.across_user:
        _fail(rule, "a rule is either in a span or across a user's sessions")
    for name in rule.unless:
        ends = [end for end, _ in spans[rule.inside or ""].ends]
        if name not in ends:
            _fail(rule, f"span {rule.inside} has no end {name!r}{suggestion(name, ends)}")
    if rule.until and rule.after and _overlap(rule.after, rule.until):
        _fail(rule, "the same event opens and closes the scope")
    if rule.mode == "alternate" and _overlap(rule.operands[0], rule.operands[1]):
        _fail(rule, "alternate needs two different events")


def _no_opposites(rules: list[Declare]) -> None:
    """What must occur in a scope may not be forbidden in the same."""
    for rule in rules:
        for other in rules:
            same = (rule.inside, rule.by, rule.across_user, rule.after, rule.until) == (
                other.inside, other.by, other.across_user, other.after, other.until,
            )  # fmt: skip
            if not same or (rule.template, other.template) != ("existence", "absence") or not rule.min:
                continue
            forbidden = tuple(pattern for operand in other.operands for pattern in operand)
            for operand in rule.operands:
                if all(_overlap((pattern,), forbidden) for pattern in operand):
                    what = one_of(map(str, operand))
                    _fail(other, f"{other.id} forbids {what}, which {rule.id} requires: nothing can satisfy both")
