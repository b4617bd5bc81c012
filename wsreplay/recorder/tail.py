"""The bytes of messages that are not complete yet, as the recording keeps them.

Where payload fields are redacted, no raw payload may reach the file: tails are then encrypted with a key that only the relay
and the recorder know, and are of no use once both are gone.
"""

from __future__ import annotations

from collections.abc import Callable


class TailCodec:
    """Seals and opens tails; without a key it leaves them as they are. `key` is 32 bytes."""

    def __init__(self, key: bytes | None) -> None:
        self._cipher = _chacha20(key) if key is not None else None

    def __call__(self, data: bytes, connection_id: int, direction: int, offset: int) -> bytes:
        """Seal or open `data`; its length stays. ChaCha20 (RFC 8439); the nonce is the tail's place, which is written once."""
        if self._cipher is None or not data:
            return data
        return self._cipher(data, connection_id.to_bytes(4, "little") + (offset << 1 | direction).to_bytes(8, "little"))


def _chacha20(key: bytes) -> Callable[[bytes, bytes], bytes]:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms  # 15 ms that only redaction needs

    def encrypt(data: bytes, nonce: bytes) -> bytes:
        return Cipher(algorithms.ChaCha20(key, bytes(4) + nonce), mode=None).encryptor().update(data)

    return encrypt
