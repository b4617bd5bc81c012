"""Durations and sizes as people write them."""

from __future__ import annotations

import re

_QUANTITY = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-zµ]*)\s*")
_TIMES = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}
_SIZES = {
    "": 1, "b": 1, "k": 10**3, "kb": 10**3, "kib": 2**10, "m": 10**6, "mb": 10**6, "mib": 2**20, "g": 10**9, "gb": 10**9,
    "gib": 2**30,
}  # fmt: skip


def duration_ns(text: str) -> int:
    """`250ms`, `2s`, `1.5min`; a bare number is seconds. Raises ValueError."""
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2] not in _TIMES:
        raise ValueError(f"{text!r} is no duration: it looks like 250ms, 2s or 1.5min")
    return round(float(match[1]) * _TIMES[match[2]])


def size_bytes(text: str) -> int:
    """`500`, `64kB`, `64MiB`. Raises ValueError."""
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2].lower() not in _SIZES:
        raise ValueError(f"{text!r} is no size: it looks like 64MiB, 500kB or 4096")
    return int(float(match[1]) * _SIZES[match[2].lower()])
