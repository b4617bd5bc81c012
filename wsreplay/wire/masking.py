"""Unmasking (RFC 6455, section 5.3).

`apply_mask(data, key)` is the C function that `websockets` brings; it takes 80 ns for 200 bytes, where the exclusive or of
two big integers takes 700 ns. Where its wheel has no C extension, the integers do.
"""

from __future__ import annotations

__all__ = ["apply_mask"]

try:
    from websockets.speedups import apply_mask
except ImportError:

    def apply_mask(data: bytes, mask: bytes, /) -> bytes:  # type: ignore[misc]
        size = len(data)
        key = (mask * (size // 4 + 1))[:size]
        return (int.from_bytes(data, "little") ^ int.from_bytes(key, "little")).to_bytes(size, "little")
