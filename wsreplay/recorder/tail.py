"""The bytes of messages that are not complete yet, as the recording keeps them.

Where payload fields are redacted, no raw payload may reach the file: tails are then sealed with a key that only the relay and
the recorder know, and are of no use once both are gone.
"""

from __future__ import annotations

import hashlib


class TailCodec:
    """Seals and opens tails; without a key it leaves them as they are."""

    def __init__(self, key: bytes | None) -> None:
        self._key = key

    def __call__(self, data: bytes, connection_id: int, direction: int, offset: int) -> bytes:
        """Seal or open: SHAKE-256 over the key and the tail's place is the key stream, and no place is written twice."""
        if self._key is None or not data:
            return data
        seed = b"tail:%b:%d:%d:%d" % (self._key, connection_id, direction, offset)
        stream = hashlib.shake_256(seed).digest(len(data))
        return (int.from_bytes(data, "little") ^ int.from_bytes(stream, "little")).to_bytes(len(data), "little")
