"""What an exported test waits for: a backend that was mended passes it, one that was not still fails."""

from __future__ import annotations

import asyncio
import json
import re
import runpy
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from wsreplay.contract import load
from wsreplay.contract.decoding import messages_of
from wsreplay.contract.runs import runs_of
from wsreplay.formats import as_pytest
from wsreplay.formats.client_turns import ClientSide, ClientTurn, Heard
from wsreplay.formats.waits import Wait, seconds_within, waits_of
from wsreplay.model import Connection
from wsreplay.store.reader import Recording
from wsreplay.testing import ChatClient
from wsreplay.testing.cassette import PlayedTap
from wsreplay.testing.client import reset
from wsreplay.testing.tap import Tap
from wsreplay.trace.run_types import RunTypes
from wsreplay.trace.sessions import stitch
from wsreplay.units import SECOND

CONTRACT = """
contract: shop
extends: agent-chat
map:
  type: $.op
  seq: $.s
  events: {begin: agent_started, open: tool_executing, shut: tool_completed, word: partial_result, end: agent_completed}
  fields: {thread_id: $.chat, run_id: $.job, tool_call_id: $.call}
rules:
  - {id: started-and-thought, enabled: false}
  - {id: think-before-tools, enabled: false}
known: [hello, welcome, "c2s:*"]
"""
HEALTHY = ("begin", "open", "shut", "word", "end")
BEFORE_THE_END_S = 0.2
Say = Callable[[ServerConnection], Awaitable[None]]


def backend_that_says(ops: tuple[str, ...], ending: str = "") -> Say:
    """Welcomes, and answers each question with these events; `twice` says the one before it again, as it was."""

    async def answer(socket: ServerConnection) -> None:
        number, said = 0, ""
        async for message in socket:
            for op in ("welcome",) if json.loads(message)["op"] == "hello" else ops:
                if op == "end":
                    await asyncio.sleep(BEFORE_THE_END_S)
                if op != "twice":
                    number += 1
                    said = json.dumps({"op": op, "s": number, "chat": "c", "job": "j", "call": "k", "text": "well"})
                await socket.send(said)
            if "hello" not in str(message):
                if ending == "drop":
                    reset(socket)
                elif ending:
                    await socket.close(int(ending))

    return answer


async def ask(url: str, ends: tuple[str, ...]) -> None:
    """The client that is recorded: it goes when all has come that this backend says."""
    async with ChatClient(url) as client:
        await client.send({"op": "hello"})
        await client.receive()
        await client.send({"op": "ask", "chat": "c", "text": "how are you?"})
        for _ in ends:
            await client.receive()
        if not client.connected or ends[-1:] == ("word",):
            await client.wait_closed(0.2, default=None)


async def through(tap: Tap, talk: Callable[[Tap], Awaitable[None]]) -> None:
    async with tap:
        await talk(tap)


def talk_of(test: Path, *, patience: float, tail: float) -> Callable[[Tap], Awaitable[None]]:
    """What the client of a written test does, with other timeouts."""
    text = test.read_text().replace("timeout=10", f"timeout={patience}")
    hasty = test.with_name("hasty.py")
    hasty.write_text(re.sub(r"\b\d+, default=None", f"{tail}, default=None", text))
    talk: Callable[[Tap], Awaitable[None]] = runpy.run_path(str(hasty))["talk"]
    return talk


