from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from planted import MESSAGES, PLANTED, SIGNED

from wsreplay.decode import TEXT, RawMessage
from wsreplay.trace.identity import identify
from wsreplay.trace.message_redaction import MessageRedactor
from wsreplay.trace.payload_secrets import FIRST_MESSAGES, PayloadSecrets
from wsreplay.trace.redaction import PREFIX, Redactor
from wsreplay.trace.secret_names import SecretNames

REDACTOR = Redactor(b"key of the tests")
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl"
K8S = "base64url.bearer.authorization.k8s.io."
secrets = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="&#=;,\"'\\%+?@/:"), min_size=8)


def hashed(secret: str) -> str:
    return REDACTOR.value(secret)


def test_equal_values_look_equal_within_one_key_only() -> None:
    assert hashed("s3cret") == hashed("s3cret") != hashed("s3cret2")
    assert hashed("s3cret") != Redactor(b"another").value("s3cret")
    assert Redactor().value("s3cret") != Redactor().value("s3cret"), "the key is random where none is given"
    assert len(hashed("s3cret")) == len(PREFIX) + 12


def test_what_is_redacted_already_stays() -> None:
    once = hashed("s3cret")
    assert hashed(once) == once
    headers = (("Authorization", "Bearer x"), ("Cookie", "a=b"), ("Sec-WebSocket-Protocol", "chat, jwt.a.b.c"))
    assert REDACTOR.headers(REDACTOR.headers(headers)) == REDACTOR.headers(headers)
    path = REDACTOR.path("/ws?token=abc&x=1")
    assert REDACTOR.path(path) == path


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Authorization", "Bearer abc.def", "Bearer " + hashed("abc.def")),
        ("authorization", "Basic dTpw", "Basic " + hashed("dTpw")),
        ("AUTHORIZATION", "whatever this is", hashed("whatever this is")),
        ("Proxy-Authorization", "Bearer x", "Bearer " + hashed("x")),
        ("Cookie", "a=b; session=c", hashed("a=b; session=c")),
        ("Set-Cookie", "sid=1; HttpOnly", hashed("sid=1; HttpOnly")),
        ("X-Api-Key", "k", hashed("k")),
        ("X-Auth-Token", "k", hashed("k")),
        ("X-Amz-Security-Token", "k", hashed("k")),
        ("X-Forwarded-Authorization", "k", hashed("k")),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("WWW-Authenticate", "Bearer realm=x", "Bearer realm=x"),
        ("Host", "example.org", "example.org"),
        ("Referer", "https://u:p@h/a?token=t&b=c", f"https://h/a?token={hashed('t')}&b=c"),
        ("Location", "https://h/cb#access_token=t&state=s", f"https://h/cb#access_token={hashed('t')}&state=s"),
        ("Sec-WebSocket-Protocol", f"chat, jwt.{JWT}", f"chat, jwt.{hashed(JWT)}"),
        ("Sec-WebSocket-Protocol", f"access_token, {JWT}", f"access_token, {hashed(JWT)}"),
        ("Sec-WebSocket-Protocol", "Bearer,opaque", f"Bearer, {hashed('opaque')}"),
        ("Sec-WebSocket-Protocol", JWT, hashed(JWT)),
        ("Sec-WebSocket-Protocol", f"{K8S}abc", f"{K8S}{hashed('abc')}"),
        ("Sec-WebSocket-Protocol", "graphql-transport-ws, v1.json", "graphql-transport-ws, v1.json"),
    ],
)  # fmt: skip
def test_headers_lose_their_secrets_and_nothing_else(name: str, value: str, shown: str) -> None:
    assert REDACTOR.headers(((name, value),)) == ((name, shown),)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/ws", "/ws"), ("/ws?", "/ws?"), ("/ws?a=b&&c", "/ws?a=b&&c"), ("/ws?token=", "/ws?token="),
        ("/ws?token=a=b", f"/ws?token={hashed('a=b')}"), ("/ws?x=1&Access_Token=a", f"/ws?x=1&Access_Token={hashed('a')}"),
        ("/ws?%74oken=a", f"/ws?%74oken={hashed('a')}"),
        ("/ws?api-key=a&apikey=b", f"/ws?api-key={hashed('a')}&apikey={hashed('b')}"),
        ("/ws?code=a&zipcode=b", f"/ws?code={hashed('a')}&zipcode=b"), ("http://u:p@h/ws?jwt=a", f"http://h/ws?jwt={hashed('a')}"),
        ("/@user/a@b", "/@user/a@b"), ("/ws?a=b#token=t", f"/ws?a=b#token={hashed('t')}"),
    ],
)  # fmt: skip
def test_paths_lose_token_like_parameters(path: str, shown: str) -> None:
    assert REDACTOR.path(path) == shown


