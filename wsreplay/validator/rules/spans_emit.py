"""The source of one handler: what happens to an event of one direction and type, in one contract.

What is in order in a healthy trace happens in place; all else is a call of a monitor. Variables: d the message, k_… keys, x a
span's key, i its open instance, v_… values read from the message.
"""

from __future__ import annotations

from wsreplay.contract.model import Bind, Span
from wsreplay.contract.paths import Path
from wsreplay.validator.emit.keys import scalar
from wsreplay.validator.emit.writer import MessageSource
from wsreplay.validator.rules.existence import Existence
from wsreplay.validator.rules.group import Group
from wsreplay.validator.rules.relation import Precedence, Response
from wsreplay.validator.rules.roles import Fit, fit, operand_roles
from wsreplay.validator.rules.template import Monitor
from wsreplay.validator.state.state import Anonymous


class HandlerSource(MessageSource):
    """The source of the function for one direction and event type."""

    def _isolation(self) -> None:
        """An event of somebody else's is said to be so, and nothing else: it has no place in this session's slices."""
        if self.monitors.binds or self.monitors.confines:
            self.body.append("alien = False")
        for number, monitor in enumerate(self.monitors.binds):
            self._bind(number, monitor.rule)
        for number, confine in enumerate(self.monitors.confines):
            self.needs.update((confine.rule.key, confine.rule.to))
            value, owner = self.keys.variable(confine.rule.key), self.keys.variable(confine.rule.to)
            check = f"confine{number}.check({value}, {owner}, conn, fid, t, type, {self.direction})"
            self.body += [
                f"if {value} is not None:",
                f"    {self._count(f'confine{number}')}",
                f"    if {value} != {owner} and {check}:",
                "        alien = True",
            ]
        if self.monitors.binds or self.monitors.confines:
            self.body += ["if alien:", "    return"]

    def _bind(self, number: int, rule: Bind) -> None:
        """What comes in an open span whose start has been looked at needs no second look."""
        self.needs.update((*rule.keys, rule.to))
        owner = self.keys.variable(rule.to)
        lines: list[str] = []
        for index, key in enumerate(rule.keys):
            self.names.space[f"bound{number}_{index}"] = self.monitors.binds[number].owners[key]
            value = self.keys.variable(key)
            check = f"bind{number}.check({key!r}, {value}, {owner}, conn, fid, t, type, {self.direction})"
            lines += [
                f"b = bound{number}_{index}.get({value})",
                f"if b is not None and b.owner == {owner}:",
                "    b.t = t",
                f"elif {check}:",
                "    alien = True",
            ]
        span = self._vouching_span(rule)
        if span is None:
            self.body += lines
            return
        self._look_up(span)
        self.body += [f"if i{span} is None or not i{span}.bound:", *("    " + line for line in lines)]

    def _vouching_span(self, rule: Bind) -> int | None:
        """A span that concerns this event and is found by all keys that the rule binds."""
        for number, monitor in enumerate(self.monitors.spans):
            always = all(self.keys.always(name) for name in monitor.span.by)
            if rule.to == "conn.user" and always and set(rule.keys) <= set(monitor.span.by) and self._concerns(monitor.span):
                return number
        return None

    # Spans and templates.

    def _spans_and_rules(self) -> None:
        ends: list[str] = []
        for number, monitor in enumerate(self.monitors.spans):
            if self._concerns(monitor.span):
                self._span(number, monitor.span, ends)
        for group in self.monitors.groups:
            if group.inside is None:
                self._group_of_keys(group)
        self.body += ends

    def _concerns(self, span: Span) -> bool:
        patterns = (*span.start, *span.end_patterns, *span.body)
        if any(pattern.fits(self.direction, self.type) for pattern in patterns):
            return True
        if any(other.inside == span.id and self._concerns(other) for other in self.contract.spans.values()):
            return True
        return any(group.inside == span.id and self._looks(group) for group in self.monitors.groups)

    def _looks(self, group: Group) -> bool:
        return any(
            each.rule.sees_everything or fit(operand_roles(each.rule), self.direction, self.type) for each in group.monitors
        )

    def _look_up(self, number: int) -> None:
        """Set x, the span's key, and i, its open instance."""
        if number in self.looked_up:
            return
        self.looked_up.add(number)
        span = self.monitors.spans[number].span
        self.needs.update(span.by)
        missing = self.keys.missing(span.by)
        self.body += [
            f"x{number} = {self.keys.together(span.by)}" + (f" if not ({missing}) else None" if missing else ""),
            f"i{number} = conn.span{number}.get(x{number})",
        ]

    def _span(self, number: int, span: Span, ends: list[str]) -> None:
        start = fit([(span.start, 1)], self.direction, self.type)
        closing = [(name, fit([(patterns, 1)], self.direction, self.type)) for name, patterns in span.ends]
        closing = [(name, found) for name, found in closing if found]
        body = fit([(span.body, 1)], self.direction, self.type)
        self._look_up(number)
        if start or closing or body:
            self.needs.update(span.else_by)
            self._keyless(number, span, bool(start))
        if start:
            self._start(number, span, start)
        if (closing or body) and not (start and not closing):
            self._within(number, span, closing, body)
        i = f"i{number}"
        for group in self.monitors.groups:
            if group.inside == span.id:
                self._group_in_span(group, i)
        for name, found in closing:
            tests = [test for test in (f"{i} is not None and {i}.open", self._if(found)) if test]
            ends += [f"if {' and '.join(f'({test})' for test in tests)}:", f"    span{number}.end({i}, {name!r}, t, fid, type)"]

    def _above(self, span: Span) -> str:
        return f"i{self.monitors.span_numbers[span.inside]}" if span.inside is not None else "None"

    def _else_key(self, span: Span) -> str:
        return self.keys.together(span.else_by) if span.else_by else "None"

    def _keyless(self, number: int, span: Span, is_start: bool) -> None:
        """An event that lacks its key is matched by the other one, first in first out, or cannot be judged."""
        missing = self.keys.missing(span.by)
        if not missing:
            return
        lacks = f"memory.lacks(span{number}.counts, {span.by!r}, conn, fid, t, type)"
        if not span.else_by:
            self.body += [f"if x{number} is None:", f"    {lacks}"]
            return
        self.names.space["Anonymous"] = Anonymous
        key, absent = self._else_key(span), self.keys.missing(span.else_by)
        found = [f"x{number} = Anonymous({key})"]
        if not is_start:
            found.append(f"i{number} = span{number}.by_else_key(conn.session, {self._above(span)}, {key})")
        self.body.append(f"if x{number} is None:")
        if absent:
            self.body += [f"    if {absent}:", f"        {lacks}", "    else:", *("        " + line for line in found)]
        else:
            self.body += ["    " + line for line in found]

    def _start(self, number: int, span: Span, start: Fit) -> None:
        i, above = f"i{number}", self._above(span)
        parent, nested = above, "False"
        if span.parent is not None:
            self._parent(number, span)
            parent, nested = f"h{number}", f"p{number} is not None"
        what, rest = f"conn, x{number}, t, fid", f"{parent}, {self._else_key(span)}"
        lines = [
            f"if {i} is None:",
            f"    {i} = span{number}.open({what}, {rest})",
            "else:",
            f"    {i} = span{number}.start_again({what}, {i}, {rest}, {nested})",
        ]
        if self.direction:
            lines.append(f"{i}.bound = True")
        if span.inside is not None:
            said = [] if self._covered(span) else [f"    span{number}.outside(conn, x{number}, t, fid, type, {self.direction})"]
            lines = [f"if {above} is None:", f"    {i} = None", *said, "else:", *("    " + line for line in lines)]
        if self.keys.missing(span.by):
            lines = [f"if x{number} is not None:", *("    " + line for line in lines)]
        self._under(self._if(start), lines)

    def _parent(self, number: int, span: Span) -> None:
        """The parent is the instance whose innermost key is what `parent` names."""
        assert span.parent is not None
        p, h = f"p{number}", f"h{number}"
        if isinstance(span.parent, Path):
            self.names.space.update({"scalar": scalar, f"parent_path{number}": span.parent})
            self.body += [
                f"{p} = {self._read(span.parent)}",
                f"if {p} is not None and {p}.__class__ is not str:",
                f"    {p} = scalar({p}, parent_path{number}, payload)",
            ]
        else:
            self.needs.add(span.parent)
            self.body.append(f"{p} = {self.keys.variable(span.parent)}")
        outer = [self.keys.variable(name) for name in span.by[:-1]]
        key = f"({', '.join([*outer, p])})" if outer else p
        self.body += [f"{h} = None", f"if {p} is not None:", f"    {h} = conn.span{number}.get({key})"]

    def _covered(self, span: Span) -> bool:
        """Whether the span that this one is inside of speaks up itself where the event comes without it."""
        outer = self.contract.spans[span.inside] if span.inside is not None else None
        return outer is not None and any(
            pattern.fits(self.direction, self.type) for pattern in (*outer.body, *outer.end_patterns)
        )

    def _within(self, number: int, span: Span, closing: list[tuple[str, Fit]], body: Fit) -> None:
        """A body or end event needs an open instance."""
        i, above = f"i{number}", self._above(span)
        tests = [self._if(found) for found in (*(found for _, found in closing), body) if found]
        test = None if None in tests else " or ".join(f"({test})" for test in tests if test)
        guard = f"{i} is None"
        allowed = [name for name, patterns in span.after if fit([(patterns, 1)], self.direction, self.type)]
        if allowed:
            guard += f" and not span{number}.has_ended(conn, x{number}, {None if None in allowed else tuple(allowed)!r})"
        outside = fit([(span.outside, 1)], self.direction, self.type)
        if outside:
            guard += f" and not ({self._if(outside) or True})"
        if self.keys.missing(span.by):
            guard += f" and x{number} is not None"
        if self._covered(span):
            guard += f" and {above} is not None"
        lines = []
        if closing and span.else_by and self.keys.missing(span.by):
            other, absent = self._else_key(span), self.keys.missing(span.else_by)
            lines += [
                f"if {i} is None" + (f" and not ({absent})" if absent else "") + ":",
                f"    {i} = span{number}.by_else_key(conn.session, {above}, {other}, True)",
            ]
        rest = f"{self.direction}, {bool(closing)}, {self._else_key(span)}"
        stray = f"span{number}.stray(conn, x{number}, t, fid, {above}, type, {rest})"
        lines += [f"if {guard}:", f"    {i} = {stray}"]
        if self.direction:
            lines += [f"    if {i} is not None:", f"        {i}.bound = True"]
        self._under(test, lines)

    def _group_in_span(self, group: Group, i: str) -> None:
        if not self._looks(group):
            return
        if not group.by:
            lines = self._rules(group, i)
        else:
            self.needs.update(group.by)
            missing = self.keys.missing(group.by)
            lines = [
                f"g = memory.part({i}, {group.index}, {self.keys.together(group.by)}, conn, t, fid)",
                *self._rules(group, "g"),
            ]
            if missing:
                lines = self._lacking(group, missing, lines)
        if lines:
            self.body += [f"if {i} is not None:", *("    " + line for line in lines)]

    def _group_of_keys(self, group: Group) -> None:
        if not self._looks(group):
            return
        if group.across_user:
            self.needs.update(group.by)
            key = self.keys.together(("conn.user", *group.by))
            missing = self.keys.missing(("conn.user", *group.by))
            lines = [f"g = memory.user_slice({group.index}, {key}, conn, t, fid)", *self._rules(group, "g")]
            self.body += self._lacking(group, missing, lines)
        elif not group.by:
            self.body += ["g = conn.slice", *self._rules(group, "g")]
        else:
            self.needs.update(group.by)
            missing = self.keys.missing(group.by)
            lines = [
                f"g = memory.keyed_slice({group.index}, {self.keys.together(group.by)}, conn, t, fid)",
                *self._rules(group, "g"),
            ]
            self.body += self._lacking(group, missing, lines) if missing else lines

    def _lacking(self, group: Group, missing: str, lines: list[str]) -> list[str]:
        """What happens to an event that lacks a key: an error for each rule that names it."""
        names = [each for each in group.monitors if fit(operand_roles(each.rule), self.direction, self.type)]
        keys = (("conn.user",) if group.across_user else ()) + group.by
        errors = [f"    memory.lacks(rule{each.index}.counts, {keys!r}, conn, fid, t, type)" for each in names] or ["    pass"]
        return [f"if {missing}:", *errors, "else:", *("    " + line for line in lines)]

    def _rules(self, group: Group, slice_: str) -> list[str]:
        """What the rules of a group do with the event; `slice_` is the variable of their slice."""
        lines: list[str] = []
        bits = 0
        for each in group.monitors:
            found = fit(operand_roles(each.rule), self.direction, self.type)
            if not found and not each.rule.sees_everything:
                continue
            inlined = self._inlined(each, found, slice_) if self.names.inline and not found.conditional else None
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
                lines = [
                    self._count(f"rule{each.index}"),
                    f"if not {slice_}.mask & {each.bits}:",
                    f"    rule{each.index}.fail({slice_}, fid, t, conn, type, {self.direction})",
                ]
            return lines, each.bits if found.certain & 1 else 0
        if isinstance(each, Response) and found.certain == 2:
            return [f"if {slice_}.states:", f"    rule{each.index}.event({slice_}, 2, fid, t, conn, type, {self.direction})"], 0
        return None
