"""Messages that are not one JSON object with a type: each event of theirs is judged as if it had come by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from judged_traces import Trace, of, said

from tests.decode.conftest import EXAMPLES
from wsreplay.contract import Contract, load, loads
from wsreplay.decode import Role, get_decoder
from wsreplay.model import Connection, Opcode, lane_of
from wsreplay.trace.stream import Opened
from wsreplay.validator import Engine, Severity, Verdict

KEYS = {"thread_id": "t1", "run_id": "r1"}
TOOL = {**KEYS, "tool_call_id": "c1", "tool_name": "search"}
RUN: list[dict[str, Any]] = [
    {"type": "agent_started", **KEYS},
    {"type": "agent_thinking", **KEYS},
    {"type": "tool_executing", **TOOL},
    {"type": "tool_completed", **TOOL},
    {"type": "agent_completed", **KEYS},
]


def asked() -> Trace:
    return Trace().open().c2s("chat", thread_id="t1")


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def as_one_array(trace: Trace) -> Trace:
    return trace.raw(dumped(RUN))


def as_lines(trace: Trace) -> Trace:
    return trace.raw(b"\n".join(map(dumped, RUN)))


def as_binary(trace: Trace) -> Trace:
    for event in RUN:
        trace.raw(dumped(event), opcode=2)
    return trace


def as_binary_array(trace: Trace) -> Trace:
    return trace.raw(dumped(RUN), opcode=2)


@pytest.mark.parametrize("send", [as_one_array, as_lines, as_binary, as_binary_array])
def test_a_run_is_judged_alike_however_its_events_are_packed(send: Any) -> None:
    judgement = send(asked()).close().judge()
    assert (judgement.verdict, judgement.events, judgement.findings) == (Verdict.SATISFIED, 6, ())
    assert judgement.run_counts == {"completed": 1}


def test_arrays_of_one_and_of_more_may_come_in_any_order() -> None:
    """A lane takes arrays of one once one came; single objects and longer arrays are still read."""
    packs: list[Any] = [RUN[:1], RUN[1], RUN[2:3], RUN[3:5]] * 3
    events = [event for pack in packs for event in (pack if isinstance(pack, list) else [pack])]
    for opcode in (1, 2):
        trace, plain = asked(), asked()
        for number, pack in enumerate(packs):
            text = json.dumps(pack).replace("r1", f"r{number // 4}")
            trace.raw(text.encode(), opcode=opcode)
        for number, event in enumerate(events):
            plain.raw(json.dumps(event).replace("r1", f"r{number // 5}").encode())
        judgement, other = trace.close().judge(), plain.close().judge()
        assert (judgement.events, judgement.run_counts) == (other.events, other.run_counts) == (16, {"completed": 3})
        assert (judgement.verdict, said(judgement)) == (other.verdict, said(other))


@pytest.mark.parametrize(
    "broken",
    [b'[{"type":"a"}x', b'[{"type":"a"}}', b'[{"type":"a"},]', b'[{"type":"a"} {"type":"a"}]', b'[{"type":"a","x":"\xff"}]'],
)
def test_what_is_almost_an_array_is_not_json(broken: bytes) -> None:
    contract = loads("contract: x\njson: {text: json}\nrules: [{id: r, absence: a}]\n")
    once, again = Trace().open().raw(broken).close(), Trace().open().raw(b'[{"type":"b"}]').raw(broken).close()
    for trace, events in ((once, 0), (again, 1)):
        judgement = trace.judge(contract)
        assert (judgement.events, len(of(judgement, "json")), of(judgement, "r")) == (events, 1, [])


@pytest.mark.parametrize("other", [b'{"a":1}', b"7", b'{"type":7}', b'{"type":true}', b'{"type":null}', b"[]"])
def test_a_list_in_which_anything_is_no_event_is_none(other: bytes) -> None:
    contract = loads("contract: x\nrules: [{id: r, absence: b}]\n")
    for payload in (b'[{"type":"b"},%b]' % other, b"[%b]" % other, b"[]"):
        judgement = Trace().open().raw(b'[{"type":"a"}]').raw(payload).close().judge(contract)
        assert (judgement.events, judgement.findings) == (1, ())


def test_a_duplicate_in_one_frame_is_a_duplicate_and_names_both_events() -> None:
    events = [{**event, "message_id": f"m{number}"} for number, event in enumerate(RUN)]
    (finding,) = of(asked().raw(dumped([*events[:2], events[1], *events[2:]])).close().judge(), "event-id")
    assert (finding.kind, finding.frames, finding.activation) == ("duplicate", (2,), 2)
    assert finding.events == ((2, 1), (2, 2))


@pytest.mark.parametrize(("methods", "events"), [("abab", [((1, 1),), ((1, 3),)]), ("ba", [()])])
def test_of_a_batch_of_requests_a_finding_names_the_one(methods: str, events: list[Any]) -> None:
    """The first of a frame is named by the frame alone."""
    contract = loads("contract: x\nenvelope: {decoder: json-rpc}\nrules: [{id: r, absence: b}]\n")
    batch = dumped([{"jsonrpc": "2.0", "method": method} for method in methods])
    findings = Trace().open().raw(batch).close().judge(contract).findings
    assert [finding.events for finding in findings] == events


def test_what_is_missing_in_an_array_is_missing() -> None:
    judgement = asked().raw(dumped([event for event in RUN if event["type"] != "tool_completed"])).close().judge()
    assert judgement.verdict is Verdict.VIOLATED
    assert any("tool_completed" in line for line in said(judgement))


def test_the_events_of_a_frame_stand_in_their_order() -> None:
    contract = loads("contract: x\nrules: [{id: r, precedence: [a, b]}]\n")
    assert Trace().open().raw(b'[{"type":"a"},{"type":"b"}]').close().judge(contract).verdict is Verdict.SATISFIED
    assert Trace().open().raw(b'[{"type":"b"},{"type":"a"}]').close().judge(contract).verdict is Verdict.VIOLATED


def test_half_a_surrogate_pair_and_a_byte_order_mark_are_read_with_a_warning() -> None:
    trace = asked()
    for event in RUN:
        trace.raw(b"\xef\xbb\xbf" + dumped({**event, "text": "\ud83d"}))
    judgement = trace.close().judge()
    assert judgement.verdict is Verdict.SATISFIED
    assert {(finding.rule, finding.severity) for finding in judgement.findings} == {("json", Severity.WARNING)}
    (rule,) = [rule for rule in judgement.rules if rule.id == "json"]
    assert (rule.verdict, rule.severity, rule.violations) == (Verdict.VIOLATED, Severity.WARNING, 5)


def test_the_only_item_of_an_array_is_text_like_any_other() -> None:
    contract = loads("contract: x\njson: {text: json}\nrules: [{id: r, existence: a, min: 3}]\n")
    good = [b'[{"type":"a"}]', b'[{"type":"a"}]', '[{"type":"a","x":"ä"}]'.encode()]
    for more, expected in (([], []), ([b'[{"type":"a","x":"\xff"}]'], ["json"])):
        trace = Trace().open()
        for payload in (*good, *more):
            trace.raw(payload)
        assert [finding.rule for finding in trace.close().judge(contract).findings] == expected


def test_an_array_of_other_things_is_no_event() -> None:
    assert said(asked().run().raw(b"[1]").close().judge()) == ["json: an array instead of a JSON object"]
    assert said(asked().run().raw(b'{"a":1}\n{"b":2}').close().judge()) == ["json: the message has no type"] * 2


# Other protocols.


def socket_io(*packets: str, contract: Contract | str = "agent-chat") -> Any:
    trace = Trace().open(path="/socket.io/?EIO=4&transport=websocket")
    trace.raw(b'0{"sid":"x","pingInterval":25000}').raw(b"40", 0).raw(b'40{"sid":"y"}')
    for packet in packets:
        trace.raw(packet[1:].encode(), direction=int(packet[0] == "<"))
    return trace.close().judge(contract)


def packet(event: dict[str, Any]) -> str:
    return "<42" + json.dumps([event["type"], event])


def test_socket_io_is_judged_by_its_events() -> None:
    judgement = socket_io('>4212["chat",{"thread_id":"t1"}]', "<4312[true]", "<2", ">3", *map(packet, RUN))
    assert (judgement.verdict, judgement.findings) == (Verdict.SATISFIED, ())
    assert judgement.run_counts == {"completed": 1}


def test_a_fault_in_socket_io_is_found() -> None:
    judgement = socket_io('>42["chat",{"thread_id":"t1"}]', *map(packet, RUN[:-1]))
    assert judgement.verdict is Verdict.VIOLATED
    assert judgement.run_counts == {"cut": 1}


def test_what_a_protocol_does_not_know_is_one_finding_of_form() -> None:
    assert said(socket_io('>42["chat",{"thread_id":"t1"}]', *map(packet, RUN), "<hello")) == [
        "json: not a message of socket.io"
    ]


RPC = loads("contract: rpc\nrules: [{id: answered, response: ['c2s:initialize', 's2c:initialize:result']}]\n")


def rpc(*payloads: bytes) -> Trace:
    trace = Trace().open(path="/").raw(b'{"jsonrpc":"2.0","id":1,"method":"initialize"}', 0)
    for payload in payloads:
        trace.raw(payload)
    return trace.close()


def test_answers_are_named_after_their_requests() -> None:
    assert rpc(b'{"jsonrpc":"2.0","id":1,"result":{}}').judge(RPC).verdict is Verdict.SATISFIED
    assert rpc(b'{"jsonrpc":"2.0","id":2,"result":{}}').judge(RPC).verdict is Verdict.VIOLATED
    assert rpc(b'[{"jsonrpc":"2.0","method":"m"},{"jsonrpc":"2.0","id":1,"result":{}}]').judge(RPC).verdict is Verdict.SATISFIED


def test_an_event_with_attachments_comes_with_the_last_of_them() -> None:
    contract = loads("contract: x\nrules: [{id: r, absence: file}]\n")
    trace = Trace().open(path="/socket.io/?EIO=4").raw(b'42["hi",1]').raw(b'451-["file",{"_placeholder":true,"num":0}]')
    (finding,) = trace.raw(b"\x00\x01", opcode=2).close().judge(contract).findings
    assert finding.frames == (3,)


def test_an_attachment_that_never_comes_does_not_hide_its_event() -> None:
    contract = loads("contract: x\nrules: [{id: r, existence: file}]\n")
    trace = Trace().open(path="/socket.io/?EIO=4").raw(b'42["hi",1]').raw(b'451-["file",{"_placeholder":true,"num":0}]')
    judgement = trace.close().judge(contract)
    assert (judgement.verdict, judgement.events) == (Verdict.SATISFIED, 2)


# Where a contract says that types stand.


def test_a_type_may_be_a_number() -> None:
    contract = loads("contract: x\nenvelope: {type: $.op}\nrules: [{id: r, response: [1, 2]}, {id: s, existence: 2, min: 2}]\n")
    trace = Trace().open().raw(b'{"op": 1}').raw(b'{"op": 2}').raw(b'{"op": 2}').close()
    assert trace.judge(contract).verdict is Verdict.SATISFIED


def test_true_is_no_number() -> None:
    form = "json: {text: object, type: required}"
    contract = loads(f"contract: x\n{form}\nenvelope: {{type: $.op}}\nrules: [{{id: r, existence: 1}}]\n")
    assert said(Trace().open().raw(b'{"op": 1}').raw(b'{"op": true}').close().judge(contract)) == [
        "json: the message has a type that is not a string: True"
    ]


def test_what_came_once_is_read_at_once_from_then_on() -> None:
    engine = Engine(loads("contract: x\nenvelope: {type: $.op}\nrules: [{id: r, existence: [1, a]}]\n"))
    engine.feed([Opened(0, Connection(1, 1, 0, user="u1", status=101), 1)])
    engine.run([(1, 5, lane_of(1, 1, Opcode.TEXT), b'{"op": 1}'), (2, 6, lane_of(1, 1, Opcode.TEXT), b'{"op": "a"}')])
    lane = engine._reader.lane(1, 1)
    assert lane is not None
    assert {type_: handler.__name__ for type_, handler in lane[1].items()} == {
        "1": "handle", 1: "handle_number", "a": "handle",
    }  # fmt: skip


PHOENIX = """
contract: phx
envelope: {type: "$[3]"}
json: {text: json}
keys: {topic: "$[2]"}
rules:
 - {id: reply, by: topic, response: ["c2s:phx_join", "s2c:phx_reply"]}
 - {id: msg, existence: [{event: "s2c:new_msg", where: {"$[4].n": 1}}]}