def test_urls_lose_their_userinfo() -> None:
    assert REDACTOR.url("wss://user:pa:ss@example.org:8443/app") == "wss://example.org:8443/app"
    assert REDACTOR.url("ws://example.org/a@b") == "ws://example.org/a@b"


@given(secrets)
def test_no_secret_survives_anywhere_in_a_handshake(secret: str) -> None:
    assume(secret not in "Bearer redacted: session access_token authorization example")
    headers = (
        ("Authorization", f"Bearer {secret}"), ("Cookie", f"session={secret}"), ("X-Access-Key", secret),
        ("Referer", f"https://{quote(secret)}@h/?token={secret}"),
        ("Sec-WebSocket-Protocol", f"a, jwt.{secret}, token, {secret}"),
    )  # fmt: skip
    shown = json.dumps(REDACTOR.headers(headers)) + REDACTOR.path(f"/x?token={secret}&api_key={secret}")
    shown += REDACTOR.url(f"ws://{secret}@h/")
    assert secret not in shown


documents = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(-1e9, 1e9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("password", "a", "b")), inner, max_size=3),
    max_leaves=10,
)


@given(documents, st.text(min_size=6))
def test_a_field_is_hidden_whatever_it_holds(document: object, secret: str) -> None:
    assume(secret not in "redacted:" and not PREFIX.startswith(secret))
    redactor = Redactor(b"k", ["$.password", "$.deep[0].pin"])
    payload = orjson.dumps({"password": {"is": [secret]}, "deep": [{"pin": secret}], "rest": document})
    shown = redactor.payload(payload)
    assert shown is not None
    read = orjson.loads(shown)
    assert read["password"].startswith(PREFIX)
    assert read["deep"][0]["pin"].startswith(PREFIX)
    assert read["rest"] == document
    assert redactor.payload(shown) == shown


def test_a_message_without_the_field_stays_byte_for_byte() -> None:
    redactor = Redactor(b"k", ["$.password"])
    for payload in (b'{ "n" : 1.0 }', b"[1,2]", b'"text"', b"null"):
        assert redactor.payload(payload) == payload


def test_a_doubled_key_hides_nothing() -> None:
    redactor = Redactor(b"k", ["$.user.password"])
    for payload in (
        b'{"user":{"password":"hush"},"user":{}}', b'{"user":{"password":"hush","password":"again"}}',
        b'{"user":{"p\\u0061ssword":"hush"},"user":{}}',
    ):  # fmt: skip
        shown = redactor.payload(payload)
        assert shown is not None
        assert b"hush" not in shown


def test_the_root_is_a_field_too() -> None:
    shown = Redactor(b"k", ["$"]).payload(b'"hush"')
    assert shown is not None
    assert shown.startswith(b'"redacted:')


@pytest.mark.parametrize("payload", [b"no JSON", b"", b"{", b"\xff", b'{"password": NaN}', b"[" * 5000])
def test_what_is_no_json_must_be_withheld(payload: bytes) -> None:
    assert Redactor(b"k", ["$.password"]).payload(payload) is None


def test_a_field_that_is_no_path_is_refused() -> None:
    with pytest.raises(ValueError, match="begin with"):
        Redactor(b"k", ["password"])


