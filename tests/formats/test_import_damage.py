"""Damage of any kind gives a readable recording or one clear error, never a Python exception or its words."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hars import FLOW, RECEIVE, SEND, T, entry, har, netstring, read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsreplay.errors import ImportFormatError
from wsreplay.formats.import_file import import_file

DATA = Path(__file__).parent / "data"
LINES = b"".join(json.dumps(line).encode() + b"\n" for line in (
    {"wsreplay": 1, "started_at": "2026-11-20T10:00:00Z", "upstream": "ws://x", "options": {"a": 1}},
    {"connection": 1, "t": 0, "open": {"path": "/ws?token=x", "headers": [["A", "b"]], "user": "u"}},
    {"connection": 1, "t": 0.002, "accept": {"status": 101, "headers": [], "subprotocol": None, "extensions": None}},
    {"connection": 1, "t": 0.01, "dir": "s2c", "opcode": "text", "data": '{"type":"a"}', "wire_length": 26, "offset": 0},
    {"connection": 1, "t": 1000000.5, "dir": "c2s", "opcode": "binary", "base64": "AAEC", "fin": True, "rsv": [1]},
    {"t": 1, "hold": {"until": 2}}, {"t": 1, "mark": {"note": "n", "frame": 1}},
    {"connection": 1, "dir": "c2s", "gap": {"after": 1, "reason": "r", "bytes": 5}},
    {"connection": 1, "t": 1, "dir": "s2c", "fault": {"kind": "drop", "detail": "", "frame": 1}},
    {"connection": 1, "t": 1, "dir": "s2c", "tail": {"offset": 9, "base64": "AAEC"}},
    {"run": 2, "t": 1000001, "started_at": "2026-12-20T10:00:00Z", "reached": 2000000, "ended": 2000000},
    {"connection": 1, "t": 1000009, "close": {"by": "server", "code": 1000, "reason": "", "ending": "clean", "error": None}},
    {"finding": {"contract": "c", "digest": "d", "body": {"a": [1.5]}}},
))  # fmt: skip
CLOSED = entry(SEND, RECEIVE, RECEIVE | {"opcode": 9}, _webSocketClose={"code": 1011, "reason": "boom", "timestamp": T + 0.5})
GOOD = {
    "har": har(CLOSED, entry(SEND | {"opcode": 2, "data": "AAEC"}, response={"_error": "x"}), _wsreplay={"reached": T}),
    "jsonl": LINES, "flows": (DATA / "mitmproxy.flows").read_bytes(),
}  # fmt: skip
PYTHON = re.compile(r"Error\b|object has no|NoneType|Traceback|unhashable|argument|not subscriptable|<class|int\(\)|codec")


@pytest.fixture
def check(tmp_path: Path) -> Callable[[bytes], None]:
    def check(content: bytes) -> None:
        out = tmp_path / "damaged.db"
        try:
            remarks = import_file(io.BytesIO(content), out, name="damaged")
        except ImportFormatError as error:
            remarks = [str(error)]
            assert str(error).startswith("damaged")
            assert not out.exists()
        else:
            read(out, remarks)
            out.unlink()
        assert not any(PYTHON.search(remark) for remark in remarks), remarks

    return check


@pytest.fixture(params=[15, pytest.param(500, marks=[pytest.mark.campaign, pytest.mark.timeout(1800)])])
def often(request: pytest.FixtureRequest) -> settings:
    return settings(max_examples=request.param, deadline=None, suppress_health_check=[HealthCheck.too_slow])


PATCHES = st.binary(max_size=4) | st.sampled_from([b"\0" * 9, b'"', b"}", b"\n", b"1e999"])


@pytest.mark.parametrize("kind", GOOD)
def test_damaged_bytes(kind: str, check: Callable[[bytes], None], often: settings) -> None:
    whole = GOOD[kind]

    @often
    @given(st.integers(0, len(whole) - 1), st.integers(0, 40), PATCHES)
    def damaged(position: int, removed: int, patch: bytes) -> None:
        check(whole[:position])
        check(whole[:position] + bytes(50))
        check(whole[:position] + patch + whole[position + removed :])

    damaged()


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["a", "code", "type"]), st.integers(), max_size=2),
    st.sampled_from([2**31, 2**31 + 1, 2**62, 2**63, -1, 0, 1e300, 10**400, "\ud800", "9" * 5000, "1e999", "\0", {}, [], [[]]]),
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, member in inner for place in places(member, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], odd)
    return copy


HAR_DOCUMENT = json.loads(GOOD["har"])
LINE_VALUES = [json.loads(line) for line in LINES.splitlines()]


def test_odd_values_in_a_har(check: Callable[[bytes], None], often: settings) -> None:
    @often
    @given(st.data())
    def damaged(data: st.DataObject) -> None:
        document = HAR_DOCUMENT
        for _ in range(data.draw(st.integers(1, 3))):
            document = replaced(document, data.draw(st.sampled_from(places(document)[1:] or [()])), data.draw(ODD))
        check(json.dumps(document).encode())

    damaged()


def test_odd_values_in_lines(check: Callable[[bytes], None], often: settings) -> None:
    @often
    @given(st.data())
    def damaged(data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(LINE_VALUES) - 1))
        line = LINE_VALUES[number]
        line = replaced(line, data.draw(st.sampled_from(places(line)[1:])), data.draw(ODD))
        lines = [*LINE_VALUES[:number], line, *LINE_VALUES[number + 1 :]]
        check(b"\n".join(json.dumps(value).encode() for value in lines))

    damaged()


def test_odd_values_in_a_flow(check: Callable[[bytes], None], often: settings) -> None:
    @often
    @given(st.data())
    def damaged(data: st.DataObject) -> None:
        flow = FLOW
        for _ in range(data.draw(st.integers(1, 2))):
            flow = replaced(flow, data.draw(st.sampled_from(places(flow)[1:] or [()])), data.draw(ODD | st.binary(max_size=3)))
        check(netstring(FLOW) + netstring(flow) + netstring(FLOW))

    damaged()
