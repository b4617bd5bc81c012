"""A session of another protocol reads like one of plain JSON: rows, detail, filter, the events of one frame."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsreplay.tui.recording.extra_rows import EventRow

MAPPED = """
contract: mine
extends: agent-chat
map: {type: $.event, events: {agent.start: agent_started, agent.done: agent_completed}}
"""


@pytest.fixture
def rpc(script) -> Path:
    made = script("rpc.db")
    made.open(1, 0, closed_ns=10**9)
    for at, direction, payload in (
        (1, 0, '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"who":"a client"}}'),
        (2, 1, '{"jsonrpc":"2.0","id":1,"result":{"name":"a server"}}'),
        (3, 1, '[{"jsonrpc":"2.0","method":"log","params":{"n":1}},{"jsonrpc":"2.0","method":"progress","params":{"n":2}}]'),
    ):
        made.say(1, at, direction, raw=payload.encode())
    return made.write(1_000)


@pytest.fixture
def product(script) -> Path:
    made = script("product.db")
    made.open(1, 0, closed_ns=10**9)
    made.say(1, 1, 1, raw=b'{"event":"agent.start","data":{"thread_id":"t"}}')
    made.say(1, 2, 1, raw=b'{"event":"agent.done","data":{"thread_id":"t"}}')
    return made.write(1_000)


async def test_rows_and_detail_say_what_an_answer_answers(stage, rpc):
    async with stage(rpc) as on:
        text = on.text()
        assert "json-rpc (guessed)" in text and "initialize:result" in text and "log ×2" in text
        await on.press("j")
        detail = on.app.screen.detail
        assert "initialize:result  #1  answers frame 1" in detail.text and '"name": "a server"' in detail.text
        await on.press("tab")
        assert detail.text.startswith('{"jsonrpc":"2.0","id":1,"result"')
        await on.press("tab", "tab")
        assert "read by json-rpc (guessed): its first messages" in " ".join(detail.text.split())


@pytest.mark.parametrize(
    ("asked", "frames"), [("type:initialize:result", [2]), ("type:progress", [3]), ("$.params.n=2", [3]), ('"client"', [1])]
)
async def test_a_filter_means_what_the_decoder_says(stage, rpc, asked, frames):
    async with stage(rpc) as on:
        on.app.screen.search.filter(asked)
        await on.settle()
        assert list(on.app.screen.rows.view.ids) == frames


async def test_a_frame_with_several_events_is_unfolded_and_folded_again(stage, rpc):
    async with stage(rpc, width=160) as on:
        await on.press("G", "u")
        view = on.app.screen.rows.view
        assert [type(view.row(row)) is EventRow for row in range(len(view))] == [False, False, False, True, True]
        assert "log ×2" in on.text() and ".2" in on.text()
        await on.press("j", "j")
        detail = on.app.screen.detail
        assert detail.text.startswith("progress") and '"n": 2' in detail.text and '"n": 1' not in detail.text
        await on.press("tab")
        assert detail.text.startswith('[{"jsonrpc"')  # as it was sent
        on.app.screen.search.filter("type:progress")
        await on.settle()
        view = on.app.screen.rows.view
        assert view.row(1).event.name == "progress" and len(view) == 2
        await on.press("u")
        assert len(on.app.screen.rows.view) == 1


async def test_a_frame_of_one_event_has_nothing_to_unfold(stage, rpc):
    async with stage(rpc) as on:
        await on.press("u")
        assert "nothing to unfold" in on.text() and len(on.app.screen.rows.view) == 3


async def test_the_product_s_names_stand_with_the_contract_s_beside_them(stage, product, tmp_path):
    contract = tmp_path / "mine.yaml"
    contract.write_text(MAPPED)
    async with stage(product, width=160, contracts=(str(contract),), validating=True) as on:
        await on.until(lambda: "(agent_started)" in on.text())
        assert "agent.start" in on.text()
        await on.press("G")
        assert "agent.done  (agent_completed)" in on.app.screen.detail.text
        on.app.screen.search.filter("type:agent.done")
        await on.settle()
        assert list(on.app.screen.rows.view.ids) == [2]


async def test_the_user_names_the_decoder(stage, script):
    made = script("a.db")
    made.open(1, 0, closed_ns=10**9)
    made.say(1, 1, 1, raw=b'42["chat",{"n":1}]')
    path = made.write(1_000)
    async with stage(path, decoder="json") as on:
        assert on.app.screen.rows.view.row(0).type is None
    async with stage(path, decoder="socket.io") as on:
        assert on.app.screen.rows.view.row(0).type == "chat" and "socket.io" in on.text()


async def test_bytes_that_nothing_reads_are_hex_in_the_first_pane_too(stage, script):
    made = script("bytes.db")
    made.open(1, 0, closed_ns=10**9)
    made.say(1, 1, 1, raw=b"\x90\x01hello", opcode=2)
    async with stage(made.write(1_000)) as on:
        assert "90 01 68 65 6c 6c 6f" in on.app.screen.detail.text and "..hello" in on.app.screen.detail.text


async def test_what_comes_while_it_is_recorded_is_linked_too(stage, live_chat):
    async with stage(live_chat.path, decoder="json-rpc") as on:
        live_chat.say_raw(0, b'{"jsonrpc":"2.0","id":5,"method":"list"}')
        await on.until(lambda: "list" in on.text())
        live_chat.say_raw(1, b'{"jsonrpc":"2.0","id":5,"result":[]}')
        await on.until(lambda: "list:result" in on.text())
