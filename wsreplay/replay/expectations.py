"""What the other side is expected to say, and whether what it says is that.

Messages match by type and by the contract's keys, not by their bytes: an id that is new stands for the recorded one from
there on, one that is known must stand for the same again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from wsreplay.contract.identities import NO_KEY, Fields, FoundId, IdMap
from wsreplay.model import Opcode
from wsreplay.replay.content import Content, ContentReader
from wsreplay.replay.script import Step
from wsreplay.trace import jsonpath as paths

# An id that a machine made: 16 characters or more, with a letter and a digit.
_TOKEN = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_-]{16,128}")
# How many expected messages ahead of the first one are looked at.
LOOK_AHEAD = 1000


class Mismatch(NamedTuple):
    """Where the other side does not follow the recording. `frame_id` is that of the message it was expected to send."""

    session: int
    connection: int
    expected: str
    came: str
    frame_id: int

    def __str__(self) -> str:
        where = f" (frame {self.frame_id})" if self.frame_id else ""
        return f"session {self.session}: expected {self.expected}{where}, {self.came}"


class SideEnded(Exception):
    """The other side has ended the connection; nothing more can come."""


class Expectations:
    """The messages that one connection's other side is to send, in order."""

    def __init__(
        self, steps: Sequence[Step], fields: Fields, ids: IdMap, coalesce: Collection[str] = (), *, reader: ContentReader,
        direction: int,
    ) -> None:  # fmt: skip
        """`direction` is that of what the other side sends, which `reader` reads."""
        self._reader, self._direction = reader, direction
        self._steps = [step for step in steps if not step.ours]
        self._indexes = {index: number for number, index in enumerate(i for i, step in enumerate(steps) if not step.ours)}
        self._fields, self._ids, self._coalesce = fields, ids, frozenset(coalesce)
        self._at: list[float | None] = [None] * len(self._steps)
        self._first = 0  # of those that have not come
        self._waiting: asyncio.Future[None] | None = None  # of who waits for a message
        self._wanted = -1  # the number of that message
        self.ended = False  # nothing more will come

    @property
    def next(self) -> Step | None:
        """The first message that has not come."""
        return self._steps[self._first] if self._first < len(self._steps) else None

    def come(self, opcode: int, payload: bytes, at: float, kind: str | None) -> tuple[Step | None, str]:
        """Take a message in, whose type is `kind`. Gives the recorded one that it is; or None and why it is none of those
        expected."""
        if self._first == len(self._steps) and not self._coalesce:
            return None, f"came {_name(opcode, payload, kind)} when nothing more was expected"
        content = self._reader.read(self._direction, opcode, payload)
        live = content.ids
        reason = ""
        for number in range(self._first, min(len(self._steps), self._first + LOOK_AHEAD)):
            step = self._steps[number]
            if self._at[number] is not None or step.opcode != opcode or step.type != kind:
                continue
            same = step.payload == payload
            recorded = content if same else self._reader.read(self._direction, opcode, step.payload)
            pairs = self._pairs(recorded.ids, live)
            if isinstance(pairs, str) or (not same and self._labels(recorded) != self._labels(content)):
                reason = reason or (pairs if isinstance(pairs, str) else "about something else")
                continue
            for domain, old, new in pairs:
                if old != new or domain not in self._fields.unique:
                    self._ids.learn(domain, old, new)
            if not same:
                self._learn_tokens(recorded.root, content.root)
            self._meet(number, at)
            return step, ""
        if kind is not None and kind in self._coalesce:
            return self._steps[self._first - 1] if self._first else None, ""
        return None, f"came {_name(opcode, payload, kind)}" + (f": {reason}" if reason else "")

    def _labels(self, content: Content) -> list[tuple[Any, ...]]:
        return [self._fields.label(document) for document in content.documents]

    def _learn_tokens(self, recorded: Any, live: Any) -> None:
        """What no key names, but looks as if nobody could have chosen it twice, stands for what is in its place."""
        for path, text in paths.texts_in(recorded):
            if _TOKEN.fullmatch(text):
                new = paths.get(live, path)
                if isinstance(new, str) and new != text and _TOKEN.fullmatch(new) and self._ids.fits(NO_KEY, text, new):
                    self._ids.learn(NO_KEY, text, new)

    def _pairs(self, recorded: list[FoundId], live: list[FoundId]) -> list[tuple[str, Any, Any]] | str:
        """The ids of a recorded and a live message, or how they contradict what is known."""
        if recorded is live or [binding[:2] for binding in recorded] == [binding[:2] for binding in live]:
            both = [(domain, old, new) for (domain, _, old), (_, _, new) in zip(recorded, live, strict=True)]
            for domain, old, new in both:
                if domain not in self._fields.unique and not self._ids.fits(domain, old, new):
                    return f"another {domain}: {new}"
            return both
        here = {binding[:2]: binding for binding in recorded}
        there = {binding[:2]: binding for binding in live}
        for place in here.keys() ^ there.keys():
            if place[0] not in self._fields.unique:
                return f"{'without' if place in here else 'with'} {place[0]}"
        shared = [place for place in here if place in there]
        return self._pairs([here[place] for place in shared], [there[place] for place in shared])

    def _meet(self, number: int, at: float) -> None:
        self._at[number] = at
        step = self._steps[number]
        if step.type is not None and step.type in self._coalesce:
            following = number + 1
            while following < len(self._steps) and self._steps[following].type == step.type:
                self._at[following] = at
                following += 1
        self._advance()

    def _advance(self) -> None:
        while self._first < len(self._steps) and self._at[self._first] is not None:
            self._first += 1
        if self._waiting is not None and not self._waiting.done() and self._at[self._wanted] is not None:
            self._waiting.set_result(None)

    def give_up(self, at: float) -> Step | None:
        """Take the first message that has not come as if it had; gives it."""
        step = self.next
        if step is not None:
            self._at[self._first] = at
            self._advance()
        return step

    def give_up_at(self, index: int, at: float) -> None:
        """Take the message at this index of the script as if it had come."""
        number = self._indexes[index]
        if self._at[number] is None:
            self._at[number] = at
            self._advance()

    def end(self) -> None:
        """Nothing more will come."""
        self.ended = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(SideEnded())

    async def met(self, index: int) -> float:
        """When the message at this index of the script came, as soon as it has. Raises SideEnded."""
        number = self._indexes[index]
        came = self._at[number]
        if came is None:
            if self.ended:
                raise SideEnded
            self._wanted = number
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
            came = self._at[number]
        assert came is not None
        return came

    def has_come(self, index: int) -> bool:
        return self._at[self._indexes[index]] is not None


def _name(opcode: int, payload: bytes, kind: str | None) -> str:
    if kind is not None:
        return kind
    if opcode == Opcode.TEXT:
        return "a text that is no event"
    if opcode == Opcode.CLOSE:
        return f"close {int.from_bytes(payload[:2], 'big')}" if len(payload) > 1 else "close"
    return "a binary message"
