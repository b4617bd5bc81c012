"""A contract becomes source: one function per direction and event type, in which only what concerns that type is left.

Everything that is the same for all events of a type is decided here, once: which keys are read, which spans and rules look.
The generated functions do what happens in a healthy trace in place, and call the monitors for all else. Nothing of a message
or a contract ever becomes source but as a quoted literal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wsreplay.contract.model import Contract, Declare, Latency, Pattern, Patterns, Span
from wsreplay.contract.paths import Path
from wsreplay.validator.declare import AFTER, UNTIL, Existence, Group, Monitor, Precedence, Response
from wsreplay.validator.keys import Keys
from wsreplay.validator.state import Anonymous

if TYPE_CHECKING:
    from wsreplay.validator.engine import Engine


def operand_roles(rule: Declare) -> list[tuple[Patterns, int]]:
    """Each pattern set of a rule with the bit that an event gets which fits it."""
    roles = [(operand, 1 << number) for number, operand in enumerate(rule.operands)]
    return [*roles, (rule.after, AFTER), (rule.until, UNTIL)]


@dataclass(frozen=True, slots=True)
class Fit:
    """How an event type fits pattern sets: bits it has for certain, and bits that depend on conditions in the message."""

    certain: int
    conditional: tuple[tuple[Pattern, int], ...]

    def __bool__(self) -> bool:
        return bool(self.certain or self.conditional)


def fit(roles: list[tuple[Patterns, int]], direction: int | None, type_: str) -> Fit:
    certain, conditional = 0, list[tuple[Pattern, int]]()
    for patterns, bit in roles:
        for pattern in patterns:
            if pattern.fits(direction, type_):
                if pattern.where:
                    conditional.append((pattern, bit))
                else:
                    certain |= bit
    return Fit(certain, tuple((pattern, bit) for pattern, bit in conditional if not certain & bit))


def same(found: Any, wanted: tuple[Any, ...]) -> bool:
    """JSON equality with one of the wanted values: true is not 1."""
    return any(found == value and isinstance(found, bool) == isinstance(value, bool) for value in wanted)


def condition(pattern: Pattern) -> Callable[[Any], bool]:
    """Whether a message meets the conditions of a pattern's `where`."""
    return lambda message: all(same(path.find(message), wanted) for path, wanted in pattern.where)


class Program:
    """Writes and compiles the handlers of one engine."""

    def __init__(self, engine: Engine, contract: Contract, inline: bool = True) -> None:
        self.engine, self.contract, self.keys, self.inline = engine, contract, Keys(contract), inline
        self.space: dict[str, Any] = {"NOTHING": {}, "clock": engine.clock, "engine": engine}
        for name in contract.keys:
            self.space[f"resolve{self.keys.variable(name)}"] = self.keys.resolver(name)
        for number, span in enumerate(engine.spans):
            self.space[f"span{number}"] = span
        for monitor in engine.monitors:
            self.space[f"rule{monitor.index}"] = monitor
        for name, monitors in (("latency", engine.latencies), ("sequence", engine.sequences), ("unique", engine.uniques),
                               ("bind", engine.binds), ("confine", engine.confines), ("schema", engine.schemas)):
            for number, each in enumerate(monitors):
                self.space[f"{name}{number}"] = each
        self._shared: dict[tuple[Any, ...], Callable[..., None]] = {}

    def handler(self, direction: int, type_: str) -> Callable[..., None]:
        """The function of (message, connection, frame id, time, payload, type) for an event type.

        Types that nothing tells apart share one function.
        """
        lines = _Handler(self, direction, type_).lines()
        text = "\n".join(lines)
        found = self._shared.get((direction, text))
        if found is None:
            space = self.space
            exec(compile(text, f"<{self.contract.name} {direction}>", "exec"), space)  # noqa: S102
            found = self._shared[direction, text] = space["handle"]
        return found

    def counter(self, name: str) -> str:
        """The name of a number that generated source counts up."""
        variable = f"n_{name}"
        self.space.setdefault(variable, 0)
        return variable

    def count(self, name: str) -> int:
        """What was counted since the last call."""
        variable = f"n_{name}"
        value = int(self.space.get(variable, 0))
        if value:
            self.space[variable] = 0
        return value


