"""Durations, sizes, counts and points in time: one way to write each, one way to read each.

Durations and times are nanoseconds, sizes are bytes. What a printer here gives, the parser beside it takes: a text can be
copied from any output into any contract, filter, prompt or option. Parsers raise ValueError that says what to write.
"""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise

MILLISECOND = 10**6
SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

LARGEST = 2**63 - 1  # of what SQLite can store and compare

_TIMES = {
    "ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": MILLISECOND, "s": SECOND, "m": MINUTE, "min": MINUTE, "h": HOUR,
    "d": DAY, "w": 7 * DAY,
}  # fmt: skip
# `m` alone is a minute, so it is no size; `M` is.
_SIZES = {"": 1, "b": 1} | {
    prefix + unit: factor
    for power, letter in enumerate("kmgt", 1)
    for prefix, factor in ((letter, 1000**power), (f"{letter}i", 1024**power))
    for unit in ("", "b")
}
_NUMBER = r"([0-9]{1,19}(?:\.[0-9]{1,19})?)"
# Compiled when they are first used: most commands start without.
_PARTS = rf"{_NUMBER}\s?([a-zµμ]{{1,3}})"
_DURATION = rf"(?:{_PARTS}\s?)+"
_CLOCK = r"(?:([0-9]{1,7}):)?([0-9]{1,7}):([0-9]{1,2}(?:\.[0-9]{1,9})?)"
DURATION_PATTERN = rf"^\s*(?:{_CLOCK}|(?:{_NUMBER}\s?(?:{'|'.join(_TIMES)})\s?)+)$"
"""What a duration with a unit looks like, for a JSON Schema."""
_SIZE = rf"{_NUMBER}\s?([A-Za-z]{{0,3}})"


def parse_duration(text: str, *, bare: bool = True) -> int:
    """Nanoseconds: `250ms`, `2s`, `1.5min`, `2m05s`, `30d`, `1:30`, `1:02:03.5`. Raises ValueError.

    A number without a unit is seconds, unless `bare` is false. Fractions of a nanosecond are rounded.
    """
    text = text.strip()
    if clock := re.fullmatch(_CLOCK, text):
        return _whole((int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + Fraction(clock[3])) * SECOND, text)
    if bare and re.fullmatch(_NUMBER, text):
        return _whole(Fraction(text) * SECOND, text)
    parts = re.findall(_PARTS, text) if re.fullmatch(_DURATION, text) else []
    factors = [_TIMES.get(unit, 0) for _, unit in parts]
    if not parts or 0 in factors or any(after >= before for before, after in pairwise(factors)):
        unit = "" if bare or not re.fullmatch(_NUMBER, text) else ": it has no unit"
        raise ValueError(f"{text!r} is not a duration{unit}; write ns, us, ms, s, m, h, d, w, as in 250ms or 1m30s, or m:ss")
    return _whole(sum(Fraction(number) * factor for (number, _), factor in zip(parts, factors, strict=True)), text)


def parse_size(text: str) -> int:
    """Bytes: `1500`, `64k`, `64kB`, `1.5MiB`, in any case but for `m`, which is a minute. Raises ValueError."""
    text = text.strip()
    match = re.fullmatch(_SIZE, text)
    factor = _SIZES.get(match[2].lower()) if match and match[2] != "m" else None
    if match is None or factor is None:
        raise ValueError(f"{text!r} is not a size; write bytes, or a unit of kB MB GB TB KiB MiB GiB TiB, as in 64kB or 1.5MiB")
    return _whole(Fraction(match[1]) * factor, text)


def parse_integer(text: str) -> int:
    """A whole number, not negative, that SQLite can compare with. Raises ValueError."""
    if not re.fullmatch(r"[0-9]{1,19}", text) or int(text) > LARGEST:
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def _whole(value: Fraction | int, text: str) -> int:
    if value > LARGEST:
        raise ValueError(f"{text!r} is too large")
    return round(value)


def duration_text(ns: float) -> str:
    """A length of time in at most six columns below 100 hours: `850µs`, `12.3ms`, `9.667s`, `2m05s`, `3h12m`, `36d05h`."""
    if ns < 0:
        return f"-{duration_text(-ns)}"
    ns = round(ns)
    if ns < 1000:
        return f"{ns}ns" if ns else "0s"
    for factor, unit, digits, most in ((10**3, "µs", 3, 1000), (MILLISECOND, "ms", 3, 1000), (SECOND, "s", 4, 60)):
        text = _significant(ns / factor, digits)
        if float(text) < most:
            return text + unit
    if (seconds := round(ns / SECOND)) < 3600:
        return _two(seconds, 60, "m", "s")
    if (minutes := round(ns / MINUTE)) < 24 * 60:
        return _two(minutes, 60, "h", "m")
    return _two(round(ns / HOUR), 24, "d", "h")


def clock(ns: int, places: int = 3) -> str:
    """A point in time since the beginning: `00:12.508`, `1:02:03.004`. What follows `places` is cut off, as on a watch."""
    sign, ns = ("-", -ns) if ns < 0 else ("", ns)
    seconds, rest = divmod(ns, SECOND)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{rest:09}"[: places + 1] if places else ""
    return f"{sign}{f'{hours}:' if hours else ''}{minutes:02}:{seconds:02}{fraction}"


def size_text(size: float) -> str:
    """Bytes in at most five columns: `312B`, `4.1kB`, `12MB`; powers of 1000."""
    return f"{short_count(size)}B"


def short_count(number: float) -> str:
    """A count in at most four columns: `999`, `4.2k`, `12k`, `1.0M`."""
    for factor, suffix in ((1, ""), (10**3, "k"), (10**6, "M"), (10**9, "G"), (10**12, "T")):
        value = number / factor
        text = f"{value:.1f}" if suffix and value < 9.95 else f"{value:.0f}"
        if len(text) <= 3:
            break
    return text + suffix


def count_text(number: int, noun: str) -> str:
    """`1 event`, `1,204 events`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def noun_text(noun: str, name: str) -> str:
    """`run r1`; the name alone where it begins with the noun: `run-1`."""
    rest = name[len(noun) :]
    is_said = name[: len(noun)].casefold() == noun.casefold() and not rest[:1].isalpha()
    return name if is_said and rest else f"{noun} {name}"


def _two(number: int, base: int, large: str, small: str) -> str:
    whole, rest = divmod(number, base)
    return f"{whole}{large}{rest:02}{small}" if rest else f"{whole}{large}"


def _significant(value: float, digits: int) -> str:
    """`value`, of 1 to 1,000, in so many significant digits, without zeros that say nothing: `9.667`, `12.3`, `2`."""
    whole = len(str(int(value)))
    text = f"{value:.{max(digits - whole, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
