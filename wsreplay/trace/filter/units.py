"""Numbers, sizes and times as people write them. All raise ValueError with what was expected."""

from __future__ import annotations

import math
import re
from fractions import Fraction

LARGEST = 2**63 - 1  # what SQLite can compare with

_NUMBER = re.compile(r"([0-9]{1,19}(?:\.[0-9]{1,9})?)\s*([A-Za-zµμ]*)")
_CLOCK = re.compile(r"(?:([0-9]{1,6}):)?([0-9]{1,6}):([0-9]{1,2}(?:\.[0-9]{1,9})?)")
_SIZES = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30,
}  # fmt: skip
_SECOND = 10**9
_TIMES = {
    "": _SECOND, "ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6,
    "s": _SECOND, "m": 60 * _SECOND, "h": 3600 * _SECOND,
}  # fmt: skip


def integer(text: str) -> int:
    """A whole number, not negative."""
    if not re.fullmatch(r"[0-9]{1,19}", text) or int(text) > LARGEST:
        raise ValueError(f'"{text}" is no whole number')
    return int(text)


def number(text: str) -> int | float:
    """A JSON number."""
    if re.fullmatch(r"-?[0-9]{1,300}", text):
        return int(text)
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if not math.isfinite(value):
        raise ValueError(f'"{text}" is no number: quote it to compare it as text')
    return value


def size(text: str) -> int:
    """Bytes: `1500`, `1.5kB`, `2MiB`."""
    match = _NUMBER.fullmatch(text)
    factor = _SIZES.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise ValueError(f'"{text}" is no size: write bytes, or a unit of B kB MB GB KiB MiB GiB, as in 10kB')
    return _whole(Fraction(match[1]) * factor, text, "bytes")


def time(text: str) -> int:
    """Nanoseconds: `2`, `1.5s`, `250ms`, `1:30`, `1:02:03.5`."""
    if clock := _CLOCK.fullmatch(text):
        seconds = int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + Fraction(clock[3])
        return _whole(seconds * 10**9, text, "nanoseconds")
    match = _NUMBER.fullmatch(text)
    factor = _TIMES.get(match[2]) if match else None
    if match is None or factor is None:
        raise ValueError(f'"{text}" is no time: write seconds, a unit of ns us ms s m h, or m:ss, as in 1.5s or 1:30')
    return _whole(Fraction(match[1]) * factor, text, "nanoseconds")


def _whole(value: Fraction, text: str, unit: str) -> int:
    if value.denominator != 1 or value > LARGEST:
        raise ValueError(f'"{text}" is not a whole number of {unit}, or too large')
    return int(value)
