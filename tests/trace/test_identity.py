from __future__ import annotations

import base64

import jwt
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.model import Headers
from wsreplay.trace.identity import identify
from wsreplay.trace.redaction import Redactor

REDACTOR = Redactor(b"key of the tests")
SECRET = "a secret that is long enough for the algorithm"


def token(**claims: object) -> str:
    return jwt.encode(claims, SECRET)


def user(path: str = "/ws", *headers: tuple[str, str]) -> str | None:
    return identify(path, headers, REDACTOR)


def test_the_subject_of_a_token_is_the_user_wherever_it_stands() -> None:
    one = token(sub="u1")
    assert user("/ws", ("Authorization", f"Bearer {one}")) == "u1"
    assert user("/ws", ("authorization", f"BEARER   {one}")) == "u1"
    assert user(f"/ws?token={one}") == "u1"
    assert user(f"/ws?a=b&access_token={one}&c") == "u1"
    assert user("/ws", ("Sec-WebSocket-Protocol", f"chat, jwt.{one}")) == "u1"
    assert user("/ws", ("sec-websocket-protocol", f"jwt.{one},chat")) == "u1"


def test_the_header_goes_before_the_query_before_the_subprotocol_before_the_cookie() -> None:
    headers: Headers = (
        ("Cookie", "session=abc"), ("Sec-WebSocket-Protocol", f"jwt.{token(sub='third')}"),
        ("Authorization", f"Bearer {token(sub='first')}"),
    )  # fmt: skip
    path = f"/ws?token={token(sub='second')}"
    assert user(path, *headers) == "first"
    assert user(path, *headers[:2]) == "second"
    assert user("/ws", *headers[:2]) == "third"
    assert user("/ws", *headers[:1]) == "cookie:" + REDACTOR.value("abc").removeprefix("redacted:")


@pytest.mark.parametrize("name", ["session", "sessionid", "connect.sid", "PHPSESSID".lower(), "my_session_id", "app-sid"])
def test_a_session_cookie_gives_a_pseudonym(name: str) -> None:
    found = user("/ws", ("Cookie", f"theme=dark; {name}=s3cret; x=y"))
    assert found is None if name == "phpsessid" else found is not None and found.startswith("cookie:") and "s3cret" not in found


@pytest.mark.parametrize("claims", [{}, {"sub": ""}, {"sub": None}, {"sub": ["x"]}, {"sub": True}])
def test_a_token_without_a_subject_names_nobody(claims: dict[str, object]) -> None:
    body = base64.urlsafe_b64encode(orjson.dumps(claims)).decode().rstrip("=")
    assert user(f"/ws?token=e30.{body}.x") is None


def test_a_number_is_a_subject() -> None:
    body = base64.urlsafe_b64encode(b'{"sub": 1}').decode().rstrip("=")
    assert user(f"/ws?token=e30.{body}.x") == "1"


@given(st.text(max_size=60), st.text(max_size=60))
def test_nothing_that_a_client_sends_raises(text: str, other: str) -> None:
    headers = ("Authorization", f"Bearer {text}"), ("Cookie", other), ("Sec-WebSocket-Protocol", f"jwt.{text}")
    user(f"/ws?token={text}.{other}.x", *headers)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/ws", (("Cf-Access-Jwt-Assertion", "{}"),)), ("/ws", (("X-Goog-Iap-Jwt-Assertion", "{}"),)),
        ("/ws", (("X-Amzn-Oidc-Data", "{}"),)), ("/ws", (("Sec-WebSocket-Protocol", "bearer, {}"),)),
        ("/ws", (("Cookie", "a=b; id={}; session=x"),)), ("/ws/{}/room", ()), ("/ws?assertion={}", ()),
    ],
)  # fmt: skip
def test_a_token_is_known_by_its_shape(path: str, headers: Headers) -> None:
    for name in ("u1", "u2"):
        one = token(sub=name)
        assert user(path.format(one), *((header, value.format(one)) for header, value in headers)) == name
