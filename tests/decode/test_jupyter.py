from __future__ import annotations

import orjson

from tests.decode.conftest import client, jupyter_v1, link, server
from wsreplay.decode import BINARY, Role, get_decoder

REQUEST = '{"channel":"shell","header":{"msg_id":"m1","msg_type":"execute_request"},"parent_header":{},"content":{}}'
HEADER = b'{"msg_id":"m2","msg_type":"execute_reply"}'
REPLY = jupyter_v1("shell", HEADER, b'{"msg_id":"m1"}', b"{}", b'{"status":"ok"}', b"raw")


def default_binary(message: bytes, *buffers: bytes) -> bytes:
    """As jupyter_client's `serialize_binary_message` lays it out."""
    pieces = [message, *buffers]
    offsets = [4 * (len(pieces) + 1)]
    for piece in pieces[:-1]:
        offsets.append(offsets[-1] + len(piece))
    return b"".join(number.to_bytes(4, "big") for number in (len(pieces), *offsets)) + b"".join(pieces)


def test_a_reply_answers_its_request_in_any_form() -> None:
    asked, answered = link("jupyter", client(REQUEST), server(REPLY))
    assert (asked.type, asked.role) == ("execute_request", Role.REQUEST)
    assert (answered.type, answered.request) == ("execute_reply", asked.number)
    assert answered.document["channel"] == "shell"
    assert answered.document["content"] == {"status": "ok"}


def test_what_a_kernel_publishes_is_an_event() -> None:
    header = {"msg_id": "m3", "msg_type": "stream"}
    stream = {"channel": "iopub", "header": header, "parent_header": {"msg_id": "m1"}, "content": {}}
    (event,) = link("jupyter", server(default_binary(orjson.dumps(stream), b"buffer")))
    assert (event.type, event.role, event.document["parent_header"]) == ("stream", Role.EVENT, {"msg_id": "m1"})


def test_buffers_stay_when_a_document_is_replaced() -> None:
    decoder = get_decoder("jupyter")
    (part,) = decoder.parse(1, BINARY, REPLY)
    longer = {**part.document, "content": {"status": "ok", "more": "than before"}}
    payload = decoder.encode(1, BINARY, REPLY, [longer])
    (again,) = decoder.parse(1, BINARY, payload)
    assert again.document == longer
    assert payload.endswith(b"raw")


def test_offsets_that_lead_elsewhere_have_no_parts() -> None:
    for at in range(8, 8 * 8, 8):
        wrong = REPLY[:at] + (2**40).to_bytes(8, "little") + REPLY[at + 8 :]
        assert link("jupyter", server(wrong)) == []
    assert link("jupyter", server(REPLY + b"x")) == link("jupyter", server(b"")) == []
