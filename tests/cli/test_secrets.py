"""Secrets planted in every place: none is in any file, report, export, or on the console, and users are still told apart."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import WSREPLAY, run
from planted import MESSAGES, PLANTED, SIGNED

from wsreplay.store.reader import Recording
from wsreplay.wire.encode import accept_key, frame_bytes

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
SAYS = b'{"type":"session.created","client_secret":{"value":"SECRET_OF_SERVER"},"access_token":"SECRET_OF_SERVER"}'


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A backend: it chooses the second subprotocol, sets a cookie, tells a secret, and closes when the client does."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    fields = [line.partition(":") for line in head.split("\r\n")]
    offered = next((value for name, _, value in fields if name.lower() == "sec-websocket-protocol"), "")
    chosen = [name.strip() for name in offered.split(",")][1:2]
    lines = [
        "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept_key(KEY.encode()).decode()}", "Set-Cookie: sid=SECRET_OF_SERVER",
        "Location: /x?token=SECRET_OF_SERVER", *(f"Sec-WebSocket-Protocol: {name}" for name in chosen),
    ]  # fmt: skip
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + frame_bytes(1, SAYS, True, False))
    while await reader.read(65536):
        pass
    writer.write(frame_bytes(8, b"\x03\xe8", True, False))
    writer.close()


async def visit(port: int, path: str, headers: tuple[tuple[str, str], ...], messages: list[bytes]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [
        f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {KEY}", *(f"{name}: {value}" for name, value in headers),
    ]  # fmt: skip
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    assert (await reader.readline()).startswith(b"HTTP/1.1 101")
    for number, message in enumerate(messages):
        try:
            message.decode()
            opcode = 1 + number % 2
        except UnicodeDecodeError:
            opcode = 2
        half = len(message) // 2
        writer.write(frame_bytes(opcode, message[:half], False, True) + frame_bytes(0, message[half:], True, True))
    writer.write(frame_bytes(8, b"\x03\xe8", True, True))
    writer.write_eof()
    await reader.read()
    writer.close()


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, bytes]]]:
    """A recording of all of them, and by name all that commands make of it."""
    folder = tmp_path_factory.mktemp("secrets")
    made: dict[str, bytes] = {}

    async def play() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as backend:
            upstream = f"ws://SECRETuser:SECRETword@127.0.0.1:{backend.sockets[0].getsockname()[1]}"
            program = await asyncio.create_subprocess_exec(
                *WSREPLAY, "record", upstream, "-l", "127.0.0.1:0", "-o", "a.db", "--redact", "auto",
                "-H", "X-Own: SECRET_OWN", cwd=folder, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            assert program.stderr is not None
            said = b""
            while line := await program.stderr.readline():
                said += line
                if b"Ctrl-C stops" in line:
                    break
            listens = re.search(rb"recording ws://127\.0\.0\.1:(\d+)", said)
            assert listens, said
            port = int(listens[1])
            for path, headers in PLANTED:
                await visit(port, path, headers, [])
            for message in [*MESSAGES, b"\x82\xa5token\xd9\xff" + SIGNED.encode()]:
                await visit(port, "/chat", (), [message])
            for token in ("SECRET_ALICE", "SECRET_BOB", "SECRET_ALICE"):
                said_first = [b'{"type":"auth","token":"%s"}' % token.encode()]
                await visit(port, f"/who?token={token}", (("Cookie", f"session={token}"),), said_first)
            program.terminate()
            made["console"] = said + await program.stderr.read()
            await program.wait()

    asyncio.run(play())
    forms = ("text", "json", "junit", "sarif", "github", "html", "markdown")
    for name, command in {
        "jsonl": ["export", "a.db"], "har": ["export", "a.db", "-f", "har"], "show": ["show", "a.db"],
        "raw": ["show", "a.db", "--raw"],
        "ls": ["ls", "a.db"], "stats": ["stats", "a.db"], "cut": ["cut", "a.db", "1", "-o", "cut.db"],
        **{form: ["validate", "a.db", "-c", "agent-chat", "-f", form] for form in forms},
    }.items():  # fmt: skip
        done = run(*command, cwd=folder)
        assert done.code in (0, 1, 3), done.err
        made[name] = (done.out + done.err).encode()
        assert made[name]
    made |= {file.name: file.read_bytes() for file in folder.iterdir()}
    yield folder, made


def test_no_secret_is_in_any_output(outputs: tuple[Path, dict[str, bytes]]) -> None:
    in_base64 = [b"U0VDUkVU", b"TRUNSRVQ", b"RUNSRVR"]  # the word, from each of the three places where base64 may begin
    planted = [b"SECRET", *in_base64, *(part.encode() for part in SIGNED.split(".")[1:])]
    found = {name: secret for name, content in outputs[1].items() for secret in planted if secret in content}
    assert found == {}
    assert len(PLANTED) + len(MESSAGES) > 80
    assert {"a.db", "cut.db", "console", "har", "html"} <= set(outputs[1])


def test_users_are_still_told_apart(outputs: tuple[Path, dict[str, bytes]]) -> None:
    with Recording.open(outputs[0] / "a.db") as recording:
        alice, bob, again = (one for one in recording.connections() if one.path.startswith("/who"))
        assert alice.path == again.path != bob.path
        assert alice.user == again.user != bob.user
        messages = recording.messages(connections=[alice.id, bob.id])
        said = [json.loads(one.payload)["token"] for one in messages if one.type == "auth"]
    assert said[0].startswith("redacted:") and said[0] != said[1]
    assert said[0] in alice.path, "one secret has one pseudonym, wherever it stands"


def test_what_is_no_secret_is_all_there(outputs: tuple[Path, dict[str, bytes]]) -> None:
    with Recording.open(outputs[0] / "a.db") as recording:
        assert len(recording.connections()) == len(PLANTED) + len(MESSAGES) + 4
        assert [gap.reason for gap in recording.gaps()] == ["withheld: it cannot be redacted"]
    assert run("validate", outputs[0] / "a.db", "-c", "agent-chat").code in (0, 1, 3)


@pytest.mark.parametrize("command", ["import", "cut"])
def test_import_and_cut_hide_what_they_are_told(command: str, tmp_path: Path) -> None:
    lines = [{"wsreplay": 1}, {"connection": 1, "t": 0, "open": {"path": "/ws"}}]
    for number, message in enumerate((b'{"type":"auth","token":"SECRET"}', b'{"acme":"SECRET","n":1}')):
        half = base64.b64encode(message[:9]).decode(), base64.b64encode(message[9:]).decode()
        lines += [{"connection": 1, "t": number, "dir": "c2s", "opcode": "text", "base64": half[0], "fin": False},
                  {"connection": 1, "t": number, "dir": "c2s", "opcode": "continuation", "base64": half[1]}]  # fmt: skip
    tail = {"offset": 999, "base64": base64.b64encode(b"SECRET").decode()}
    lines.append({"connection": 1, "t": 3, "dir": "c2s", "tail": tail})
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    hide = ("--redact", "auto", "--redact", "name:acme")
    if command == "cut":
        assert run("import", tmp_path / "a.jsonl", "-o", tmp_path / "whole.db").code == 0
        assert b"SECRET" in (tmp_path / "whole.db").read_bytes()
        assert run("cut", tmp_path / "whole.db", "1", "-o", tmp_path / "a.db", *hide).code == 0
    else:
        assert run("import", tmp_path / "a.jsonl", "-o", tmp_path / "a.db", *hide).code == 0
    assert b"SECRET" not in (tmp_path / "a.db").read_bytes()
    with Recording.open(tmp_path / "a.db") as recording:
        first, second = (json.loads(one.payload) for one in recording.messages())
        assert first["token"] == second["acme"] and second["n"] == 1
