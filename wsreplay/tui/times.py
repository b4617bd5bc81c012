"""Times and sizes in few columns. All times are nanoseconds."""

from __future__ import annotations

SECOND = 1_000_000_000
MILLISECOND = 1_000_000


def clock(ns: int) -> str:
    """A point in time: `00:12.508`, `1:02:03.004`."""
    sign, ns = ("-", -ns) if ns < 0 else ("", ns)
    milliseconds = ns // MILLISECOND
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{sign}{hours}:{minutes:02}:{seconds:02}.{milliseconds:03}"
    return f"{sign}{minutes:02}:{seconds:02}.{milliseconds:03}"


def clock_short(ns: int) -> str:
    """A length of film: `00:12.508` below a minute, else `41:07`, `1:02:03`; begun seconds count."""
    if ns < 60 * SECOND:
        return clock(ns)
    seconds = -(-ns // SECOND)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


def length(ns: int) -> str:
    """A span of time in at most six columns: `310µs`, `12ms`, `9.667s`, `41:07`, `3h12m`."""
    if ns < 0:
        return "-" + length(-ns)
    if ns < MILLISECOND:
        return f"{ns // 1000}µs"
    if (milliseconds := round(ns / MILLISECOND)) < 1000:
        return f"{milliseconds}ms"
    if ns < 10 * SECOND:
        return f"{ns / SECOND:.3f}s"
    if ns < 60 * SECOND:
        return f"{ns / SECOND:.1f}s"
    minutes, seconds = divmod(ns // SECOND, 60)
    if minutes < 60:
        return f"{minutes}:{seconds:02}"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m"


def size(count: int) -> str:
    """Bytes in at most five columns: `312`, `4.1k`, `12M`."""
    return short(count) if count >= 1000 else f"{count}"


def short(number: float) -> str:
    """A count in at most five columns: `999`, `4.2k`, `12k`, `1.0M`."""
    for factor, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor:
            value = number / factor
            return f"{value:.1f}{suffix}" if value < 10 else f"{value:.0f}{suffix}"
    return f"{number:.0f}"


def parse_length(text: str) -> int:
    """`250ms`, `2s`, `1.5`, `1:30`, `1:02:03.5` as nanoseconds. Raises ValueError."""
    text = text.strip().lower()
    if ":" in text:
        seconds = 0.0
        for part in text.split(":"):
            seconds = seconds * 60 + float(part)
        return round(seconds * SECOND)
    for suffix, factor in (("ms", MILLISECOND), ("us", 1000), ("µs", 1000), ("ns", 1), ("s", SECOND), ("m", 60 * SECOND)):
        if text.endswith(suffix):
            return round(float(text.removesuffix(suffix)) * factor)
    return round(float(text) * SECOND)
