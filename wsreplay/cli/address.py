"""Where something listens, as an option says it."""

from __future__ import annotations

import re
from typing import Any

import click


class Address(click.ParamType[tuple[str, int]]):
    """HOST:PORT, :PORT, PORT, [IPV6]:PORT; with `unix` also unix:PATH, which is then the host."""

    name = "host:port"

    def __init__(self, *, unix: bool = False) -> None:
        self.unix = unix

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        if self.unix and re.fullmatch(r"unix:[^:]+", str(value)):
            return str(value), 0
        match = re.fullmatch(r"(?:(?:\[([0-9A-Fa-f:.%]+)\]|([^:\[\]]*)):)?([0-9]{1,5})", str(value))
        if match is None or int(match[3]) > 65535:
            self.fail(f"{value!r} is not an address; write 127.0.0.1:8765, [::1]:8765, :8765 or 8765", param, ctx)
        return match[1] or match[2] or "127.0.0.1", int(match[3])
