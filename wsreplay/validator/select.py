"""Which contracts judge a recording where nobody names one.

agent-chat, where a single event is one of those it is about: one of the server's, if it said anything. Else the built-in
contract that the connections' subprotocol names (`applies_to`), else the one that is about the most of the event types. Where
none is about any: `none`, which judges nothing and says what was seen.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from wsreplay.contract import Contract, builtin_names, load
from wsreplay.contract.model import Pattern
from wsreplay.decode import PLAIN_DOCUMENTS
from wsreplay.errors import RecordingError
from wsreplay.model import NO_CONTRACT
from wsreplay.store import paging
from wsreplay.store.condition import TRUE, UNTYPED
from wsreplay.store.reader import Recording
from wsreplay.trace.reading import Reading

DEFAULT_CONTRACT = "agent-chat"
LOOKED_AT = 100_000  # frames with a type; a protocol shows itself in its first ones
DECODED_AT_MOST = 2_000  # frames whose type only their decoder knows
_LIVE_POLL_S = 0.2


def select_contracts(recording: Recording, names: Sequence[str] = (), decoder: str | None = None) -> list[Contract]:
    """The contracts of these names or files; without any, the one that fits, or `none`. Raises ContractError.

    `decoder` is the one that all connections are read by, where the user names one, and the contracts with them.
    """
    chosen = [load(name) for name in names] or [select_contract(recording, decoder) or load(NO_CONTRACT)]
    return [contract.read_by(decoder) for contract in chosen]


def select_common_contract(*recordings: Recording, decoder: str | None = None) -> Contract:
    """What tells the ids of recordings that are compared or played: the contract that fits the first of those that any fits,
    else agent-chat, whose names of ids are common. `decoder` as for `select_contracts`."""
    fitting = (select_contract(recording, decoder) for recording in recordings)
    return next(filter(None, fitting), None) or load(DEFAULT_CONTRACT)


def await_contracts(path: str | Path, names: Sequence[str] = (), decoder: str | None = None) -> list[Contract]:
    """Those for a recording that grows: which one fits shows with the first events, so that it waits for them, or for the end.
    `decoder` as for `select_contracts`.

    Raises ContractError, and the errors of the RecordingError family.
    """
    with Recording.open(path) as recording:
        while not names and recording.live and select_contract(recording, decoder) is None:
            time.sleep(_LIVE_POLL_S)
        return select_contracts(recording, names, decoder)


def pair_with_contracts(
    paths: Iterable[str | Path], contracts: Sequence[Contract], decoder: str | None = None
) -> list[tuple[Path, Contract]]:
    """Each file with each of the contracts; where there are none, with those that fit it, read by the decoder."""
    return [(Path(path), contract) for path in paths for contract in contracts or _contracts_for_file(path, decoder)]


def _contracts_for_file(path: str | Path, decoder: str | None) -> list[Contract]:
    try:
        with Recording.open(path) as recording:
            return select_contracts(recording, decoder=decoder)
    except RecordingError:
        return [load(NO_CONTRACT)]  # whoever judges the file says what is wrong with it


def select_contract(recording: Recording, decoder: str | None = None) -> Contract | None:
    """The built-in contract that is about what was recorded; None where none is, or nothing is there yet.

    `decoder` is the one that all connections are read by, where the user names one.
    """
    events = _event_types(recording, decoder)
    default = load(DEFAULT_CONTRACT)
    of_server = [event for event in events if event[0]]
    if _count_matches(default, of_server or events):
        return default
    subprotocols = {connection.subprotocol for connection in recording.connections() if connection.subprotocol}
    others = [load(name) for name in builtin_names() if name != DEFAULT_CONTRACT]
    named = [contract for contract in others if _is_named(contract, subprotocols)]
    about = [contract for contract in others if _is_about(contract, events)]
    return max(named or about, key=lambda contract: _count_matches(contract, events), default=None)


def _event_types(recording: Recording, decoder: str | None) -> list[tuple[int, str]]:
    """Each (direction, type) among the first messages, as their decoders read them."""
    if decoder is None or decoder in PLAIN_DOCUMENTS:
        types, unknown = dict.fromkeys(recording.event_types(LOOKED_AT)), UNTYPED
    else:  # the types that were recorded are those of plain JSON
        types, unknown = {}, TRUE
    reading = Reading(recording, decoder)
    reading.refresh(recording.connections())
    for frame in islice(paging.frames_where(recording, 1, LOOKED_AT, unknown), DECODED_AT_MOST):
        types.update(((event.direction, event.type), None) for event in reading.events(frame) if event.type is not None)
    return list(types)


def _is_about(contract: Contract, events: Sequence[tuple[int, str]]) -> bool:
    applies = contract.applies_to
    telling = not applies.events or any(pattern.fits(*event) for pattern in applies.events for event in events)
    return telling and not applies.subprotocol and _count_matches(contract, events) > 0


def _is_named(contract: Contract, subprotocols: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for name in subprotocols for glob in contract.applies_to.subprotocol)


def _count_matches(contract: Contract, events: Sequence[tuple[int, str]]) -> int:
    """How many of the event types the contract's spans and rules speak of."""
    patterns = [pattern for pattern in _spoken_of(contract) if pattern.type.strip("*")]  # `*` is about nothing
    return sum(any(pattern.fits(direction, type_) for pattern in patterns) for direction, type_ in events)


def _spoken_of(contract: Contract) -> list[Pattern]:
    return [pattern for rule in contract.rules if rule.names_events for pattern in rule.patterns()]