@pytest.mark.parametrize("where", ["password", "user"])
def test_what_is_nested_too_deep_to_be_written_again_must_be_withheld(where: str) -> None:
    payload = b'{"password":"hush","%s":%s}' % (where.encode(), b"[" * 400 + b"]" * 400)
    assert Redactor(b"k", ["$.password"]).payload(payload) is None


def kept(path: str, headers: tuple[tuple[str, str], ...], redactor: Redactor = REDACTOR) -> str:
    """All that is kept of a request."""
    return repr((redactor.path(path), redactor.headers(headers)))


@pytest.mark.parametrize(("path", "headers"), PLANTED)
def test_no_planted_secret_is_kept_and_users_are_still_told_apart(path: str, headers: tuple[tuple[str, str], ...]) -> None:
    shown = kept(path, headers)
    assert not any(secret in shown for secret in ("SECRET", "U0VDUkVU", "TRUNSRVQ", SIGNED.split(".")[1])), shown
    if "SECRET" in repr((path, headers)) and ":SECRET@" not in repr(headers):  # of userinfo nothing is kept
        others = tuple((name, value.replace("SECRET", "ANOTHER")) for name, value in headers)
        assert kept(path.replace("SECRET", "ANOTHER"), others) != shown
    assert kept(REDACTOR.path(path), REDACTOR.headers(headers)) == shown, "what is redacted already stays"


def test_there_are_sixty_planted_secrets() -> None:
    assert len(PLANTED) >= 60


def test_a_server_that_chooses_an_offered_token_does_not_give_it_away() -> None:
    redactor = Redactor()
    redactor.headers((("Sec-WebSocket-Protocol", "bearer, SECRET"),))
    assert redactor.subprotocol("SECRET") == redactor.value("SECRET")
    assert redactor.subprotocol("bearer") == "bearer"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/ws?spinner=1&mapping=x&compass=n&design=y&keyword=a&t=5&state=s&monkey=m", ()),
        ("/a/b;v=1?x=sk_short", ()),
        ("/ws", (("Accept-Language", "de;q=0.8, en=1"), ("User-Agent", "Mozilla/5.0 (rv:1) mail@h"), ("Origin", "http://h:1"))),
        ("/ws", (("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13"), ("X-A", "a/b; c=d"))),
        ("/ws", (("Sec-WebSocket-Protocol", "graphql-transport-ws, v12.stomp, ocpp2.0.1, header-v2, soap, mqtt"),)),
    ],
)
def test_what_is_no_secret_is_kept(path: str, headers: tuple[tuple[str, str], ...]) -> None:
    assert kept(path, headers, Redactor()) == repr((path, headers)), "one that has seen no subprotocol that was a secret"


# Messages, with `auto`.

AUTO = Redactor(b"key of the tests", ["auto"])


def hidden(payload: bytes, redactor: Redactor = AUTO, *, is_first: bool = True) -> bytes | None:
    messages = MessageRedactor(redactor)
    for _ in range(0 if is_first else FIRST_MESSAGES):
        messages.hide(RawMessage(0, TEXT, b"{}"))
    return messages.hide(RawMessage(0, TEXT, payload))


@pytest.mark.parametrize("message", MESSAGES)
def test_a_secret_in_a_first_message_is_hidden_and_users_are_told_apart(message: bytes) -> None:
    shown = hidden(message)
    assert shown is not None
    assert b"SECRET" not in shown
    assert hidden(shown) == shown, "what is redacted already stays"
    if message.count(b"password") < 2:  # of a doubled name only the last value is kept
        assert hidden(message.replace(b"SECRET", b"ANOTHER")) != shown


@pytest.mark.parametrize(
    "message",
    [
        b'{"type":"token","token":"Hel"}', b'{"usage":{"total_tokens":5,"max_tokens":100}}', b'{"author":"me","pinned":1}',
        b'{"type":"chat","message":"my password is not here","session_id":"s1","thread_id":"t1"}', b"plain text: no secret",
        b"a\nb: c", b'{ "n" : 1.0 , "big": 123456789012345678901234567890 }', b"[1,2]", b'"x"', b"", b"\xff\xfe\x00binary",
        b'{"token":"a text with spaces, of which a model is made"}',
    ],
)  # fmt: skip
def test_what_is_no_secret_stays_byte_for_byte(message: bytes) -> None:
    assert hidden(message, is_first=False) == message


