from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.decode.conftest import EXAMPLES
from wsreplay.contract import load
from wsreplay.contract.model import Contract
from wsreplay.errors import UsageError, WsreplayError
from wsreplay.model import Ending, Message
from wsreplay.replay.mutate import KINDS, EventFault, mutate
from wsreplay.replay.player import Pace
from wsreplay.replay.server import ReplayServer, ServerOptions
from wsreplay.store.reader import Recording
from wsreplay.testing.client import ChatClient
from wsreplay.validator.judge import judge

Record = Callable[[str], Awaitable[Path]]
Write = Callable[..., Path]


def mutated(path: Path, contract: Contract, *faults: str, seed: int = 0) -> tuple[list[Message], list[str], Path]:
    """The events of the mutated recording, the rules it violates beside those of the original, and where it is."""
    out = path.with_name(f"{len(list(path.parent.iterdir()))}.db")
    with Recording.open(path) as recording:
        mutate(recording, [EventFault.parse(fault) for fault in faults], out, contract, seed)
        before = {finding.rule for finding in judge(recording, contract).findings}
    with Recording.open(out) as recording:
        violated = sorted({finding.rule for finding in judge(recording, contract).findings} - before)
        assert [fault.kind for fault in recording.faults()] == [fault.partition(":")[0] for fault in faults]
        assert [frame.seq for frame in recording.frames()] == list(range(1, recording.last_id() + 1))
        return [one for one in recording.messages() if one.type or one.opcode < 8], violated, out


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("drop:tool_completed,nth=1", "tool"),
        ("duplicate:partial_result", "event-id"),
        ("delay:s2c:agent_started,by=2s", "run"),
        ("reorder:agent_started", "run"),
        ("readdress:tool_completed,key=tool,to=nobody", "tool"),
        ("corrupt:partial_result", "json"),
        ("truncate:partial_result,keep=9", "json"),
        ("end:agent_thinking", "reconnect"),
        ("end:agent_thinking,code=1011", "run"),
    ],
)
async def test_each_fault_is_what_it_says_and_is_noticed(record: Record, contract: Contract, fault: str, rule: str) -> None:
    path = await record("healthy")
    messages, violated, _ = mutated(path, contract, fault)
    types = [one.type for one in messages]
    with Recording.open(path) as recording:
        before = [one.type for one in recording.messages() if one.opcode < 8]
    if fault.startswith("drop"):
        assert types == [kind for kind in before if kind != "tool_completed"]
    elif fault.startswith("duplicate"):
        assert types.count("partial_result") == 2
    elif fault.startswith("end"):
        assert types[-1] == "agent_thinking"
    else:
        assert len(types) in (len(before), len(before) - 1)
    # A run that was cut is an account, not a finding: there it is enough that the contract sees the drop or the cut.
    assert rule in violated or fault.startswith("end")


def test_what_is_nested_too_deep_to_be_written_is_readdressed_too(write: Write, contract: Contract, tmp_path: Path) -> None:
    deep = b'{"type":"x","v":1,"w":' + b"[" * 400 + b"]" * 400 + b"}"
    path = write("deep.db", [(1, "s2c", deep), (2, "s2c", {"type": "x", "v": 1})])
    with Recording.open(path) as recording:
        done = mutate(recording, [EventFault.parse("readdress:x,key=$.v,to=nobody")], tmp_path / "out.db", contract)
    assert [one.detail for one in done] == ["readdress:x,key=$.v,to=nobody: 1 became nobody"] * 2


async def test_a_delay_lets_others_overtake(record: Record, contract: Contract) -> None:
    path = await record("healthy")
    messages, _, _ = mutated(path, contract, "delay:agent_thinking,by=8ms")
    assert [one.t_ns for one in messages] == sorted(one.t_ns for one in messages)


async def test_an_end_with_a_code_is_a_clean_close_and_without_one_a_drop(record: Record, contract: Contract) -> None:
    path = await record("healthy")
    for option, ending, code in (("", Ending.DROPPED, None), (",code=1011", Ending.CLEAN, 1011)):
        _, _, out = mutated(path, contract, f"end:agent_started{option}")
        with Recording.open(out) as recording:
            (connection,) = recording.connections()
        assert (connection.ending, connection.close_code, connection.closed_by) == (ending, code, "server")


