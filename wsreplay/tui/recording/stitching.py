"""The sessions of a recording, as the contract that it is read by tells users apart: those that the validator speaks of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wsreplay.model import Connection, Session
from wsreplay.trace.sessions import stitch

if TYPE_CHECKING:
    from wsreplay.contract import Contract


def stitch_by(contract: Contract | None, connections: Iterable[Connection]) -> list[Session]:
    """In the order of their first connection. None: by the users that were recorded."""
    if contract is None:
        return stitch(connections)
    if contract.users:
        from wsreplay.trace.identity import identified

        connections = identified(list(connections), contract.users)
    return stitch(connections, contract.resume_within_ns)
