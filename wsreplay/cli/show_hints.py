"""Why a filter may have found nothing: what it asks for that cannot be known so, and which option says it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path

from wsreplay.cli.show_view import Showing
from wsreplay.contract.model import Contract
from wsreplay.contract.observed_types import count_types
from wsreplay.display import visible
from wsreplay.model import NO_CONTRACT
from wsreplay.store.reader import Recording
from wsreplay.trace.filter import Filter
from wsreplay.trace.filter.ast import Glob

_MOST_TOLD = 6
_OPTIONS = "-c CONTRACT or --as DECODER says"


def why_nothing(chosen: Filter, view: Showing, recording: Recording, path: Path, contract: Contract | None,
                decoder: str | None) -> Iterator[str]:  # fmt: skip
    """One line a reason; none where the recording simply has no such frame."""
    fields = {node.name: node.value for node in chosen.fields() if isinstance(node.value, Glob)}
    names = {node.name for node in chosen.fields()}
    if "type" in fields:
        yield from _of_types(fields["type"], recording, path, contract, decoder)
    if contract is None and (keys := [name for name in ("thread", "run") if name in names]):
        read = " and ".join(f"{name} at $.{name}_id" for name in keys)
        yield f"without a contract, a filter reads {read} or in $.payload: -c CONTRACT says where yours stands"
    if "user" in names and all(connection.user is None for connection in view.connections.values()):
        yield "it is not known whose the connections are: --user says where they name their users"
    if chosen.needs_judgement and view.judgement is not None:
        if view.judgement.contract == NO_CONTRACT:
            yield "no built-in contract fits, so that there are no findings: -c CONTRACT names one"
        elif "rule" in fields:
            rules = [rule.id for rule in view.judgement.rules]
            asked, name = fields["rule"], visible(view.judgement.contract)
            if not any(asked.matches(rule) for rule in rules):
                yield f"the contract {name} has no rule {asked}{_meant(asked, rules)}"


def _of_types(asked: Glob, recording: Recording, path: Path, contract: Contract | None, decoder: str | None) -> Iterator[str]:
    types = [*dict(count_types(recording, contract, decoder).most_common())]
    if not types:
        where = "at $.type" if contract is None else "where the contract says"
        map_ = f"`wsreplay contract map {visible(str(path))}` proposes a contract"
        yield f"no message has a type {where}: {_OPTIONS} where types stand; {map_}"
    elif not any(asked.matches(type_) for type_ in types):
        name_of = (lambda type_: type_) if contract is None else contract.map.name_of
        if theirs := [type_ for type_ in types if asked.matches(name_of(type_))]:
            yield f"a filter asks for the product's names: {asked} is {_listed(theirs)} here"
        else:
            yield f"no message has such a type{_meant(asked, types)}"


def _meant(asked: Glob, known: Iterable[str]) -> str:
    """`; did you mean x?`, else what there is."""
    names = [*known]
    close = difflib.get_close_matches(str(asked), names, n=1, cutoff=0.6)
    return f"; did you mean {visible(close[0])}?" if close else f"; there are {_listed(names)}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_TOLD} more" if len(names) > _MOST_TOLD else ""
    return ", ".join(map(visible, names[:_MOST_TOLD])) + more
