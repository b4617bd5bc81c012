"""The sessions of a recording, as the contract that it is read by tells users apart: those that the validator speaks of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from wsreplay.model import Connection, Session
from wsreplay.trace.sessions import stitch_by_users

if TYPE_CHECKING:
    from wsreplay.contract import Contract
    from wsreplay.trace.identity import UserSource


def stitch_by(
    contract: Contract | None, connections: Iterable[Connection], users: Sequence[UserSource] = ()
) -> list[Session]:
    """In the order of their first connection. `users` says where they name their users, before the contract does."""
    if contract is None:
        return stitch_by_users(connections, users)
    return stitch_by_users(connections, (*users, *contract.users), contract.resume_within_ns)