NUMBERS_AND_TEXTS = [("12345", True), ("1.5", True), ('"SECRET"', True), ("null", False), ("true", False), ("false", False)]


@pytest.mark.parametrize("around", ["{}", "[{}]", '{{"more": [[{}], []]}}'])
@pytest.mark.parametrize(("value", "is_hidden"), NUMBERS_AND_TEXTS)
def test_what_stands_under_the_name_of_a_secret_is_hidden_if_it_is_a_text_or_a_number(
    value: str, is_hidden: bool, around: str
) -> None:
    held = around.format(value)
    shown = orjson.loads(hidden(f'{{"password":{held},"id":7}}'.encode(), is_first=False) or b"")
    assert (value.strip('"') not in orjson.dumps(shown["password"]).decode()) == is_hidden
    assert is_hidden or shown["password"] == orjson.loads(held)
    assert shown["id"] == 7


def test_what_differs_is_hidden_differently_and_what_is_told_beside_it_stays_as_it_is_written() -> None:
    assert hidden(b'{"password":12345}') != hidden(b'{"password":54321}')
    shown = orjson.loads(hidden(b'{"password":"SECRET","inner":"{ \\"n\\" : 1.0 }","url":"set token=x"}') or b"")
    assert (shown["inner"], shown["url"]) == ('{ "n" : 1.0 }', "set token=x")
    text = b'no JSON: "topic": "\\u0041", "password": "SECRET"'
    assert (hidden(text) or b"").startswith(b'no JSON: "topic": "\\u0041", "password": "redacted:')


@pytest.mark.parametrize("message", [b'{"token":"a b"}', b'{"x":{"token":"a b"}}', b'no JSON: "token": "a b"'])
def test_what_may_be_a_secret_is_one_in_a_first_message(message: bytes) -> None:
    assert b"a b" not in (hidden(message) or b"")
    assert hidden(message, is_first=False) == message


@pytest.mark.parametrize("scheme", ["Bearer ", "basic  ", "DIGEST ", "Negotiate ", "token ", ""])
@pytest.mark.parametrize("message", ['{"password":"%s"}', '{"x":{"password":"%s"}}', 'no JSON: "password": "%s"'])
def test_of_credentials_the_scheme_stays(message: str, scheme: str) -> None:
    secrets = PayloadSecrets(SecretNames(), lambda value: "hidden")
    shown = secrets.hide((message % f"{scheme}abc").encode(), is_first=True)
    assert shown == (message % f"{scheme}hidden").encode()


def test_bytes_of_a_decoded_message_are_hidden_by_what_they_hold() -> None:
    secrets = PayloadSecrets(SecretNames(), lambda value: "hidden")
    for value, is_hidden in ((b"abcdefghijklmnopqrstuvwxyz", True), (b"a b", False), (b"", False)):
        document = {"token": value}
        shown = secrets.hide_in(document, is_first=False)
        assert (shown == {"token": b"hidden"}) is is_hidden
        assert is_hidden or shown is document


def test_a_number_is_no_token() -> None:
    """Its name may be that of a secret, and may be that of a count."""
    assert hidden(b'{"token":12345678901234567890,"auth":7}') == b'{"token":12345678901234567890,"auth":7}'


@pytest.mark.parametrize("nested", ['[' * 2000 + '{"password":"SECRET"}' + ']' * 2000, '{"a":' * 1100 + '[0]' + '}' * 1100])
def test_messages_that_are_nested_deeper_than_anybody_reads_do_no_harm(nested: str) -> None:
    shown = hidden(nested.encode())
    assert shown is None or b"SECRET" not in shown


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_in_decoded_messages_a_secret_is_looked_for_as_deep_as_people_nest(opening: str) -> None:
    """What a decoder gives may be nested deeper than Python recurses."""
    secrets = PayloadSecrets(SecretNames(), lambda value: "hidden")
    for depth, is_hidden in ((1, True), (90, True), (3000, False)):
        document: Any = {"password": "SECRET"}
        for _ in range(depth):
            document = [document] if opening == "[" else {"a": document}
        shown = secrets.hide_in(document, is_first=True)
        assert (shown is not document) == is_hidden


