"""Connections become sessions: a connection and its reconnects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wsreplay.errors import UsageError
from wsreplay.model import Connection, Ending, Session

RESUME_WITHIN_NS = 30_000_000_000
NORMAL_CLOSURE = 1000
_MOST_DIGITS = 18  # of a session's number


@dataclass(frozen=True, slots=True)
class Resumption:
    """When a connection continues another one: not more than `within_ns` after its end, and only `after_any` end if that was
    a close with 1000."""

    within_ns: int = RESUME_WITHIN_NS
    after_any: bool = False

    def may_follow(self, connection: Connection) -> bool:
        """Whether a later connection may continue this one."""
        return connection.ending is not Ending.OPEN and (self.after_any or connection.close_code != NORMAL_CLOSURE)


_BY_DEFAULT = Resumption()


def stitch(connections: Iterable[Connection], resumption: Resumption = _BY_DEFAULT) -> list[Session]:
    """Sessions in the order of their first connection.

    A connection continues a session when user and path are equal, and the session's last connection ended before it opened, as
    `resumption` says; of several candidates the one closed longest. Anonymous connections, and those that were refused,
    continue nothing.
    """
    chains: list[list[Connection]] = []
    waiting: dict[tuple[str, str], list[list[Connection]]] = {}
    for connection in sorted(connections, key=lambda connection: (connection.opened_ns, connection.id)):
        if connection.user is None or connection.ending is Ending.REFUSED:
            chains.append([connection])
            continue
        candidates = waiting.setdefault((connection.user, plain_path(connection.path)), [])
        chain = _candidate(candidates, connection, resumption)
        if chain is None:
            chain = []
            chains.append(chain)
            candidates.append(chain)
        chain.append(connection)
    return [Session(number, tuple(chain)) for number, chain in enumerate(chains, 1)]


def _candidate(
    chains: list[list[Connection]], connection: Connection, resumption: Resumption
) -> list[Connection] | None:
    within_ns = resumption.within_ns
    # Connections come in the order they opened: what is too old for this one is so for all to come.
    chains[:] = [chain for chain in chains if (chain[-1].closed_ns or connection.opened_ns) + within_ns >= connection.opened_ns]
    best, oldest = None, connection.opened_ns + 1
    for chain in chains:
        last = chain[-1]
        if last.closed_ns is None or last.closed_ns > connection.opened_ns or not resumption.may_follow(last):
            continue
        if connection.opened_ns - last.closed_ns <= within_ns and last.closed_ns < oldest:
            best, oldest = chain, last.closed_ns
    return best


def plain_path(path: str) -> str:
    """The path without its query: tokens and sequence numbers there change from one connection to the next."""
    return path.partition("?")[0]


def numbered(digits: str) -> int:
    """The number of a session, as a user wrote it. Raises UsageError, also where it is longer than any number is read."""
    if not digits.isdecimal() or len(digits) > _MOST_DIGITS:
        shown = repr(digits) if len(digits) <= _MOST_DIGITS else f"{digits[:_MOST_DIGITS]!r} and so on"
        raise UsageError(f"{shown} is not a session number")
    return int(digits)


def there_are(sessions: Sequence[Session]) -> str:
    """What an error says of a session that is not there."""
    if not sessions:
        return "nothing was recorded in it"
    return "it has session 1 only" if len(sessions) == 1 else f"it has sessions 1 to {len(sessions)}"
