"""Which decoder each connection of a recording is read by: chosen once, and again only while too little had been said."""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

from wsreplay.decode import BINARY, TEXT, Choice, RawMessage, choose, get_decoder
from wsreplay.decode.detect import LONGEST_LOOKED_AT, LOOKED_AT
from wsreplay.model import Connection, Ending, Message
from wsreplay.store import paging
from wsreplay.store.reader import Recording

if TYPE_CHECKING:
    from wsreplay.trace.identity import UserSource


class ReadAs(NamedTuple):
    """How recordings are read where the user says so: messages by this decoder, with users named at these places."""

    decoder: str | None = None
    users: "tuple[UserSource, ...]" = ()


AS_RECORDED = ReadAs()


class Choices:
    """The decoders of a recording's connections."""

    def __init__(self, named: str | None = None, reason: str = "as asked") -> None:
        """`named` is the one for all connections, for that reason. Raises UsageError for a name that there is not."""
        self._named = Choice(get_decoder(named).name, reason) if named is not None else None
        # by connection
        self._choices: dict[int, Choice] = {}
        # first messages of connections of which fewer have been seen than may tell their protocol
        self._undecided: dict[int, list[RawMessage]] = {}
        # the last frame that was looked at
        self._seen = 0

    def __getitem__(self, connection_id: int) -> Choice:
        """That of a connection that `refresh` was told of."""
        return self._choices[connection_id]

    def refresh(self, recording: Recording, connections: Iterable[Connection]) -> set[int]:
        """Choose for connections that are new, or had not said enough; the ids of those that are read otherwise from now on."""
        wanted = [
            connection for connection in connections if connection.id not in self._choices or connection.id in self._undecided
        ]
        if self._named is not None:
            self._choices.update((connection.id, self._named) for connection in wanted)
            return set()
        seen, self._seen = self._seen, recording.last_id()
        new = [connection.id for connection in wanted if connection.id not in self._choices]
        heads = self._first_messages(recording, list(self._undecided), seen) | self._first_messages(recording, new, 0)
        heads = {id: [] for id in new} | heads
        changed = {
            connection.id for connection in wanted if connection.id in heads and self._choose(connection, heads[connection.id])
        }
        for connection in wanted:
            if connection.ending is not Ending.OPEN:  # it has said all that it will
                self._undecided.pop(connection.id, None)
        return changed

    def _first_messages(
        self, recording: Recording, connections: list[int], after_id: int
    ) -> dict[int, list[RawMessage]]:
        heads = paging.first_messages(recording, connections, LOOKED_AT, LONGEST_LOOKED_AT, after_id, self._seen)
        return {id: [RawMessage(*message) for message in messages] for id, messages in heads.items()}

    def _choose(self, connection: Connection, heads: list[RawMessage]) -> bool:
        """Whether the choice is another than before."""
        messages = [*self._undecided.pop(connection.id, ()), *heads][:LOOKED_AT]
        choice = choose(connection.path, connection.subprotocol, messages)
        if choice.guessed and len(messages) < LOOKED_AT:
            self._undecided[connection.id] = messages
        before = self._choices.get(connection.id, choice)
        self._choices[connection.id] = choice
        return before.name != choice.name

    def name(self, connection_id: int) -> str | None:
        """The decoder's name; None for a connection that `refresh` was not told of."""
        choice = self._choices.get(connection_id)
        return None if choice is None else choice.name

    def names(self) -> dict[int, str]:
        """The decoder's name of each connection."""
        return {id: choice.name for id, choice in self._choices.items()}


def choose_from(connections: Collection[Connection], messages: Iterable[Message]) -> dict[int, Choice]:
    """The same for messages that are at hand."""
    heads: dict[int, list[RawMessage]] = {connection.id: [] for connection in connections}
    for message in messages:
        seen = heads.get(message.connection_id)
        if seen is not None and len(seen) < LOOKED_AT and message.opcode in (TEXT, BINARY):
            seen.append(RawMessage(message.direction, message.opcode, message.payload))
    return {
        connection.id: choose(connection.path, connection.subprotocol, heads[connection.id]) for connection in connections
    }
