from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from wsreplay.errors import UsageError
from wsreplay.wire.origins import MOST_TOLD, OriginGate, OriginRule, is_loopback, is_this_machine, local_host


def refused(
    rule: OriginRule, *, origin: str | None = None, host: str = "localhost:8765", local: str = "127.0.0.1"
) -> str | None:
    headers = [(b"Host", host.encode())] + ([(b"origin", origin.encode())] if origin is not None else [])
    return rule.refused_origin(headers, local)


RULE = OriginRule.of(["api.example", "192.168.1.7"], ["https://App.example:444", "null"])


@pytest.mark.parametrize(
    "origin",
    [
        *("http://localhost:3000", "https://127.0.0.1", "http://[::1]:8080", "http://app.localhost", "http://127.8.9.1:1"),
        *("tauri://localhost", "https://api.example", "HTTP://API.EXAMPLE:99", "http://192.168.1.7:8000", "null"),
        *("https://app.example:444",),
    ],
)
def test_pages_of_ours_may(origin: str):
    assert refused(RULE, origin=origin) is None


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example", "http://localhost.evil.example", "http://evil.example:8765", "https://app.example", ""),
        *("http://api.example.evil", "file://", "chrome-extension://abcdef", "http://[::1", "http://1270.0.0.1", "garbage"),
    ],
)
def test_pages_of_others_may_not(origin: str):
    assert refused(RULE, origin=origin) == origin


def test_what_sends_no_origin_is_not_asked():
    assert refused(RULE, host="evil.example") is None


@pytest.mark.parametrize("host", ["localhost", "api.example:80", "127.0.0.1:8765", "192.168.1.7", "app.example", ""])
def test_hosts_of_ours(host: str):
    assert refused(RULE, origin="http://localhost", host=host) is None


def test_a_name_that_was_made_to_point_here_is_refused():
    assert refused(RULE, origin="http://localhost", host="rebound.example:8765") == "http://rebound.example:8765"


def test_the_address_a_client_came_in_at_is_ours():
    assert refused(RULE, origin="http://10.1.2.3:8765", host="10.1.2.3:8765", local="10.1.2.3") is None
    assert refused(RULE, origin="http://10.1.2.4:8765", host="10.1.2.3:8765", local="10.1.2.3") == "http://10.1.2.4:8765"


def test_two_origins_or_hosts_must_both_be_ours():
    headers = [(b"Origin", b"http://localhost"), (b"Origin", b"http://evil.example")]
    assert RULE.refused_origin(headers) == "http://evil.example"
    headers = [(b"Origin", b"http://localhost"), (b"Host", b"localhost"), (b"Host", b"evil.example")]
    assert RULE.refused_origin(headers) == "http://evil.example"


def test_any_may_where_that_was_said():
    assert refused(OriginRule.of([], ["*"]), origin="https://evil.example", host="evil.example") is None


@pytest.mark.parametrize("origin", ["app.example", "https://app.example/path", "https://", "", "https://a b"])
def test_what_is_not_an_origin_is_not_taken_for_one(origin: str):
    with pytest.raises(UsageError, match="is not an origin such as"):
        OriginRule.of([], [origin])


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("LOCALHOST.", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.0.0.1", False), ("", False)],
)
def test_loopback(host: str, loopback: bool):
    assert is_loopback(host) is loopback


def test_each_origin_that_is_refused_is_told_once_and_answered_each_time():
    told: list[str] = []
    gate = OriginGate(RULE, told.append)
    evil = [(b"Origin", b"https://evil.example")]
    said = "pages of https://evil.example may not use this port; --allow-origin https://evil.example lets them"
    assert [gate.refusal(evil, "127.0.0.1") for _ in range(2)] == [said] * 2
    assert gate.refusal([(b"Origin", b"http://localhost:3000")], "127.0.0.1") is None
    assert gate.refusal([(b"Origin", b"http://10.0.0.1:3000")], "10.0.0.1") is None
    assert told == [f"refused with 403: {said}"]
    assert gate.refusal([(b"Origin", b"")], "") == 'pages of "" may not use this port; --allow-origin "" lets them'
    for number in range(MOST_TOLD):
        assert gate.refusal([(b"Origin", b"https://%d.example" % number)], "") is not None
    assert len(told) == MOST_TOLD


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost", True), ("LOCALHOST.", True), ("127.0.0.1", True), ("127.8.9.1", True), ("::1", True),
        ("app.localhost", False), ("App.LocalHost", False), ("localhost.example", False), ("10.0.0.1", False), ("", False),
    ],
)  # fmt: skip
def test_this_machine(host: str, ours: bool):
    assert is_this_machine(host) is ours


async def test_the_address_at_which_a_client_came_in_is_that_of_its_socket(tmp_path: Path) -> None:
    hosts = []

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hosts.append(local_host(writer.transport))
        writer.close()

    tcp = await asyncio.start_server(accept, "127.0.0.1", 0)
    unix = await asyncio.start_unix_server(accept, tmp_path / "socket")
    async with tcp, unix:
        address = tcp.sockets[0].getsockname()
        for connecting in (asyncio.open_connection(*address), asyncio.open_unix_connection(tmp_path / "socket")):
            reader, writer = await connecting
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
    assert hosts == ["127.0.0.1", ""]
