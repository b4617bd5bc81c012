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
    "url",
    ["", "localhost", "99999", "ftp://example.org", "ws://", "ws:///path", "ws://h:99999", "ws://h:x", "ws://[::1", "ws://h/?token=s3cret",
     "ws://h/#x", "ws://h/a b"],
)  # fmt: skip
def test_what_names_none_says_so(url: str) -> None:
    with pytest.raises(UsageError, match="UPSTREAM"):
        Upstream.parse(url)


def test_a_host_without_a_scheme_is_asked_about() -> None:
    with pytest.raises(UsageError, match=r"^UPSTREAM 'example.org/ws' is not a WebSocket URL; did you mean ws://example.org/ws\?$"):
        Upstream.parse("example.org/ws")


@pytest.mark.parametrize("url", ["user:hush@h.example", "ftp://user:hush@example.org", "ws://user:hush@h:x", "ws://user:hush@h/?a=b"])
def test_no_error_shows_a_password(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        Upstream.parse(url)
    assert "hush" not in str(raised.value)


def test_only_an_insecure_context_trusts_everybody() -> None:
    assert tls_context(insecure=False).check_hostname
    assert not tls_context(insecure=True).check_hostname