async def test_a_client_sees_what_it_never_saw(record: Record, contract: Contract) -> None:
    path = await record("healthy")
    _, _, out = mutated(path, contract, "drop:tool_completed", "truncate:partial_result,keep=5")
    async with (
        ReplayServer(out, contract, ServerOptions(pace=Pace(float("inf")))) as server,
        ChatClient(f"{server.url}/ws") as client,
    ):
        await client.send({"type": "chat", "thread_id": "mine"})
        await client.wait_for("final_report")
    assert "tool_completed" not in client.types()
    assert '{"typ' in [one.raw for one in client.received]


async def test_chance_is_the_seeds(record: Record, contract: Contract) -> None:
    path = await record("parallel-tools")

    def left(seed: int) -> bytes:
        out = path.with_name(f"{seed}-{len(list(path.parent.iterdir()))}.db")
        with Recording.open(path) as recording:
            mutate(recording, [EventFault.parse("drop:s2c:*,p=0.5")], out, contract, seed)
        with Recording.open(out) as recording:
            return orjson.dumps([one.type for one in recording.messages()])

    assert left(1) == left(1)
    assert len({left(seed) for seed in range(6)}) > 1


async def test_a_fault_for_which_there_is_no_event(record: Record, contract: Contract, tmp_path: Path) -> None:
    path = await record("healthy")
    with Recording.open(path) as recording, pytest.raises(UsageError, match="has no event for it"):
        mutate(recording, [EventFault.parse("drop:nothing_like_it")], tmp_path / "out.db", contract)
    assert not (tmp_path / "out.db").exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("lose:x", "unknown fault 'lose'"), ("drop", "write it like drop:tool_completed"), ("delay:x", "delay needs by="),
        ("drop:x,by=1s", "unknown option"), ("readdress:x,key=$.a[*]", "not a singular JSON path"),
        ("drop:x,nth=0", "nth counts from 1"),
        ("end:x,code=7", "from 1000 to 4999"), ("delay:x,by=soon", "not a duration"),
    ],
)  # fmt: skip
def test_a_bad_specification_says_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint.replace("[", "\\[")):
        EventFault.parse(text)


NAMES = st.sampled_from(["nth", "p", "by", "key", "code"])


SPECS = st.builds("{}:{},{}={}".format, st.sampled_from(KINDS), st.text(max_size=5), NAMES, st.text(max_size=6))


@given(SPECS | st.text(max_size=30))
def test_any_text_is_a_fault_or_an_error(text: str) -> None:
    try:
        EventFault.parse(text)
    except WsreplayError:
        pass


@pytest.mark.parametrize(
    ("decoder", "pattern"),
    [
        ("actioncable", "speak"), ("graphql", "subscribe"), ("json", "chat"), ("json-rpc", "initialize:result"),
        ("jupyter", "execute_reply"), ("msgpack", "chat"), ("phoenix", "*"), ("signalr", "*"), ("socket.io", "*"),
        ("sockjs", "*"), ("stomp", "*"),
    ],
)  # fmt: skip
def test_events_of_other_protocols_are_found_by_their_types(write: Write, decoder: str, pattern: str, tmp_path: Path) -> None:
    lines = [(at, ("c2s", "s2c")[way], payload, opcode) for at, (way, opcode, payload) in enumerate(EXAMPLES[decoder])]
    with Recording.open(write("a.db", lines)) as recording:
        contract = load("none").read_by(decoder)
        done = mutate(recording, [EventFault.parse(f"drop:{pattern},nth=1")], tmp_path / "out.db", contract)
        before = recording.last_id()
    with Recording.open(tmp_path / "out.db") as recording:
        assert len(done) == 1 and recording.last_id() == before - 1


def test_a_value_inside_another_protocol_is_another(write: Write, contract: Contract, tmp_path: Path) -> None:
    lines = [(1, "s2c", b'42["agent_started",{"thread_id":"t1"}]'), (2, "s2c", b'42["tool_executing",{"tool_call_id":"c1"}]')]
    with Recording.open(write("a.db", lines)) as recording:
        mutate(recording, [EventFault.parse("readdress:tool_executing,key=tool,to=c9")], tmp_path / "out.db", contract)
    with Recording.open(tmp_path / "out.db") as recording:
        assert [frame.payload for frame in recording.frames()] == [lines[0][2], b'42["tool_executing",{"tool_call_id":"c9"}]']
