"""The metrics over HTTP, and whether all is well: `/metrics`, `/healthz`, `/readyz`."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client.exposition import make_wsgi_app
from prometheus_client.registry import CollectorRegistry

_PLAIN = [("Content-Type", "text/plain; charset=utf-8")]
_HINT = "wsreplay: /metrics for Prometheus, /healthz and /readyz for whoever restarts or routes\n"


class _Server(ThreadingMixIn, WSGIServer):
    """Answers each request in a thread, on a socket that listens already."""

    daemon_threads = True

    def __init__(self, listener: socket.socket) -> None:
        address = listener.getsockname()
        super().__init__(address[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_name, self.server_port = str(address[0]), int(address[1])
        self.setup_environ()


class _Handler(WSGIRequestHandler):
    """Says nothing on stderr, and does not wait for ever for a request."""

    timeout = 10.0

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are no news."""


def serve(
    listener: socket.socket, registry: CollectorRegistry, unhealthy: Callable[[], str], unready: Callable[[], str]
) -> None:
    """Serve in a thread until the process ends. `unhealthy` and `unready` say why something is not well, "" where it is."""
    metrics: WSGIApplication = make_wsgi_app(registry)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path == "/metrics":
            return metrics(environ, start_response)
        if path in ("/healthz", "/readyz"):
            trouble = unhealthy() or (unready() if path == "/readyz" else "")
            start_response("503 Service Unavailable" if trouble else "200 OK", list(_PLAIN))
            return [f"{trouble or 'ok'}\n".encode()]
        start_response("200 OK" if path == "/" else "404 Not Found", list(_PLAIN))
        return [_HINT.encode()]

    server = _Server(listener)
    server.set_app(answer)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
