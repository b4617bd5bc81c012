"""The sessions of a recording, as the contract that it is read by tells users apart: those that the validator speaks of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from wsreplay.model import Connection, Session
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import AS_RECORDED, ReadAs
from wsreplay.trace.sessions import stitch

if TYPE_CHECKING:
    from wsreplay.contract import Contract
    from wsreplay.contract.users import ConnectionUsers

Stitch = Callable[[Recording], list[Session]]
"""From a recording to its sessions."""


class RecordedUsers:
    """Those whom the handshakes named, as `ConnectionUsers` finds them where nobody says anything else."""

    def is_open(self) -> bool:
        """Whether messages that come may name somebody: no."""
        return False

    def stitch(self, recording: Recording, connections: Iterable[Connection]) -> list[Session]:
        """The sessions that the connections make."""
        return stitch(connections)


def find_users(contract: Contract | None, read_as: ReadAs) -> ConnectionUsers | RecordedUsers:
    """Who the connections of a recording belong to. The first screen does without what reads contracts: where nothing names
    users, the answer is the same."""
    if contract is None and not read_as.users:
        return RecordedUsers()
    from wsreplay.contract.users import ConnectionUsers

    return ConnectionUsers(contract, read_as)


def stitch_by(contract: Contract | None, reader: Recording, read_as: ReadAs = AS_RECORDED) -> list[Session]:
    """In the order of their first connection. `read_as` says where they name their users, before the contract does."""
    return find_users(contract, read_as).stitch(reader, reader.connections())


def stitcher(contract: str | None, read_as: ReadAs) -> Stitch:
    """The same by the name or file of a contract. Raises ContractError."""
    if contract is None:
        return partial(stitch_by, None, read_as=read_as)
    from wsreplay.contract import load

    return partial(stitch_by, load(contract), read_as=read_as)