class _Handler:
    """The source of one handler."""

    def __init__(self, program: Program, direction: int, type_: str) -> None:
        self.program, self.engine, self.contract, self.keys = program, program.engine, program.contract, program.keys
        self.direction, self.type = direction, type_
        self.needs: set[str] = set()
        self.objects: set[str] = set()
        self.counters: set[str] = set()
        self.body: list[str] = []
        self.tests: dict[Pattern, str] = {}

    def lines(self) -> list[str]:
        """The whole function."""
        unknown = self.engine.unknown is not None and not self.engine.is_known(self.direction, self.type)
        self._resent()
        if unknown:
            self.program.space["unknown"] = self.engine.unknown
            self.body.append("unknown.seen(conn, type, fid, t, %d)" % self.direction)
        self._schemas()
        self._latencies()
        self._sequences()
        self._uniques()
        self._isolation()
        self._spans_and_rules()
        heads: list[str] = []
        for name in self.keys.needed(self.needs):
            heads += self.keys.source(name, self._read)
        start = ["def handle(d, conn, fid, t, payload, type):"]
        if self.counters:
            start.append("    global " + ", ".join(sorted(self.counters)))
        for member in sorted(self.objects):
            variable = self._object_variable(member)
            start += [f"    {variable} = d.get({member!r})", f"    if {variable}.__class__ is not dict:", f"        {variable} = NOTHING"]
        # The keys come after the check for resent history, which is the body's first part.
        body = self.body[: self._after_resent] + heads + self.body[self._after_resent:]
        return start + ["    " + line for line in body or ["pass"]]

    # Reading a message.

    def _object_variable(self, member: str) -> str:
        return f"o_{member}" if member.isidentifier() else "o_" + member.encode().hex()

    def _read(self, path: Path) -> str:
        """An expression for what stands at a path, None where nothing does."""
        steps = path.steps
        if all(isinstance(step, str) for step in steps) and 1 <= len(steps) <= 2:
            if len(steps) == 1:
                return f"d.get({steps[0]!r})"
            self.objects.add(str(steps[0]))
            return f"{self._object_variable(str(steps[0]))}.get({steps[1]!r})"
        name = f"path_{path.text.encode().hex()}"
        self.program.space[name] = path.find
        return f"{name}(d)"

    def _count(self, name: str) -> str:
        variable = self.program.counter(name)
        self.counters.add(variable)
        return f"{variable} += 1"

    def _roles(self, found: Fit) -> str:
        """An expression for the bits an event has."""
        parts = [str(found.certain)] if found.certain or not found.conditional else []
        parts += [f"({bit} if {self._test(pattern)} else 0)" for pattern, bit in found.conditional]
        return " | ".join(parts)

    def _test(self, pattern: Pattern) -> str:
        """A call that says whether the message meets a pattern's conditions."""
        name = f"where_{abs(hash(pattern)):x}_{len(str(pattern))}"
        self.program.space[name] = condition(pattern)
        return f"{name}(d)"

    def _if(self, found: Fit) -> str | None:
        """A condition for having any of the bits; None where it is certain."""
        return None if found.certain else " or ".join(self._test(pattern) for pattern, _ in found.conditional)

    # The rules that are no templates.

    def _resent(self) -> None:
        path = self.contract.envelope.id
        if path is not None:
            self.body += [f"id = {self._read(path)}",
                          "if id is not None and conn.resumed and engine.resent(conn, id):", "    return"]
            if not self.engine.ids_kept_by_unique:
                self.body += ["if id.__class__ is str or id.__class__ is int:", "    engine.remember(conn, id)"]
        self._after_resent = len(self.body)

    def _schemas(self) -> None:
        for number, monitor in enumerate(self.engine.schemas):
            for index, check in enumerate(monitor.checks(self.direction, self.type)):
                name = f"check_{number}_{index}_{id(check):x}"
                self.program.space[name] = check
                self.body.append(f"schema{number}.check({name}, d, conn, fid, t, type, {self.direction})")

    def _latencies(self) -> None:
        sent = self.contract.envelope.sent
        for number, monitor in enumerate(self.engine.latencies):
            rule: Latency = monitor.rule
            found = fit([(rule.events, 1)], self.direction, self.type)
            if not found or sent is None:
                continue
            self.program.space["sent_ns"] = self.engine.sent_ns
            lines = [
                f"s = {self._read(sent)}",
                "if s is not None:",
                "    if s.__class__ is float and 0.0 < s < 1e11:",
                "        s *= 1e9",
                "    else:",
                "        s = sent_ns(s)",
                "    if s is not None:",
                f"        {self._count(f'latency{number}')}",
                "        x = t - s",
                f"        if conn.smallest[{number}] <= x <= conn.largest[{number}] and s >= conn.sent[{number}]:",
                f"            conn.sent[{number}] = s",
                "        else:",
                f"            latency{number}.off(conn, x, s, fid, t, type, {self.direction})",
                f"            conn.sent[{number}] = s",
            ]
            self._under(self._if(found), lines)

    def _under(self, test: str | None, lines: list[str]) -> None:
        if test is None:
            self.body += lines
        else:
            self.body += [f"if {test}:", *("    " + line for line in lines)]

    def _sequences(self) -> None:
        for number, monitor in enumerate(self.engine.sequences):
            rule = monitor.rule
            self.needs.update(rule.by)
            if rule.by in (("conn.session",), ("conn.id",)):
                state = f"conn.sequences[{number}][{self.direction}]"
            else:
                state = f"engine.sequence(conn, {number}, {self.keys.tuple(rule.by)})[{self.direction}]"
            missing = self.keys.missing(rule.by)
            self.body += [
                f"q = {self._read(rule.field)}",
                "if q is not None" + (f" and not ({missing})" if missing else "") + ":",
                f"    {self._count(f'sequence{number}')}",
                f"    c = {state}",
                "    if q == c.last + 1 and q.__class__ is int:",
                "        c.last = q",
                "    else:",
                f"        sequence{number}.off(c, q, conn, fid, t, type, {self.direction})",
            ]

    def _uniques(self) -> None:
        for number, monitor in enumerate(self.engine.uniques):
            rule = monitor.rule
            self.needs.update(rule.by)
            key, missing = self.keys.tuple(rule.by), self.keys.missing(rule.by)
            self.program.space["plain_id"] = self.engine.plain_id
            self.body += [
                f"u = {self._read(rule.field)}",
                "if u is not None" + (f" and not ({missing})" if missing else "") + ":",
                "    if u.__class__ is not str:",
                f"        u = plain_id(u, {number}, payload)",
                f"    {self._count(f'unique{number}')}",
                f"    seen = conn.session.uniques[{number}].get({key})",
                "    if seen is None:",
                f"        seen = engine.unique(conn, {number}, {key}, t)",
                "    seen.t = t",
                "    now = seen.now",
                "    if u in now or u in seen.old:",
                f"        unique{number}.twice(seen, u, conn, fid, t, type, {self.direction})",
                "    else:",
                "        now[u] = fid",
                "        if len(now) >= 10000:",
                f"            unique{number}.rotate(seen)",
            ]

    def _isolation(self) -> None:
        """An event of somebody else's is said to be so, and nothing else: it has no place in this session's slices."""
        if self.engine.binds:
            self.body.append("alien = False")
        for number, monitor in enumerate(self.engine.binds):
            rule = monitor.rule
            self.needs.update((*rule.keys, rule.to))
            owner = self.keys.variable(rule.to)
            self.program.space.update({f"bound{number}_{index}": monitor.owners[key] for index, key in enumerate(rule.keys)})
            for index, key in enumerate(rule.keys):
                value = self.keys.variable(key)
                self.body += [
                    f"b = bound{number}_{index}.get({value})",
                    f"if b is not None and b.owner == {owner}:",
                    "    b.t = t",
                    f"elif bind{number}.check({key!r}, {value}, {owner}, conn, fid, t, type, {self.direction}):",
                    "    alien = True",
                ]
        for number, confine in enumerate(self.engine.confines):
            self.needs.update((confine.rule.key, confine.rule.to))
            value, owner = self.keys.variable(confine.rule.key), self.keys.variable(confine.rule.to)
            self.body += [
                f"if {value} is not None:",
                f"    {self._count(f'confine{number}')}",
                f"    if {value} != {owner}:",
                f"        confine{number}.check({value}, {owner}, conn, fid, t, type, {self.direction})",
            ]
        if self.engine.binds:
            self.body += ["if alien:", "    return"]

    # Spans and templates.

    def _spans_and_rules(self) -> None:
        ends: list[str] = []
        for number, monitor in enumerate(self.engine.spans):
            if self._concerns(monitor.span):
                self._span(number, monitor.span, ends)
        for group in self.engine.groups:
            if group.inside is None:
                self._group_of_keys(group)
        self.body += ends

    def _concerns(self, span: Span) -> bool:
        patterns = (*span.start, *span.end_patterns, *span.body)
        if any(pattern.fits(self.direction, self.type) for pattern in patterns):
            return True
        if any(other.inside == span.id and self._concerns(other) for other in self.contract.spans.values()):
            return True
        return any(group.inside == span.id and self._looks(group) for group in self.engine.groups)

    def _looks(self, group: Group) -> bool:
        return any(each.rule.sees_everything or fit(operand_roles(each.rule), self.direction, self.type) for each in group.monitors)

    def _span(self, number: int, span: Span, ends: list[str]) -> None:
        self.needs.update((*span.by, *span.else_by))
        start = fit([(span.start, 1)], self.direction, self.type)
        closing = [(name, fit([(patterns, 1)], self.direction, self.type)) for name, patterns in span.ends]
        closing = [(name, found) for name, found in closing if found]
        body = fit([(span.body, 1)], self.direction, self.type)
        allowed_after = bool(fit([(span.after, 1)], self.direction, self.type))
        i, above = f"i{number}", self._above(span)
        key, missing = self.keys.tuple(span.by), self.keys.missing(span.by)
        self.body.append(f"x{number} = {key}")
        self.body.append(f"{i} = conn.session.spans[{number}].get(x{number})" + (f" if not ({missing}) else None" if missing else ""))
        if missing and (start or closing or body):
            self._keyless(number, span, above, bool(start), missing)
        if start:
            self._start(number, span, above, start, missing)
        if closing or body:
            self._within(number, span, above, closing, body, start, allowed_after, missing)
        self.body += [f"if {i} is not None and not {i}.open:", f"    {i} = None"]
        for group in self.engine.groups:
            if group.inside == span.id:
                self._group_in_span(group, i)
        for name, found in closing:
            tests = [test for test in (f"{i} is not None and {i}.open", self._if(found)) if test]
            ends += [f"if {' and '.join(f'({test})' for test in tests)}:", f"    span{number}.end({i}, {name!r}, t, fid, type)"]

    def _above(self, span: Span) -> str:
        return f"i{self.engine.span_numbers[span.inside]}" if span.inside is not None else "None"

    def _keyless(self, number: int, span: Span, above: str, is_start: bool, missing: str) -> None:
        """The event lacks its key: it is matched by the other one, first in first out, or cannot be judged."""
        i = f"i{number}"
        self.body.append(f"if {missing}:")
        if span.else_by:
            other, absent = self.keys.tuple(span.else_by), self.keys.missing(span.else_by)
            self.body.append(f"    x{number} = None")
            if absent:
                self.body += [f"    if {absent}:", f"        engine.lacks(span{number}.counts, {span.by!r}, conn, fid, t, type)", "    else:"]
            inner = "        " if absent else "    "
            self.program.space["Anonymous"] = Anonymous
            self.body.append(f"{inner}x{number} = Anonymous({other})")
            if not is_start:
                self.body.append(f"{inner}{i} = span{number}.by_else_key(conn.session, {above}, {other})")
        else:
            self.body += [f"    x{number} = None", f"    engine.lacks(span{number}.counts, {span.by!r}, conn, fid, t, type)"]

    def _start(self, number: int, span: Span, above: str, start: Fit, missing: str) -> None:
        i = f"i{number}"
        other = self.keys.tuple(span.else_by) if span.else_by else "None"
        lines: list[str] = []
        parent, nested = above, "False"
        if span.parent is not None:
            self._parent(number, span)
            nested = f"p{number} is not None"
            parent = f"h{number}"
        new = f"{i} = span{number}.start(conn, x{number}, t, fid, {i}, {parent}, {nested}, {other})"
        if span.inside is not None:
            said = [] if self._covered(span) else [f"    span{number}.outside(conn, x{number}, t, fid, type, {self.direction})"]
            lines += [f"if {above} is None:", f"    {i} = None", *said, "else:", f"    {new}"]
        else:
            lines.append(new)
        if missing:
            lines = [f"if x{number} is not None:", *("    " + line for line in lines)]
        self._under(self._if(start), lines)

    def _parent(self, number: int, span: Span) -> None:
        """The parent is the instance whose innermost key is what `parent` names."""
        assert span.parent is not None
        if isinstance(span.parent, Path):
            self.program.space["scalar"] = self.engine.scalar
            name = f"parent_path{number}"
            self.program.space[name] = span.parent
            self.body += [f"p{number} = {self._read(span.parent)}", f"if p{number} is not None and p{number}.__class__ is not str:",
                          f"    p{number} = scalar(p{number}, {name}, payload)"]
        else:
            self.needs.add(span.parent)
            self.body.append(f"p{number} = {self.keys.variable(span.parent)}")
        outer = [self.keys.variable(name) for name in span.by[:-1]]
        key = f"({', '.join([*outer, f'p{number}'])})" if outer else f"p{number}"
        self.body += [f"h{number} = conn.session.spans[{number}].get({key}) if p{number} is not None else None",
                      f"if h{number} is not None and not h{number}.open:", f"    h{number} = None"]

    def _covered(self, span: Span) -> bool:
        """Whether the span that this one is inside of speaks up itself where the event comes without it."""
        outer = self.contract.spans[span.inside] if span.inside is not None else None
        return outer is not None and any(pattern.fits(self.direction, self.type) for pattern in (*outer.body, *outer.end_patterns))

    def _within(self, number: int, span: Span, above: str, closing: list[tuple[str, Fit]], body: Fit, start: Fit, allowed_after: bool,
                missing: str) -> None:
        """A body or end event needs an open instance."""
        i = f"i{number}"
        tests = [self._if(found) for found in (*(found for _, found in closing), body) if found]
        test = None if None in tests else " or ".join(f"({test})" for test in tests if test)
        if start and not closing:
            return
        guard = f"{i} is None or not {i}.open"
        if closing and span.else_by:
            self._under(test, [f"if {guard}:", f"    {i} = span{number}.by_else_key(conn.session, {above}, {self.keys.tuple(span.else_by)}, "
                               f"True) or {i}"])
        if allowed_after:
            guard = f"{i} is None"
        if missing:
            guard = f"x{number} is not None and ({guard})"
        if self._covered(span):
            guard = f"{above} is not None and ({guard})"
        stray = f"{i} = span{number}.stray(conn, x{number}, t, fid, {i}, {above}, type, {self.direction}, {bool(closing)})"
        self._under(test, [f"if {guard}:", f"    {stray}"])

    def _group_in_span(self, group: Group, i: str) -> None:
        if not self._looks(group):
            return
        if not group.by:
            lines = self._rules(group, i)
        else:
            self.needs.update(group.by)
            missing = self.keys.missing(group.by)
            lines = [f"g = engine.part({i}, {group.index}, {self.keys.tuple(group.by)}, conn, t, fid)", *self._rules(group, "g")]
            if missing:
                lines = self._lacking(group, missing, lines)
        if lines:
            self.body += [f"if {i} is not None:", *("    " + line for line in lines)]

    def _group_of_keys(self, group: Group) -> None:
        if not self._looks(group):
            return
        if group.across_user:
            self.needs.update(group.by)
            key = self.keys.tuple(("conn.user", *group.by))
            missing = self.keys.missing(("conn.user", *group.by))
            lines = [f"g = engine.user_slice({group.index}, {key}, conn, t, fid)", *self._rules(group, "g")]
            self.body += self._lacking(group, missing, lines)
        elif not group.by:
            self.body += ["g = conn.slice", *self._rules(group, "g")]
        else:
            self.needs.update(group.by)
            missing = self.keys.missing(group.by)
            lines = [f"g = engine.keyed_slice({group.index}, {self.keys.tuple(group.by)}, conn, t, fid)", *self._rules(group, "g")]
            self.body += self._lacking(group, missing, lines) if missing else lines

    def _lacking(self, group: Group, missing: str, lines: list[str]) -> list[str]:
        """What happens to an event that lacks a key: an error for each rule that names it."""
        names = [each for each in group.monitors if fit(operand_roles(each.rule), self.direction, self.type)]
        keys = (("conn.user",) if group.across_user else ()) + group.by
        errors = [f"    engine.lacks(rule{each.index}.counts, {keys!r}, conn, fid, t, type)" for each in names] or ["    pass"]
        return [f"if {missing}:", *errors, "else:", *("    " + line for line in lines)]

    def _rules(self, group: Group, slice_: str) -> list[str]:
        """What the rules of a group do with the event; `slice_` is the variable of their slice."""
        lines: list[str] = []
        bits = 0
        for each in group.monitors:
            found = fit(operand_roles(each.rule), self.direction, self.type)
            if not found and not each.rule.sees_everything:
                continue
            inlined = self._inlined(each, found, slice_) if self.program.inline and not found.conditional else None
            if inlined is None:
                lines.append(f"rule{each.index}.event({slice_}, {self._roles(found)}, fid, t, conn, type, {self.direction})")
            else:
                lines += inlined[0]
                bits |= inlined[1]
        if bits:
            lines.append(f"{slice_}.mask |= {bits}")
        return lines

    def _inlined(self, each: Monitor, found: Fit, slice_: str) -> tuple[list[str], int] | None:
        """Lines and bits to set that do the same as the monitor's `event`; None where there is no short way."""
        if isinstance(each, Existence) and each.simple:
            return [], found.certain * each.bits
        if isinstance(each, Precedence) and each.simple and not each.rule.unless:
            lines = []
            if found.certain & 2:
                lines = [self._count(f"rule{each.index}"), f"if not {slice_}.mask & {each.bits}:",
                         f"    rule{each.index}.fail({slice_}, fid, t, conn, type, {self.direction})"]
            return lines, each.bits if found.certain & 1 else 0
        if isinstance(each, Response) and found.certain == 2:
            return [f"if {slice_}.states:",
                    f"    rule{each.index}.event({slice_}, 2, fid, t, conn, type, {self.direction})"], 0
        return None