def test_what_names_a_secret_surely_is_hidden_in_every_message() -> None:
    for message in (b'{"password":"SECRET"}', b'{"a":[{"access_token":"SECRET"}]}', f'{{"x":"{SIGNED}"}}'.encode()):
        shown = hidden(message, is_first=False)
        assert shown is not None
        assert b"SECRET" not in shown and SIGNED.encode() not in shown
    assert b"aaaaaaaaaaaaaaaaaaaa" not in (hidden(b'{"token":"aaaaaaaaaaaaaaaaaaaa"}', is_first=False) or b"")


def test_bytes_with_a_secret_are_withheld() -> None:
    assert hidden(b"\x82\xa5token\xd9" + SIGNED.encode()) is None
    assert hidden(b"\x82\xa8password\xd9\xffSECRET") is None
    assert hidden(b"\x82\xa4type\xa5audio\xff") == b"\x82\xa4type\xa5audio\xff"


def test_names_and_shapes_can_be_added() -> None:
    redactor = Redactor(b"k", ["auto", "name:x-acme-*", "name:tenant", r"shape:acme_[0-9a-f]{8}"])
    assert "SECRET" not in kept("/ws?tenant=SECRET", (("X-Acme-Id", "SECRET"), ("X-Other", "see acme_0123abcd")), redactor)
    assert "acme_0123" not in kept("/ws/acme_0123abcd", (("X-Other", "see acme_0123abcd or acme_00000000"),), redactor)
    assert b"SECRET" not in (hidden(b'{"Tenant":"SECRET"}', redactor, is_first=False) or b"")
    assert not Redactor(b"k", ["name:x"]).hides_payloads


def test_what_is_added_may_hold_colons() -> None:
    added = SecretNames.parse(["name:x:acme-*", "shape:acme:[0-9]{8}"])
    assert (added.is_header("x:acme-1"), added.is_header("acme-1")) == (True, False)


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ("password", "paths begin with"), ("name:*", "names everything"), ("name:", "names every"), ("shape:", "matches every"),
        ("shape:a*", "matches everything"), ("shape:(", "not a regular expression"), ("shape:(a)\\1", "backreferences"),
        ("$.a[", "not a singular JSON path"), ("Auto", "does not say what to hide"),
    ],
)  # fmt: skip
def test_what_says_nothing_of_what_to_hide_is_refused(item: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Redactor(b"k", [item])


def test_half_a_character_is_hidden_as_others_are() -> None:
    """JSON may hold one half of a surrogate pair, which is no UTF-8."""
    redactor = Redactor(b"k", ["$.\ud83d", "shape:acme_[0-9]+"])
    assert redactor.value("\ud83d").startswith("redacted:") and redactor.value("\ud83d") != redactor.value("\ud83e")
    assert redactor.secret_names.replace_shapes("\ud83d acme_7 \ud83d", lambda secret: "?") == "\ud83d ? \ud83d"


@pytest.mark.parametrize(
    "text",
    ['"a":' * 20_000, '{"a":"' + "\\" * 40_000, "[" * 40_000, '"' * 40_001, "a:" * 20_000, "eyJ" * 20_000, "sk-" * 20_000,
     "eyJaaaa." * 9_000, "jwt-" * 20_000, "://" * 20_000, "&" * 60_000, "a=" * 30_000],
)  # fmt: skip
def test_no_message_and_no_header_takes_long(text: str) -> None:
    began = time.process_time()
    hidden(text.encode())
    kept(f"/ws?{text}", (("Sec-WebSocket-Protocol", text), ("X-Any", text), ("Authorization", text)))
    identify(f"/ws?{text}", (("Sec-WebSocket-Protocol", text), ("X-Any", text), ("Cookie", text)), REDACTOR)
    assert time.process_time() - began < 5
