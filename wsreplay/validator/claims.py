"""Which ids came in a part of what is judged, and whose they are: so that whoever judges another part can tell what they share.

A part is some connections of one recording, or one recording of many.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from wsreplay.validator.reporting import IN_A_URL
from wsreplay.validator.state.state import SessionState

_LONG_ID = 64

Owner = str | int
"""A user's name, or the number of a session whose user is unknown."""


class Claims:
    """Ids by key, each with those who own one or were shown one of somebody else's. Long ones are kept as digests."""

    def __init__(self) -> None:
        # key → id → owners; what URLs name stands under the key and IN_A_URL
        self.ids: dict[str, dict[Any, set[Owner]]] = defaultdict(dict)

    def add(self, key: str, value: Any, owner: Any) -> None:
        """An id came, and is this owner's: a user, or a session."""
        if isinstance(owner, SessionState):
            owner = owner.id if owner.user is None else owner.user
        self.ids[key].setdefault(_shorten(value), set()).add(owner)

    def update(self, other: Claims) -> None:
        """Take in those of another part of the same recording."""
        for key, ids in other.ids.items():
            for value, owners in ids.items():
                self.ids[key].setdefault(value, set()).update(owners)

    def shares_ids(self, other: Claims) -> bool:
        """Whether an id came in both parts: whose it is can be told by no part alone."""
        own = ((key, ids) for key, ids in self.ids.items() if not key.endswith(IN_A_URL))
        if any(not ids.keys().isdisjoint(other.ids.get(key, ())) for key, ids in own):
            return True
        return self._is_named_in_urls_of(other) or other._is_named_in_urls_of(self)

    def _is_named_in_urls_of(self, other: Claims) -> bool:
        """Whether a URL of the other part names an id that came in this one. What URLs have in common says nothing."""
        named = ((key, other.ids.get(key + IN_A_URL)) for key in self.ids)
        return any(urls and any(str(id_) in urls or id_ in urls for id_ in self.ids[key]) for key, urls in named)

    def named(self) -> Iterator[tuple[str, str, bool, set[Owner]]]:
        """Each id as text with its key and owners; and whether it is but what a URL may name."""
        for key, ids in self.ids.items():
            for value, owners in ids.items():
                yield key.removesuffix(IN_A_URL), str(value), key.endswith(IN_A_URL), owners


def _shorten(value: Any) -> Any:
    """An id, or the digest of a long one: the same in every process, as Python's own hash is not."""
    if value.__class__ is not str or len(value) <= _LONG_ID:
        return value
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).digest()