"""


@pytest.mark.parametrize("decoder", ["", ", decoder: json", ", decoder: phoenix"])
def test_paths_go_into_arrays(decoder: str) -> None:
    contract = loads(PHOENIX.replace('"$[3]"', f'"$[3]"{decoder}'))
    trace = Trace().open().raw(b'["1","1","room:a","phx_join",{}]', 0)
    trace.raw(b'["1","1","room:a","phx_reply",{"status":"ok"}]').raw(b'["1",null,"room:a","new_msg",{"n":1}]').close()
    assert trace.judge(contract).verdict is Verdict.SATISFIED
    assert said(trace.judge(loads(PHOENIX.replace("$[2]", "$[0]").replace("n\": 1", "n\": 2"))))


def test_a_contract_may_name_its_decoder() -> None:
    contract = loads("contract: x\nenvelope: {decoder: json-rpc}\nrules: [{id: r, existence: 'm:result'}]\n")
    trace = Trace().open().raw(b'{"id":7,"method":"m","type":"odd"}', 0).raw(b'{"id":7,"result":1}').close()
    assert trace.judge(contract).verdict is Verdict.SATISFIED


@pytest.mark.parametrize("unpack", ["$.events", "$.data.items", "$.a[0]"])
def test_lists_are_judged_alike_whatever_stands_in_them(unpack: str) -> None:
    """What is read at once, and what the decoder has to look at: lists in arrays are left to it."""
    contract = loads(f"contract: x\nextends: agent-chat\nmap: {{unpack: ['{unpack}', $.more]}}\n")
    plain = loads("contract: x\nextends: agent-chat\n")
    holders: list[Any] = [
        {"events": RUN[:2], "data": {"items": RUN[:2]}, "a": [RUN[:2]], "type": "batch"},
        {"type": "batch", "more": RUN[2:]},
        {"type": "ping", "events": 7, "data": [], "a": "none"},
        {"type": "ping", "events": [], "data": {"items": []}, "a": [[]], "more": [1]},
    ]
    trace, other = asked(), asked()
    for holder in holders:
        trace.raw(dumped(holder))
    for event in RUN:
        other.raw(dumped(event))
    for _ in range(2):
        other.raw(dumped({"type": "ping"}))
    one, two = trace.close().judge(contract), other.close().judge(plain)
    assert (one.verdict, one.events, said(one)) == (two.verdict, two.events, said(two))


def test_lists_of_events_are_unpacked_where_the_contract_says() -> None:
    contract = loads("contract: x\nextends: agent-chat\nmap: {unpack: [$.events, $.data.items]}\n")
    trace = asked().raw(dumped({"type": "batch", "events": RUN[:2]})).raw(dumped({"type": "batch", "data": {"items": RUN[2:]}}))
    judgement = trace.raw(dumped({"type": "ping", "events": "none"})).close().judge(contract)
    assert (judgement.verdict, judgement.events) == (Verdict.SATISFIED, 7)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_shortcut_says_what_its_decoder_says(name: str) -> None:
    """On every example and on every beginning of one."""
    engine = Engine(loads("contract: x\nkeys: {k: [$.thread_id, $.params.k]}\nrules: [{id: r, existence: a}]\n"))
    engine.set_decoders({1: name})
    lane = engine._reader.lane(1, 1)
    for direction, opcode, payload in EXAMPLES[name] if lane is not None else ():
        for cut in (payload, payload[:-1], payload + b" ", payload[1:], payload.replace(b"id", b"di")):
            try:
                message = lane[0](cut)
            except (ValueError, TypeError, RecursionError):
                continue
            parts = get_decoder(name).parse(direction, opcode, cut)
            if isinstance(message.kind, str):
                assert [(part.type, part.attachments) for part in parts] == [(message.kind, 0)]
                asks = name in ("jupyter", "json-rpc")
                assert asks or parts[0].role is Role.EVENT or message.kind in ("connection_init",)


ASKED_AND_ANSWERED = [
    [b'{"id":1,"method":"a"}', b'{"id":1,"result":{}}'],
    [b'{"id":1,"method":"a"}', b'{"id":1,"result":null}', b'{"id":1,"result":{}}'],
    [b'{"id":1,"method":"a"}', b'{"id":1,"result":0,"error":null}'],
    [b'{"id":1,"method":"a"}', b'{"id":1,"error":null}'],
    [b'{"id":1,"method":"a"}', b'{"id":1,"error":{"code":1}}'],
    [b'{"id":1,"method":"a"}', b'{"id":"1","result":[1]}'],
    [b'{"id":1,"method":"a"}', b'{"id":1,"result":"\xff"}', b'{"id":1,"result":"\xc3\xa4"}'],
    [b'{"id":1,"method":"a","sessionId":"s"}', b'{"id":1,"result":{}}', b'{"id":1,"result":{},"sessionId":"s"}'],
    [b'{"id":1,"method":"a","sessionId":7}', b'{"id":1,"result":{},"sessionId":7}'],
    [b'{"id":true,"method":"a"}', b'{"id":1.5,"result":1}', b'{"id":null,"method":"a"}', b'{"id":null,"error":{}}'],
    [b'{"id":1,"method":7,"result":1}', b'{"id":1}', b'{"id":1,"method":"a"}', b'{"id":1,"method":7,"result":1}'],
    [b'[{"id":1,"method":"a"},{"id":2,"method":"b"}]', b'{"id":2,"result":{}}', b'[{"id":1,"result":1}]'],
    [b'{"method":"a"}', b'{"id":1,"method":"a:result"}', b'{"id":1,"result":7}', b'{"id":1,"result":{"k":1}}'],
]
READ = ["", "k: [$.id]", "k: [$.result.k, $.error.code]", "k: [$.result]", "k: [$.method]", "k: [$.id.k, $.sessionId]"]


@pytest.mark.parametrize("key", READ)
def test_requests_and_answers_are_read_alike_at_once_and_in_batches(key: str) -> None:
    """A batch of one is read by the decoder; whatever a contract reads of a message, it is named the same."""
    by = ", by: k" if key else ""
    answers = "['a:result', 'a:error']"
    rules = f"[{{id: r, existence: {answers}, min: 2{by}}}, {{id: s, response: [a, {answers}]{by}}}]"
    contract = loads(f"contract: x\nenvelope: {{decoder: json-rpc}}\nkeys: {{{key}}}\nknown: ['*']\nrules: {rules}\n")
    for payloads in ASKED_AND_ANSWERED:
        alone, packed = Trace().open(path="/"), Trace().open(path="/")
        for place, payload in enumerate(payloads):
            alone.raw(payload, direction=min(place, 1))
            packed.raw(b"\n" + payload if payload[:1] == b"[" else b"[%b]" % payload, direction=min(place, 1))
        one, other = alone.close().judge(contract), packed.close().judge(contract)
        assert (one.events, said(one), one.rules) == (other.events, said(other), other.rules), payloads


@pytest.mark.parametrize("name", ["json-rpc", "socket.io", "signalr", "actioncable"])
def test_a_protocol_with_a_shortcut_is_judged_as_plain_json(name: str) -> None:
    wrap = {
        "json-rpc": lambda e: dumped({"jsonrpc": "2.0", "method": e["type"], **e}),
        "socket.io": lambda e: b"42" + dumped([e["type"], e]),
        "signalr": lambda e: dumped({**e, "type": 1, "target": e["type"]}) + b"\x1e",
        "actioncable": lambda e: dumped(
            {**{k: v for k, v in e.items() if k != "type"}, "identifier": '{"c":1}', "message": {"type": e["type"]}}
        ),
    }[name]
    for events in (RUN, RUN[:3] + RUN[4:], [*RUN, RUN[1]], [{**event, "message_id": 1.5} for event in RUN] * 2):
        contract = load("agent-chat").read_by(name)
        plain, other = asked(), asked()
        other.messages.clear()
        other.raw(wrap({"type": "chat", "thread_id": "t1"}), 0)
        for event in events:
            plain.raw(dumped(event))
            other.raw(wrap(event))
        assert said(plain.close().judge()) == said(other.close().judge(contract))
