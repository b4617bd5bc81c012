from __future__ import annotations

import base64

import jwt
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.errors import UsageError
from wsreplay.model import Connection, Headers
from wsreplay.trace.identity import UserSource, identified, identify, is_pseudonym, parse_user_source
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


def named(text: str, path: str = "/ws", *headers: tuple[str, str]) -> str | None:
    return identify(path, headers, REDACTOR, [parse_user_source(text)])


def test_a_token_after_the_word_bearer_among_the_subprotocols_counts() -> None:
    assert user("/ws", ("Sec-WebSocket-Protocol", f"bearer, {token(uid=7)}")) == "7"


@pytest.mark.parametrize("lines", ["bearer,{}", "chat, Bearer , {}", "jwt.{}", "chat,jwt.{} , other", "bearer, {}, x"])
def test_a_token_among_the_subprotocols_goes_before_one_that_is_known_by_its_shape(lines: str) -> None:
    headers = ("X-Other", token(sub="u2")), ("Sec-WebSocket-Protocol", lines.format(token(sub="u1")))
    assert user("/ws", *headers) == "u1"


def test_of_claims_the_first_that_is_there_is_taken() -> None:
    claims = {"email": "a@example.com", "uid": 3, "user_id": "u", "sub": "s"}
    for name in ("sub", "user_id", "uid", "email"):
        assert user(f"/ws?token={token(**claims)}") == str(claims[name])
        del claims[name]


def test_a_header_and_parameters_that_name_users_go_after_tokens_and_before_cookies() -> None:
    cookie = ("Cookie", "session=abc")
    assert user("/ws", cookie, ("X-User-Id", "ann")) == "ann"
    assert user("/ws?user=bob&user_id=3", cookie) == "bob"
    assert user("/ws?user_id=3", cookie) == "3"
    assert user(f"/ws?user=bob&token={token(sub='u1')}", ("X-User-Id", "ann")) == "u1"


def test_users_are_found_where_somebody_says() -> None:
    assert named("header:x-account", "/ws", ("X-Account", "ann")) == "ann"
    assert named("query:account", "/ws?account=ann%20b&user=x") == "ann b"
    assert named("path:/ws/{user}/chat", "/ws/ann%40b/chat?x=y") == "ann@b"
    assert named("claim:account", f"/ws?token={token(account='ann', sub='u1')}") == "ann"
    assert named("cookie:me", "/ws", ("Cookie", "a=b; me=ann")) == "cookie:" + REDACTOR.value("ann").removeprefix("redacted:")


def test_secrets_become_pseudonyms() -> None:
    hashed = REDACTOR.value("opaque").removeprefix("redacted:")
    assert named("query:token", "/ws?token=opaque") == f"token:{hashed}"
    found = named("header:Authorization", "/ws", ("Authorization", "Bearer opaque"))
    assert found is not None and is_pseudonym(found) and "opaque" not in found
    assert is_pseudonym("cookie:1") and not is_pseudonym("ann")


def test_where_nothing_stands_the_usual_places_are_looked_at() -> None:
    assert named("header:X-Account", f"/ws?token={token(sub='u1')}") == "u1"
    assert named("path:/chat/{user}", "/ws/ann?user=bob") == "bob"
    assert named("path:/ws/{user}", "/ws/a/b") is None


@pytest.mark.parametrize("text", ["", "user", "header:", "body:user", "path:/ws", "path:/{user}/{user}", "$..user", "$["])
def test_what_says_no_place_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"where to find the user|which part of the path"):
        parse_user_source(text)


def test_recorded_connections_are_named_anew_by_what_is_still_there() -> None:
    sources = [parse_user_source(text) for text in ("claim:uid", "cookie:sid", "header:X-Account", "path:/ws/{user}")]
    there = [
        Connection(1, 1, 0, path="/ws", request_headers=(("X-Account", "ann"),), user="old"),
        Connection(2, 1, 0, path="/ws/bob"),
        Connection(3, 1, 0, path="/chat", request_headers=(("Cookie", "redacted:12"),), user="old"),
        Connection(4, 1, 0, path="/chat", request_headers=(("X-Account", "redacted:12"),)),
    ]
    assert [connection.user for connection in identified(there, sources)] == ["ann", "bob", "old", "token:12"]
    assert identified(there, []) is there


def test_a_path_in_messages_is_a_source_of_its_own() -> None:
    assert parse_user_source("$.user.id") == UserSource("message", "$.user.id")
