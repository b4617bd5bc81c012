from __future__ import annotations

import pytest

from wsreplay.wire.targets import leaves_prefix, path_of


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/ws?x=1", b"/ws?x=1"),
        (b"ws://h.example/ws?x=1", b"/ws?x=1"),
        (b"HTTP://h.example:80", b"/"),
        (b"https://h.example?x=/y", b"/?x=/y"),
        (b"*", None),
        (b"h.example:443", None),
        (b"ws", None),
    ],
)
def test_the_path_of_a_target(target: bytes, path: bytes | None):
    assert path_of(target) == path


@pytest.mark.parametrize(
    "path",
    [
        *(b"/..", b"/../admin", b"/a/../../admin", b"/%2e%2e/admin", b"/.%2E/admin", b"/..%2fadmin", b"/..\\admin"),
        *(b"/%5c../x", b"/a//../../x", b"/..;x=1/admin", b"/%252e%252e/admin", b"/./../x", b"/a/../b/../../c"),
    ],
)
def test_paths_that_lead_above_where_they_begin(path: bytes):
    assert leaves_prefix(path)


@pytest.mark.parametrize("times", range(5))
def test_a_path_is_decoded_twice_and_no_more(times: int):
    path = b"/.."
    for _ in range(times):
        path = path.replace(b"%", b"%25") if b"%" in path else path.replace(b".", b"%2e")
    assert leaves_prefix(path) == (times <= 2)


@pytest.mark.parametrize("path", [b"/", b"/ws", b"/a/../b", b"/a/b/../../c", b"/...", b"/..a", b"/x?next=/..", b"/a%2fb/../c"])
def test_paths_that_do_not(path: bytes):
    assert not leaves_prefix(path)
