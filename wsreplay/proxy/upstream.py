"""Where the proxy forwards to."""

from __future__ import annotations

import asyncio
import base64
import errno
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from wsreplay.errors import UsageError
from wsreplay.units import SECOND, duration_text
from wsreplay.wire.origins import is_this_machine

DIAL_TIMEOUT_S = 10.0
_PORTS = {"ws": 80, "http": 80, "wss": 443, "https": 443}
_USERINFO = re.compile(r"//[^/@]*@")
_PORT = re.compile(r":?([0-9]{1,5}(?:/.*)?)")
_HOST_AND_PORT = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}(?:/.*)?")
_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?:/[!-~]*)?")
_PRINTABLE = re.compile(r"[^\x00-\x20\x7f]*")


UNIX = "unix:"
_UNIX_SOCKET = re.compile(r"unix:(?://)?(?P<path>[^:]+)(?::(?P<prefix>/[!-~]*)?)?")


def socket_path(address: str) -> str | None:
    """The path in `unix:/run/app.sock`, or `unix:///run/app.sock`; None where it is another address."""
    match = _UNIX_SOCKET.fullmatch(address)
    return match["path"] if match else None


@dataclass(frozen=True, slots=True)
class Upstream:
    """A backend: `ws://host:port/prefix`, or `wss://`. `http` and `https` mean the same.

    `unix:/run/app.sock` is a socket file, `unix:/run/app.sock:/prefix` has a prefix too. `authorization` is what the user and
    password of a URL make of the header of that name (RFC 7617), a secret.
    """

    host: str
    port: int
    tls: bool
    prefix: str = ""
    socket: str | None = None
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> Upstream:
        """Also `8000`, `:8000`, `8000/prefix` and `localhost:8000`. Raises UsageError."""
        if url.startswith(UNIX):
            if (match := _UNIX_SOCKET.fullmatch(url)) is None:
                raise UsageError(f"{url!r} is not a socket file such as unix:/run/app.sock")
            return cls("localhost", 80, False, (match["prefix"] or "").rstrip("/"), match["path"])
        shown = _USERINFO.sub("//", url) if "//" in url else url.rpartition("@")[2]
        if match := _PORT.fullmatch(url):
            url = f"ws://localhost:{match[1]}"
        elif _HOST_AND_PORT.fullmatch(url):
            url = f"ws://{url}"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise UsageError(f"{shown!r} is not a WebSocket URL: {str(error).lower()}") from None
        if parts.scheme not in _PORTS or not parts.hostname or not _PRINTABLE.fullmatch(parts.path):
            meant = f"; did you mean ws://{shown}?" if _HOST.fullmatch(shown) else " such as ws://localhost:8000 or 8000"
            raise UsageError(f"{shown!r} is not a WebSocket URL{meant}")
        if parts.query or parts.fragment:
            raise UsageError(f"{shown!r}: a query or fragment belongs to the client's URL, not to the upstream")
        tls = parts.scheme in ("wss", "https")
        login = parts.netloc.rpartition("@")[0]
        authorization = _basic(login) if login else None
        return cls(parts.hostname, port or _PORTS[parts.scheme], tls, parts.path.rstrip("/"), None, authorization)

    @property
    def host_header(self) -> str:
        """As RFC 9110, section 7.2, wants it: without the scheme's own port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL without credentials."""
        if self.socket is not None:
            return f"{UNIX}{self.socket}" + (f":{self.prefix}" if self.prefix else "")
        return f"{'wss' if self.tls else 'ws'}://{self.host_header}{self.prefix}"


    @property
    def keeps_host(self) -> bool:
        """Whether a request's `Host` is left as it is: what listens on this machine has no name of its own to insist on.

        Its same-origin checks then compare with the address that a page uses, and its redirects lead back to the proxy. A name
        such as `app.localhost` may be one of several that are served by one port.
        """
        return self.socket is not None or is_this_machine(self.host)


def _basic(login: str) -> str:
    user, _, password = login.partition(":")
    return "Basic " + base64.b64encode(unquote_to_bytes(user) + b":" + unquote_to_bytes(password)).decode()


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
    try:
        async with asyncio.timeout(within):
            await _connect(upstream, protocol, context)
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
        raise DialError(502, f"{where}: the host name is not valid") from None
    except RuntimeError as error:  # a host name is resolved in a thread, and none can be started
        raise DialError(502, f"{where} cannot be reached: {error}") from None
    except (ConnectionRefusedError, FileNotFoundError):
        raise DialError(502, f"nothing listens at {where}") from None
    except OSError as error:
        raise DialError(502, f"{where} cannot be reached: {error.strerror or error}") from None


async def _connect(upstream: Upstream, protocol: Callable[[], asyncio.Protocol], context: ssl.SSLContext | None) -> None:
    """One address of the upstream after the other. Raises the error of the last one."""
    loop = asyncio.get_running_loop()
    if upstream.socket is not None:
        await loop.create_unix_connection(protocol, upstream.socket)
        return
    addresses = await loop.getaddrinfo(upstream.host, upstream.port, type=socket.SOCK_STREAM)
    failure: OSError = socket.gaierror(socket.EAI_NONAME, "no address")
    for *_, address in addresses:
        try:
            host = upstream.host if context else None
            await loop.create_connection(protocol, str(address[0]), int(address[1]), ssl=context, server_hostname=host)
            return
        except ssl.SSLError:
            raise
        except OSError as error:
            failure = error
    raise failure


def nothing_listens(upstream: Upstream) -> bool:
    """Whether nobody listens at an upstream on this machine.

    It is not connected to: a backend would wonder at a client that says nothing.
    """
    if upstream.socket is not None:
        return not Path(upstream.socket).exists()
    return is_this_machine(upstream.host) and all(_is_free(*address) for address in _addresses(upstream))


def _addresses(upstream: Upstream) -> list[tuple[int, tuple[str, int]]]:
    try:
        addresses = socket.getaddrinfo(upstream.host, upstream.port, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [(family, (str(address[0]), int(address[1]))) for family, _, _, _, address in addresses]


def _is_free(family: int, address: tuple[str, int]) -> bool:
    """Whether a port could be listened on."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(address)
            return True
    except OSError as error:
        return error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)  # there is no such address here
