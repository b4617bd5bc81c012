"""Where the proxy forwards to."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from wsreplay.errors import UsageError
from wsreplay.units import SECOND, duration_text

DIAL_TIMEOUT_S = 10.0
_PORTS = {"ws": 80, "http": 80, "wss": 443, "https": 443}
_USERINFO = re.compile(r"//[^/@]*@")
_PORT_ALONE = re.compile(r":?([0-9]{1,5})")
_HOST_AND_PORT = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}(?:/.*)?")
_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?:/[!-~]*)?")
_PRINTABLE = re.compile(r"[^\x00-\x20\x7f]*")


@dataclass(frozen=True, slots=True)
class Upstream:
    """A backend: `ws://host:port/prefix`, or `wss://`. `http` and `https` mean the same."""

    host: str
    port: int
    tls: bool
    prefix: str = ""

    @classmethod
    def parse(cls, url: str) -> Upstream:
        """Also `8000`, `:8000` and `localhost:8000`. Raises UsageError."""
        shown = _USERINFO.sub("//", url) if "//" in url else url.rpartition("@")[2]
        if match := _PORT_ALONE.fullmatch(url):
            url = f"ws://localhost:{match[1]}"
        elif _HOST_AND_PORT.fullmatch(url):
            url = f"ws://{url}"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise UsageError(f"UPSTREAM {shown!r}: {error}") from None
        if parts.scheme not in _PORTS or not parts.hostname or not _PRINTABLE.fullmatch(parts.path):
            meant = f"; did you mean ws://{shown}?" if _HOST.fullmatch(shown) else " such as ws://localhost:8000 or 8000"
            raise UsageError(f"UPSTREAM {shown!r} is not a WebSocket URL{meant}")
        if parts.query or parts.fragment:
            raise UsageError(f"UPSTREAM {shown!r}: a query or fragment belongs to the client's URL, not to the upstream")
        tls = parts.scheme in ("wss", "https")
        return cls(parts.hostname, port or _PORTS[parts.scheme], tls, parts.path.rstrip("/"))

    @property
    def host_header(self) -> str:
        """As RFC 9110, section 7.2, wants it: without the scheme's own port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL without credentials."""
        return f"{'wss' if self.tls else 'ws'}://{self.host_header}{self.prefix}"


class DialError(Exception):
    """The upstream cannot be reached. `status` is what the client is answered: 502, or 504 on a time-out."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def tls_context(insecure: bool) -> ssl.SSLContext:
    """A client's context: the system's CAs, or any certificate."""
    context = ssl.create_default_context()
    # The proxied bytes are HTTP/1.1, whatever the backend would prefer.
    context.set_alpn_protocols(["http/1.1"])
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def dial(
    upstream: Upstream, protocol: Callable[[], asyncio.Protocol], context: ssl.SSLContext | None, within: float
) -> None:
    """Connect to the upstream within so many seconds. Raises DialError."""
    where = upstream.url
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(within):
            await loop.create_connection(
                protocol, upstream.host, upstream.port, ssl=context, server_hostname=upstream.host if context else None
            )
    except TimeoutError:
        raise DialError(504, f"{where} did not answer within {duration_text(within * SECOND)}") from None
    except ssl.SSLCertVerificationError as error:
        reason = f"{where} has a certificate that is not trusted: {error.verify_message} (-k accepts any)"
        raise DialError(502, reason) from None
    except ssl.SSLError as error:
        raise DialError(502, f"{where} does not speak TLS as expected: {error.reason or error}") from None
    except socket.gaierror as error:
        raise DialError(502, f"{where}: the host name cannot be resolved: {error.strerror}") from None
    except UnicodeError:
        raise DialError(502, f"{where}: the host name cannot be resolved: it is none") from None
    except RuntimeError as error:  # a host name is resolved in a thread, and none can be started
        raise DialError(502, f"{where} cannot be reached: {error}") from None
    except OSError as error:
        raise DialError(502, f"{where} cannot be reached: {error.strerror or error}") from None
