"""What a scraper, an orchestrator and a curious person get."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request

import pytest

from wsreplay.stats.totals import RecordingTotals
from wsreplay.telemetry.metrics import registry_of
from wsreplay.telemetry.server import serve
from wsreplay.telemetry.status import RelayStatus


class Service:
    """Metrics that are served; what is not well can be changed."""

    def __init__(self) -> None:
        self.unhealthy = self.unready = ""
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        serve(listener, registry_of(lambda: (RecordingTotals(), RelayStatus())), lambda: self.unhealthy, lambda: self.unready)

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@pytest.fixture(scope="module")
def service() -> Service:
    return Service()


def test_metrics_are_served(service: Service) -> None:
    for _ in range(2):
        status, text = service.get("/metrics")
        assert status == 200
        assert "wsreplay_open_connections 0.0" in text


def test_health_and_readiness_say_what_is_wrong(service: Service) -> None:
    assert service.get("/healthz") == service.get("/readyz") == (200, "ok\n")
    service.unready = "nothing can be recorded"
    assert (service.get("/healthz"), service.get("/readyz")) == ((200, "ok\n"), (503, "nothing can be recorded\n"))
    service.unhealthy = "the relay has ended"
    assert service.get("/healthz") == service.get("/readyz") == (503, "the relay has ended\n")


def test_other_pages_say_where_to_look(service: Service) -> None:
    assert service.get("/")[0] == 200
    assert service.get("/other")[0] == 404
    assert "/metrics" in service.get("/other")[1]
