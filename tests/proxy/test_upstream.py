from __future__ import annotations

import pytest

from wsreplay.errors import UsageError
from wsreplay.proxy.upstream import Upstream, tls_context


@pytest.mark.parametrize(
    ("url", "host_header", "shown", "tls"),
    [
        ("ws://localhost:8000", "localhost:8000", "ws://localhost:8000", False),
        ("ws://example.org", "example.org", "ws://example.org", False),
        ("ws://example.org:80/", "example.org", "ws://example.org", False),
        ("wss://example.org", "example.org", "wss://example.org", True),
        ("wss://example.org:80", "example.org:80", "wss://example.org:80", True),
        ("https://example.org:443/a/b/", "example.org", "wss://example.org/a/b", True),
        ("http://[::1]:9000/x", "[::1]:9000", "ws://[::1]:9000/x", False),
        ("ws://[::1]", "[::1]", "ws://[::1]", False),
        ("ws://user:pass@example.org:1/x", "example.org:1", "ws://example.org:1/x", False),
        ("ws://host/caf%C3%A9", "host", "ws://host/caf%C3%A9", False),
        ("8000", "localhost:8000", "ws://localhost:8000", False),
        ("8000/agent", "localhost:8000", "ws://localhost:8000/agent", False),
        (":8000", "localhost:8000", "ws://localhost:8000", False),
        ("localhost:8000", "localhost:8000", "ws://localhost:8000", False),
        ("[::1]:8000/app", "[::1]:8000", "ws://[::1]:8000/app", False),
        ("http://localhost:8000", "localhost:8000", "ws://localhost:8000", False),
    ],
)
def test_a_url_names_a_backend(url: str, host_header: str, shown: str, tls: bool) -> None:
    upstream = Upstream.parse(url)
    assert (upstream.host_header, upstream.url, upstream.tls) == (host_header, shown, tls)


@pytest.mark.parametrize(
    ("url", "path", "prefix", "shown"),
    [
        ("unix:/run/app.sock", "/run/app.sock", "", "unix:/run/app.sock"), ("unix:app.sock", "app.sock", "", "unix:app.sock"),
        ("unix:///run/app.sock", "/run/app.sock", "", "unix:/run/app.sock"),
        ("unix:/run/app.sock:/api/", "/run/app.sock", "/api", "unix:/run/app.sock:/api"),
    ],
)  # fmt: skip
def test_a_socket_file_is_a_backend(url: str, path: str, prefix: str, shown: str) -> None:
    upstream = Upstream.parse(url)
    assert (upstream.socket, upstream.prefix, upstream.url, upstream.keeps_host) == (path, prefix, shown, True)


@pytest.mark.parametrize(
    ("url", "authorization"),
    [
        ("ws://user:pass@h", "Basic dXNlcjpwYXNz"), ("ws://user@h", "Basic dXNlcjo="),
        ("ws://a%40b:p%3Aq%2F@h", "Basic YUBiOnA6cS8="), ("ws://h", None), ("ws://h/a@b", None),
    ],
)  # fmt: skip
def test_user_and_password_become_a_header(url: str, authorization: str | None) -> None:
    upstream = Upstream.parse(url)
    assert upstream.authorization == authorization
    assert not authorization or authorization not in repr(upstream)


@pytest.mark.parametrize(
    ("url", "keeps"),
    [
        ("8000", True), ("ws://127.0.0.1:8000", True), ("ws://[::1]:8000", True), ("ws://127.8.8.8", True),
        ("ws://h.example", False), ("ws://app.localhost:8000", False), ("ws://10.0.0.1", False),
    ],
)  # fmt: skip
def test_the_host_of_a_client_is_kept_for_this_machine(url: str, keeps: bool) -> None:
    assert Upstream.parse(url).keeps_host is keeps


@pytest.mark.parametrize(
    "url",
    ["", "localhost", "unix:", "unix:/a:b", "unix:/a:/b c",
     "99999", "ftp://example.org", "ws://", "ws:///path", "ws://h:99999", "ws://h:x", "ws://[::1", "ws://h/?token=s3cret",
     "ws://h/#x", "ws://h/a b"],
)  # fmt: skip
def test_what_names_none_says_so(url: str) -> None:
    with pytest.raises(UsageError, match=r"is not a WebSocket URL|is not a socket file|belongs to the client"):
        Upstream.parse(url)


def test_a_host_without_a_scheme_is_asked_about() -> None:
    with pytest.raises(UsageError, match=r"^'example.org/ws' is not a WebSocket URL; did you mean ws://example.org/ws\?$"):
        Upstream.parse("example.org/ws")


@pytest.mark.parametrize("url", ["user:hush@h.example", "ftp://user:hush@example.org", "ws://user:hush@h:x", "ws://user:hush@h/?a=b"])
def test_no_error_shows_a_password(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        Upstream.parse(url)
    assert "hush" not in str(raised.value)


def test_only_an_insecure_context_trusts_everybody() -> None:
    assert tls_context(insecure=False).check_hostname
    assert not tls_context(insecure=True).check_hostname