@pytest.mark.parametrize(
    ("ops", "ending", "found"),
    [
        pytest.param(("begin", "open", "word", "end"), "", "shut or tool_error never came", id="missing-tool-end"),
        pytest.param(("begin", "open", "shut", "word"), "", "end, error_event or agent_error never came", id="missing-run-end"),
        pytest.param(("begin", "open", "shut", "word", "twice", "end"), "", "came twice", id="duplicate"),
        pytest.param(("begin", "open", "shut", "word", "end", "twice"), "", "came twice", id="duplicate-end"),
        pytest.param(("begin", "open", "shut", "word"), "1011", "closed by the server", id="crash"),
        pytest.param(("begin", "open", "shut", "word"), "drop", "never came", id="drop"),
        pytest.param(("begin", "open", "shut", "end", "word"), "", "word", id="wrong-order"),
    ],
)
async def test_what_was_mended_passes_and_what_was_not_fails(
    tmp_path: Path, ops: tuple[str, ...], ending: str, found: str
) -> None:
    (tmp_path / "shop.yaml").write_text(CONTRACT)
    contract = load(str(tmp_path / "shop.yaml"))
    bad, out = tmp_path / "bad.db", tmp_path / "test_written.py"
    async with serve(backend_that_says(ops, ending), "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/chat"
        await through(Tap(url, bad, contract=contract), lambda tap: ask(tap.url, ops))
    with Recording.open(bad) as recording:
        session = stitch(recording.connections())[0]
        reading = messages_of(recording, contract)
        as_pytest.write(recording, session, out, contract.file, reading=reading, runs=runs_of(contract))
    assert "range(" not in out.read_text()

    played = PlayedTap(tmp_path / "cassettes" / "written.db", url, tmp_path / "played.db", contract=contract)
    await through(played, talk_of(out, patience=30, tail=30))
    with pytest.raises(AssertionError, match=found):
        played.assert_valid()
    assert played.complaints() == []

    async with serve(backend_that_says(HEALTHY), "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/chat"
        mended = Tap(url, tmp_path / "mended.db", contract=contract)
        await through(mended, talk_of(out, patience=30, tail=0.01))
    mended.assert_valid()


RUNS = RunTypes(lambda direction, type_: type_ == "begin", lambda direction, type_: type_ == "end", ("end",))


def side(*stretches: str) -> ClientSide:
    """One whose client hears the words of each stretch, a second apart, and says something between them."""
    heard = [
        tuple(Heard(number * SECOND, None if word == "-" else word, hash((index, number)))
              for number, word in enumerate(words.split()))
        for index, words in enumerate(stretches)
    ]  # fmt: skip
    turns = tuple(ClientTurn(0, "x", words, "say") for words in heard[:-1])
    return ClientSide(Connection(1, 1, 0), turns, heard[-1], 0)


def run_ends(times: int) -> Wait:
    return Wait(None, times, run_end=True)


@pytest.mark.parametrize(
    ("stretches", "waits"),
    [
        (("",), [[]]),
        (("welcome", "begin a end"), [[Wait("welcome", 1)], [run_ends(1)]]),
        (("a b a",), [[Wait("a", 2)]]),
        (("a -",), [[Wait(None, 2)]]),
        # what comes behind the end
        (("begin end b b",), [[run_ends(1), Wait("b", 2, 2)]]),
        (("begin end end",), [[run_ends(1), Wait("end", 1, 2)]]),
        # two at once
        (("begin begin a end a end",), [[run_ends(2)]]),
        # the client says something while a run goes on
        (("begin ask", "a end"), [[Wait("ask", 1)], [run_ends(1)]]),
        (("begin ask", "a"), [[Wait("ask", 1)], [run_ends(1)]]),
        # it never ends, and the client asks on
        (("", "begin a", "begin a end"), [[], [run_ends(1)], [run_ends(1)]]),
        (("begin a",), [[run_ends(1)]]),
    ],
)
def test_the_ends_of_runs_are_waited_for_else_the_last_type(stretches: tuple[str, ...], waits: list[list[Wait]]) -> None:
    assert waits_of(side(*stretches), RUNS) == waits


def test_a_copy_of_a_message_begins_no_other_run() -> None:
    begin, end = Heard(0, "begin", 7), Heard(1, "end", 8)
    assert waits_of(ClientSide(Connection(1, 1, 0), (), (begin, begin, end), 2), RUNS) == [[run_ends(1)]]


def test_without_a_contract_the_last_type_is_waited_for() -> None:
    assert waits_of(side("begin a end")) == [[Wait("end", 1)]]


def test_what_follows_is_waited_for_a_second_longer_than_it_took() -> None:
    assert [seconds_within([0]), seconds_within([0, SECOND]), seconds_within([0, SECOND + 1])] == [1, 2, 3]
