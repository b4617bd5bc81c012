"""Which events begin and end a run, so that a program knows when a question is answered: the outermost spans of a contract."""

from __future__ import annotations

from collections.abc import Callable

from wsreplay.contract.model import Contract, Patterns, Span
from wsreplay.trace.run_types import NO_RUNS, RunTypes


def runs_of(contract: Contract | None) -> RunTypes:
    """The types that begin and end what is inside no other span, and owes its end. Conditions on values are not looked at.

    None where no end has a name without stars: nobody could wait for it.
    """
    if contract is None:
        return NO_RUNS
    spans = [rule for rule in contract.rules if isinstance(rule, Span) and _is_run(rule)]
    ends = tuple(pattern for span in spans for pattern in span.end_patterns if not pattern.pseudo)
    types = tuple(type_ for pattern in ends for type_ in pattern.product_types or (pattern.type,) if "*" not in type_)
    if not types:
        return NO_RUNS
    starts = tuple(pattern for span in spans for pattern in span.start)
    return RunTypes(_fitting(starts, contract), _fitting(ends, contract), tuple(dict.fromkeys(types)))


def _is_run(span: Span) -> bool:
    return span.inside is None and not span.renews and not span.for_session


def _fitting(patterns: Patterns, contract: Contract) -> Callable[[int, str], bool]:
    return lambda direction, type_: any(pattern.fits(direction, contract.map.name_of(type_)) for pattern in patterns)
