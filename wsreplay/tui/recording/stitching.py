"""The sessions of a recording, as the contract that it is read by tells users apart: those that the validator speaks of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from wsreplay.model import Session
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import AS_RECORDED, ReadAs
from wsreplay.trace.sessions import stitch

if TYPE_CHECKING:
    from wsreplay.contract import Contract

Stitch = Callable[[Recording], list[Session]]
"""From a recording to its sessions."""


def stitch_by(contract: Contract | None, reader: Recording, read_as: ReadAs = AS_RECORDED) -> list[Session]:
    """In the order of their first connection. `read_as` says where they name their users, before the contract does."""
    if contract is None and not read_as.users:
        return stitch(reader.connections())
    from wsreplay.contract.users import sessions_of  # the first screen does without

    return sessions_of(reader, contract, read_as.users, read_as.decoder)


def stitcher(contract: str | None, read_as: ReadAs) -> Stitch:
    """The same by the name or file of a contract. Raises ContractError."""
    if contract is None:
        return partial(stitch_by, None, read_as=read_as)
    from wsreplay.contract import load

    return partial(stitch_by, load(contract), read_as=read_as)
