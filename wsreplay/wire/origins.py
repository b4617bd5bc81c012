"""Which web pages may use a listening port.

A browser lets any page open a WebSocket to any address, and sends the page's origin along (RFC 6454, section 7; RFC 6455,
section 10.2). What has no browser around it sends none, and is not asked for one. `Host` is looked at too: a page whose own
name was made to point at this machine (DNS rebinding) has both of them wrong.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from wsreplay.display import visible
from wsreplay.errors import UsageError

ANY = "*"
# A page can make up as many names as it likes.
MOST_TOLD = 100
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\s]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OriginRule:
    """Pages of this machine, of `hosts`, and those whose origin was given: `https://app.example`, `null`, or `*`."""

    hosts: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, hosts: Iterable[str], allowed: Sequence[str]) -> OriginRule:
        """Raises UsageError."""
        for origin in allowed:
            if origin not in (ANY, "null") and not _ORIGIN.fullmatch(origin):
                raise UsageError(f"--allow-origin {origin!r} is not an origin such as https://app.example or http://10.0.0.5:3000")
        return cls(
            frozenset(host.lower() for host in hosts if host),
            frozenset(origin.lower().rstrip("/") for origin in allowed),
        )

    def refused_origin(self, headers: Iterable[tuple[bytes, bytes]], local: str = "") -> str | None:
        """The origin or host for which a request is refused; None where it is not. `local` is the address it came in at."""
        named: dict[str, list[str]] = {"origin": [], "host": []}
        for name, value in headers:
            key = name.decode("latin-1").lower()
            if key in named:
                named[key].append(value.decode("latin-1").strip().lower())
        if not named["origin"] or ANY in self.allowed:
            return None
        for origin in named["origin"]:
            if origin not in self.allowed and not self._is_ours(_host_of(origin), local):
                return origin
        given = {_host_of(origin) for origin in self.allowed}
        for host in named["host"]:
            host_name = _host_of(f"//{host}")
            if host_name and host_name not in given and not self._is_ours(host_name, local):
                return f"http://{host}"
        return None

    def _is_ours(self, host: str | None, local: str) -> bool:
        return host is not None and (is_loopback(host) or host in self.hosts or host == local)


class OriginGate:
    """Asks a rule of every request; the user is told of each origin that is refused, once."""

    def __init__(self, rule: OriginRule, warn: Callable[[str], None]) -> None:
        self._rule, self._warn = rule, warn
        # origins that the user knows of; no more than MOST_TOLD
        self._told: set[str] = set()

    def refusal(self, headers: Iterable[tuple[bytes, bytes]], local: str) -> str | None:
        """Why a request is refused, and what to do; None where it is not. `local` is the address it came in at."""
        origin = self._rule.refused_origin(headers, local)
        if origin is None:
            return None
        shown = visible(origin or '""')
        reason = f"pages of {shown} may not use this port; --allow-origin {shown} lets them"
        if shown not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(shown)
            self._warn(f"refused with 403: {reason}")
        return reason


def local_host(transport: asyncio.BaseTransport) -> str:
    """The address at which a client came in."""
    local = transport.get_extra_info("sockname")
    return str(local[0]) if isinstance(local, tuple) else ""


def is_this_machine(host: str) -> bool:
    """Whether a host is `localhost` or a loopback address; a name such as `app.localhost` may be one of several."""
    return host.lower().rstrip(".") == "localhost" or (is_loopback(host) and "localhost" not in host.lower())


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name or address (RFC 6761, section 6.3)."""
    host = host.lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
