"""Where and how the proxy listens: socket files, TLS, and not where it forwards to."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from wsreplay.errors import UsageError
from wsreplay.files import OWNER_ONLY
from wsreplay.proxy.upstream import Upstream, socket_path

# To resolve the upstream's name before anybody has come: whoever comes is told if that fails.
_RESOLVE_WITHIN_S = 2.0


def cannot_listen(where: str, error: OSError) -> UsageError:
    """Why nobody can listen at an address, in the system's own word: event loops wrap it in sentences of theirs."""
    number = error.errno or 0  # that of a resolver is negative
    reason = os.strerror(number) if number > 0 else error.strerror or str(error)
    return UsageError(f"cannot listen on {where}: {reason.lower()} (choose another with -l HOST:PORT)")


def bind_socket_file(path: str) -> socket.socket:
    """A socket file that only its owner may connect to; one that a killed process left is replaced.

    Raises UsageError where something else is there, and OSError.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(Path(path).stat().st_mode):
            raise UsageError(f"cannot listen on unix:{path}: it exists, and is not a socket file")
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                Path(path).unlink()
            else:
                raise UsageError(f"cannot listen on unix:{path}: another program listens there already")
    listening = socket.socket(socket.AF_UNIX)
    before = os.umask(0o777 & ~OWNER_ONLY)
    try:
        listening.bind(path)
    except OSError as error:
        listening.close()
        if error.errno is None:
            raise UsageError(f"cannot listen on unix:{path}: {error}") from None
        raise
    finally:
        os.umask(before)
    listening.setblocking(False)
    return listening


def remove_socket_file(address: str) -> None:
    """Nobody listens any more at an address, if that is a socket file."""
    if (path := socket_path(address)) is not None:
        Path(path).unlink(missing_ok=True)


async def check_not_itself(upstream: Upstream, sockets: Sequence[socket.socket]) -> None:
    """Raises UsageError where the upstream is one of the listening sockets: each client would be passed round for ever."""
    for listening in sockets:
        address = listening.getsockname()
        if listening.family == socket.AF_UNIX:
            is_itself = _is_same_file(upstream.socket, address)
        elif upstream.socket is not None or address[1] != upstream.port:
            continue
        else:
            is_itself = any(_reaches(address[0], target) for target in await _resolve(upstream))
        if is_itself:
            raise UsageError(f"{upstream.url} is this proxy's own address: "
                             "give the address of the backend, or choose another one to listen on with -l")  # fmt: skip


def _is_same_file(upstream: str | None, listening: str) -> bool:
    return upstream is not None and Path(upstream).resolve() == Path(listening).resolve()


async def _resolve(upstream: Upstream) -> set[str]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_RESOLVE_WITHIN_S):
            addresses = await loop.getaddrinfo(upstream.host, upstream.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, RuntimeError, TimeoutError):
        return set()
    return {str(address[0]) for *_, address in addresses}


def _reaches(listening: str, target: str) -> bool:
    """Whether what connects to an address comes to a listening one."""
    if listening in ("0.0.0.0", "::"):
        family = socket.AF_INET6 if ":" in target else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe, suppress(OSError):
            probe.bind((target, 0))  # that works for addresses of this machine
            return True
        return False
    return target == listening or (target in ("0.0.0.0", "::") and listening in ("127.0.0.1", "::1"))


def server_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """What listening with TLS takes, of files in PEM; None without a certificate. Raises UsageError."""
    if certificate is None:
        if key is not None:
            raise UsageError("--tls-key needs --tls-cert")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except FileNotFoundError:
        raise UsageError(f"--tls-cert {certificate}, --tls-key {key}: no such file") from None
    except (ssl.SSLError, OSError) as error:
        raise UsageError(f"--tls-cert {certificate}: no usable certificate and key in PEM ({error})") from None
    return context
