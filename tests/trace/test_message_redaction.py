"""Secrets are hidden inside the messages of other protocols, or the message is withheld."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.decode.conftest import EXAMPLES, message_pack
from wsreplay.decode import BINARY, TEXT, RawMessage, get_decoder
from wsreplay.trace.message_redaction import MessageRedactor
from wsreplay.trace.redaction import Redactor

SECRET = "s3cret-of-alice"


def hidden(payload: str | bytes, *fields: str, path: str = "/ws", subprotocol: str | None = None) -> bytes | None:
    messages = MessageRedactor(Redactor(b"k", fields), path, subprotocol)
    raw = payload.encode() if isinstance(payload, str) else payload
    return messages.hide(RawMessage(0, TEXT if isinstance(payload, str) else BINARY, raw))


FIELDS = [
    ('42["login",{"password":"%s"}]', "$.password"),
    ('40/admin,{"token":"%s"}', "$.token"),
    ('4212["login","bob","%s"]', "$[1]"),
    ('{"jsonrpc":"2.0","id":1,"method":"login","params":{"password":"%s"}}', "$.params.password"),
    ('[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","method":"login","params":{"password":"%s"}}]', "$.params.password"),
    ('[{"type":"a"},{"type":"login","password":"%s"}]', "$.password"),
    ('{"type":"a"}\n{"type":"login","password":"%s"}\n', "$.password"),
    ('["1","1","room","phx_join",{"token":"%s"}]', "$[4].token"),
    ('{"command":"message","identifier":"{}","data":"{\\"password\\":\\"%s\\"}"}', "$.data.password"),
    ('{"protocol":"json","version":1}\x1e{"type":1,"target":"login","arguments":["%s"]}\x1e', "$.arguments[0]"),
    ('["{\\"type\\":\\"login\\",\\"password\\":\\"%s\\"}"]', "$.password"),
    ("CONNECT\nlogin:alice\npasscode:%s\n\n\x00", "$.headers.passcode"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "field"), FIELDS)
def test_a_field_is_hidden_where_the_decoder_sees_it(text: str, field: str) -> None:
    messages = MessageRedactor(Redactor(b"k", [field]))
    if text.startswith('["{'):
        assert messages.hide(RawMessage(1, TEXT, b"o")) == b"o"
    shown = messages.hide(RawMessage(0, TEXT, (text % SECRET).encode()))
    assert shown is not None and SECRET.encode() not in shown and b"redacted:" in shown
    assert MessageRedactor(Redactor(b"k", [field])).hide(RawMessage(0, TEXT, (text % "x").encode())) is not None


def test_a_field_of_bytes_is_hidden_and_they_are_encoded_again() -> None:
    shown = hidden(msgspec.msgpack.encode({"type": "login", "password": SECRET, "raw": b"\x00"}), "$.password")
    assert shown is not None
    document = msgspec.msgpack.decode(shown)
    assert document["password"].startswith("redacted:") and document["raw"] == b"\x00"
    assert hidden(msgspec.msgpack.encode({"type": "login", "password": SECRET.encode()}), "$.password") is None


WITHHELD: list[Any] = [
    (b"\x00\x01 an attachment", {}), ("no protocol that anybody knows", {}),
    (message_pack([1, {}, None, "login", [{"password": SECRET}], []]), {"subprotocol": None}),
]  # fmt: skip


@pytest.mark.parametrize(("payload", "how"), WITHHELD)
def test_what_cannot_be_read_or_not_be_written_again_is_withheld(payload: str | bytes, how: dict[str, Any]) -> None:
    assert hidden(payload, "$.arguments[0].password", **how) is None


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_messages_without_the_field_stay_byte_for_byte(name: str) -> None:
    messages = MessageRedactor(Redactor(b"k", ["$.no.such.field"]))
    decoder = get_decoder(name)
    for message in EXAMPLES[name]:
        is_readable = bool(decoder.parse(*message)) and b"\\" not in message.payload
        shown = messages.hide(message)
        assert shown == message.payload or not is_readable


def test_heartbeats_are_kept() -> None:
    messages = MessageRedactor(Redactor(b"k", ["$.password"]), "/socket.io/?EIO=4")
    said = [b'0{"sid":"x"}', b"2", b"40"]
    assert [messages.hide(RawMessage(1, TEXT, payload)) for payload in said] == said


def test_auto_reads_bytes_too() -> None:
    shown = hidden(msgspec.msgpack.encode({"type": "login", "password": SECRET, "raw": b"\xff"}), "auto")
    assert shown is not None and SECRET.encode() not in shown
    assert msgspec.msgpack.decode(shown)["raw"] == b"\xff"
    plain = msgspec.msgpack.encode({"type": "said", "text": "hello", "raw": b"\xff"})
    assert hidden(plain, "auto") == plain


def test_a_message_whose_bytes_look_like_a_secret_where_no_text_does_is_withheld() -> None:
    key = "sk-proj-abcdefghijklmnop1234"
    assert hidden(msgspec.msgpack.encode({"type": "said", key: b"\xff"}), "auto") is None
    shown = hidden(msgspec.msgpack.encode({"type": "said", "text": key, "raw": b"\xff"}), "auto")
    assert shown is not None and key.encode() not in shown


@pytest.mark.parametrize("secret", [b"sk-proj-abcdefghijklmnop1234" * 2, b"\xffsk-proj-abcdefghijklmnop1234\xff"])
def test_auto_looks_into_bytes(secret: bytes) -> None:
    """The byte before them, which says how long they are, may be a digit or a letter."""
    for document in ({"type": "said", "raw": secret}, {"type": "login", "password": b"\xff" + secret}):
        shown = hidden(msgspec.msgpack.encode(document), "auto")
        assert shown is not None and b"sk-proj" not in shown and b"redacted:" in shown
    kept = {"type": "login", "raw": b"\xff" * 40, "password": b""}
    assert hidden(msgspec.msgpack.encode(kept), "auto") == msgspec.msgpack.encode(kept)


def test_a_secret_named_twice_is_hidden_twice() -> None:
    text = f'42["login",{{"password":"{SECRET}","password":"x"}}]'
    assert SECRET.encode() not in (hidden(text, "$.password") or b"")
