"""Faults of the live path as they are written: `KIND[=VALUE][,OPTION=VALUE]…`."""

from __future__ import annotations

from dataclasses import dataclass

from wsreplay.errors import UsageError
from wsreplay.units import parse_duration, parse_size

KINDS = ("latency", "bandwidth", "slice", "reset", "close", "blackhole", "halfopen")
VALUED = {"latency", "bandwidth", "slice"}
_OPTIONS = {"latency": ("jitter",), "slice": ("pause",), "reset": ("bytes",), "close": ("bytes",), "blackhole": ("bytes",),
            "halfopen": ("bytes",)}  # fmt: skip
_DIRECTIONS = {"c2s": (0,), "s2c": (1,), "both": (0, 1)}


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """One fault as it was asked for. Times are in seconds, since the connection opened; `at_bytes` None: at `start_s`."""

    text: str
    kind: str
    directions: tuple[int, ...]
    probability: float = 1.0
    start_s: float = 0.0
    end_s: float | None = None
    delay_s: float = 0.0
    jitter_s: float = 0.0
    rate: float = 0.0  # bytes a second
    sizes: tuple[int, int] = (1, 1)
    pause_s: float = 0.0
    at_bytes: int | None = None

    @classmethod
    def parse(cls, text: str) -> FaultSpec:
        """Read `KIND[=VALUE][,OPTION=VALUE]…`. Raises UsageError."""
        try:
            return _parse(text)
        except ValueError as error:
            raise UsageError(f"--fault {text!r}: {error}") from None

    def acts(self, elapsed_s: float) -> bool:
        """Whether this is within its window."""
        return elapsed_s >= self.start_s and (self.end_s is None or elapsed_s < self.end_s)


def _parse(text: str) -> FaultSpec:
    first, *rest = (part.strip() for part in text.split(","))
    kind, equals, value = first.partition("=")
    if kind not in KINDS:
        raise ValueError(f"unknown fault {kind!r}: choose one of {', '.join(KINDS)}")
    if bool(equals) != (kind in VALUED):
        example = {"latency": "latency=200ms", "bandwidth": "bandwidth=64kB", "slice": "slice=1-20"}.get(kind, kind)
        raise ValueError(f"write it like {example}")
    options = dict(_option(part, kind) for part in rest)
    direction = options.get("dir", "c2s" if kind == "halfopen" else "both")
    if direction not in _DIRECTIONS or (kind == "halfopen" and direction == "both"):
        raise ValueError("dir must be c2s, s2c" + ("" if kind == "halfopen" else " or both"))
    probability = float(options.get("p", "1"))
    if not 0 <= probability <= 1:
        raise ValueError("p must be a probability from 0 to 1")
    start_s = parse_duration(options.get("from", "0")) / 1e9
    end_s = parse_duration(options["until"]) / 1e9 if "until" in options else None
    if end_s is not None and end_s <= start_s:
        raise ValueError("until must be later than from: both count from the start of a connection")
    return FaultSpec(
        text, kind, _DIRECTIONS[direction], probability,
        start_s=start_s, end_s=end_s,
        delay_s=parse_duration(value) / 1e9 if kind == "latency" else 0.0,
        jitter_s=parse_duration(options.get("jitter", "0")) / 1e9,
        rate=float(_positive(parse_size(value))) if kind == "bandwidth" else 0.0,
        sizes=_sizes(value) if kind == "slice" else (1, 1),
        pause_s=parse_duration(options.get("pause", "0")) / 1e9,
        at_bytes=parse_size(options["bytes"]) if "bytes" in options else None,
    )  # fmt: skip


def _option(part: str, kind: str) -> tuple[str, str]:
    name, equals, value = part.partition("=")
    known = ("dir", "p", "from", "until", *_OPTIONS.get(kind, ()))
    if not equals or name not in known:
        raise ValueError(f"unknown option {part!r}; it takes {', '.join(known)}, each with a value")
    return name, value


def _positive(number: int) -> int:
    if number < 1:
        raise ValueError("it must be more than 0")
    return number


def _sizes(text: str) -> tuple[int, int]:
    low, dash, high = text.partition("-")
    sizes = _positive(parse_size(low)), parse_size(high if dash else low)
    if sizes[1] < sizes[0]:
        raise ValueError("slice must be the smallest and the largest piece, such as 1-20")
    return sizes
