"""Whose the connections of a recording are, and which sessions they make: the one answer that every view gives.

The handshake names a user, as recorded or where a contract or the reader says; else the first messages do, where the contract
has a key `user`. Users are known before connections are joined: a client may say its name only after it came back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from wsreplay.contract.decoding import choices_of, decoder_for
from wsreplay.contract.loader import load
from wsreplay.contract.model import USER_KEY, Contract
from wsreplay.contract.paths import Path
from wsreplay.decode import PLAIN
from wsreplay.decode.detect import LONGEST_LOOKED_AT
from wsreplay.decode.values import text_of
from wsreplay.model import NO_CONTRACT, Connection, Session
from wsreplay.store import paging
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.trace.identity import UserSource, identified
from wsreplay.trace.sessions import stitch

NAMED_WITHIN = 100  # messages of a connection
_FIRST = 8  # of them: most clients say at once who they are


class ConnectionUsers:
    """Who the connections of one recording belong to. It is told of all connections again and again while they grow."""

    def __init__(self, contract: Contract | None = None, read_as: ReadAs | None = None) -> None:
        """What `read_as` says goes before what the contract does. Raises UsageError for a decoder that there is not."""
        contract = load_nothing() if contract is None else contract
        self.contract = contract if read_as is None else contract.read_as(read_as)
        self._choices = choices_of(self.contract)
        # of plain JSON, what a message holds that names somebody, if it escapes no letter; None: anything
        signs = _signs(self.contract)
        self._signs = None if signs is None else re.compile(b"|".join((rb"\\", *map(re.escape, signs))))
        # by connection, those whom a message names
        self._named: dict[int, str] = {}
        # how many messages were looked at of connections that nobody is named on yet
        self._looked: dict[int, int] = {}
        # the last frame that was looked at
        self._seen = 0

    @property
    def reads_messages(self) -> bool:
        """Whether messages may name users."""
        return USER_KEY in self.contract.keys

    def is_open(self) -> bool:
        """Whether messages that come may name somebody whom nothing has named yet."""
        return any(count < NAMED_WITHIN for count in self._looked.values())

    def named_by_message(self) -> frozenset[int]:
        """The connections whose users messages name."""
        return frozenset(self._named)

    def identify(self, recording: Recording, connections: Iterable[Connection]) -> list[Connection]:
        """The connections, each with its user. Raises the errors of the RecordingError family."""
        known = identified(list(connections), self.contract.users)
        if not self.reads_messages:
            return known
        self._look(recording, [connection for connection in known if connection.user is None])
        return [
            connection._replace(user=self._named[connection.id])
            if connection.user is None and connection.id in self._named else connection
            for connection in known
        ]  # fmt: skip

    def stitch(self, recording: Recording, connections: Iterable[Connection]) -> list[Session]:
        """The sessions that the connections make. Raises the errors of the RecordingError family."""
        return stitch(self.identify(recording, connections), self.contract.resumption)

    def _look(self, recording: Recording, anonymous: Sequence[Connection]) -> None:
        last_id = recording.last_id()
        for id in self._choices.refresh(recording, anonymous):
            self._looked.pop(id, None)  # what it said was read otherwise
        new = [connection for connection in anonymous if connection.id not in self._looked and connection.id not in self._named]
        known = [connection for connection in anonymous if 0 <= self._looked.get(connection.id, -1) < NAMED_WITHIN]
        self._look_at(recording, [connection.id for connection in known], NAMED_WITHIN, self._seen, last_id)
        ids = [connection.id for connection in new]
        if paging.is_indexed(recording):  # else each look goes through all frames
            self._look_at(recording, ids, _FIRST, 0, last_id)
            ids = [id for id in ids if id not in self._named]
        self._look_at(recording, ids, NAMED_WITHIN, 0, last_id)
        self._seen = last_id

    def _look_at(self, recording: Recording, ids: Sequence[int], count: int, after_id: int, last_id: int) -> None:
        """Read the first messages of connections after a frame; at the beginning those that were not read yet."""
        heads = paging.first_messages(recording, ids, count, LONGEST_LOOKED_AT, after_id, last_id)
        for id in ids:
            self._read(id, heads.get(id, ())[0 if after_id else self._looked.get(id, 0) :])

    def _read(self, connection: int, messages: Sequence[tuple[int, int, bytes]]) -> None:
        looked = self._looked.get(connection, 0)
        name = self._choices[connection].name
        decoder, signs = decoder_for(name, self.contract), self._signs if name == PLAIN else None
        for direction, opcode, payload in messages[: NAMED_WITHIN - looked]:
            if signs is not None and signs.search(payload) is None:
                continue
            for part in decoder.parse(direction, opcode, payload):
                user = _value(self.contract, USER_KEY, part.document)
                if user:
                    self._named[connection] = user
                    self._looked.pop(connection, None)
                    return
        self._looked[connection] = looked + len(messages)


def sessions_of(
    recording: Recording, contract: Contract | None = None, users: Sequence[UserSource] = (), decoder: str | None = None
) -> list[Session]:
    """The sessions of a recording as it stands, as a contract, and before it `users`, tell users apart. Raises UsageError, and
    the errors of the RecordingError family."""
    return ConnectionUsers(contract, ReadAs(decoder, tuple(users))).stitch(recording, recording.connections())


@lru_cache(maxsize=1)
def load_nothing() -> Contract:
    """The contract without rules."""
    return load(NO_CONTRACT)


def _signs(contract: Contract, key: str = USER_KEY) -> tuple[bytes, ...] | None:
    """The names of members that a key selects, as JSON writes them; None where one of its paths ends with none."""
    signs: list[bytes] = []
    for source in contract.keys[key].sources if key in contract.keys else ():
        below = _signs(contract, source) if isinstance(source, str) else _signs_of(source)
        if below is None:
            return None
        signs += below
    return tuple(signs)


def _signs_of(path: Path) -> tuple[bytes, ...] | None:
    last = path.steps[-1] if path.steps else None
    return (f'"{last}"'.encode(),) if isinstance(last, str) and last.isidentifier() else None


def _value(contract: Contract, key: str, document: Any) -> str | None:
    """What a key selects in a message; what it falls back on of the connection is known already."""
    for source in contract.keys[key].sources if key in contract.keys else ():
        text = _value(contract, source, document) if isinstance(source, str) else text_of(source.find(document))
        if text:
            return text
    return None
