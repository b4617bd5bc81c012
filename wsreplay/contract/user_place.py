"""Where a product seems to name its users, for a contract that is proposed: in the query of its connections, or in messages."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from wsreplay.contract.resemblance import words
from wsreplay.contract.type_path import leaves
from wsreplay.decode.values import text_of
from wsreplay.model import Connection
from wsreplay.trace import jsonpath
from wsreplay.trace.jsonpath import Path

_USER_NAMES = ("user_id", "userid", "uid", "user", "user_name", "username", "account_id", "account", "member_id", "customer_id")
_SAME = 0.8  # of the messages of a connection that name somebody name the same one
_HALF = 2


def find_user(
    connections: Sequence[Connection], asked: Mapping[int, Sequence[Any]], sent: Mapping[int, Sequence[Any]]
) -> str | None:
    """Where users are named, as `user:` of a contract has it; None where the handshakes name them, or nothing seems to.

    `asked` are the documents of clients, `sent` those of servers, by connection.
    """
    if not connections or any(connection.user is not None for connection in connections):
        return None
    return _in_query(connections) or _in_messages(asked, len(connections)) or _in_messages(sent, len(connections))


def _in_query(connections: Sequence[Connection]) -> str | None:
    """A parameter that most connections have."""
    names = Counter(
        name
        for connection in connections
        for name in dict.fromkeys(name for name, _ in parse_qsl(connection.path.partition("?")[2]))
        if _rank(name) is not None
    )
    usual = [name for name, count in names.items() if _HALF * count >= len(connections)]
    return f"query:{min(usual, key=_order)}" if usual else None


def _in_messages(documents: Mapping[int, Sequence[Any]], connections: int) -> str | None:
    """A member that names one and the same on each connection, on most of them."""
    is_one: defaultdict[Path, list[bool]] = defaultdict(list)
    for of_connection in documents.values():
        for path, values in _named(of_connection).items():
            is_one[path].append(values.most_common(1)[0][1] >= _SAME * values.total())
    usual = [path for path, are_one in is_one.items() if all(are_one) and _HALF * len(are_one) >= connections]
    return jsonpath.show(min(usual, key=lambda path: (_order(str(path[-1])), len(path)))) if usual else None


def _named(documents: Iterable[Any]) -> dict[Path, Counter[str]]:
    """Who is named, by the member that does so."""
    named: defaultdict[Path, Counter[str]] = defaultdict(Counter)
    for document in documents:
        for path, value in leaves(document):
            text = text_of(value)
            if text and _rank(str(path[-1])) is not None:
                named[path][text] += 1
    return named


def _rank(name: str) -> int | None:
    spelt = "_".join(words(name))
    return _USER_NAMES.index(spelt) if spelt in _USER_NAMES else None


def _order(name: str) -> int:
    rank = _rank(name)
    return len(_USER_NAMES) if rank is None else rank
