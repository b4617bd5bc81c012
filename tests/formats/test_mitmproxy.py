from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hars import FLOW, Imported, T, netstring

from wsreplay.errors import ImportFormatError
from wsreplay.formats import tnetstring
from wsreplay.model import Ending

Take = Callable[..., Imported]


def flow(**more: Any) -> bytes:
    return netstring(FLOW | more)


def test_what_is_before_the_cut_is_read(take: Take) -> None:
    whole = flow() + flow()
    found = take(whole[:-20])
    assert len(found.connections) == 1
    assert found.remarks == [
        f"cut off at byte {len(whole) - 20}, in the flow that begins at byte {len(flow())}: "
        "1 flow before it is complete, the rest is ignored"
    ]  # fmt: skip


def test_zeros_behind_the_last_flow_are_no_flow(take: Take) -> None:
    assert take(flow() + bytes(4096)).remarks == []


def test_an_odd_flow_costs_no_other(take: Take) -> None:
    odd = flow(request=FLOW["request"] | {"headers": 5})
    found = take(flow() + odd + netstring(7) + netstring({"version": 3}) + flow())
    assert len(found.connections) == 2
    first, second, third = found.remarks
    assert first == f"the flow at byte {len(flow())}: the type of its headers is wrong: left out"
    assert "not a flow of mitmproxy" in second
    assert "written by an older mitmproxy (format 3)" in third


def test_a_flow_that_is_too_large_costs_no_other(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tnetstring, "LONGEST", 3000)
    found = take(flow() + flow(comment="x" * 4000) + flow())
    assert len(found.connections) == 2
    assert "the most that import reads: left out" in found.remarks[0]


def test_messages_of_another_form_are_gaps(take: Take) -> None:
    found = take(flow(websocket={"messages": [[1, True, b"{}", T], 7, [1, "x", b"", T], ["text", False, b"", T, False]]}))
    assert found.texts == [("c2s", "{}")]
    assert len(found.gaps) == 5  # of the last one it is known who sent it


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, (Ending.CLEAN, "server", 1011, None)),
        ({"error": {"msg": "reset", "timestamp": T + 9}}, (Ending.CLEAN, "server", 1011, "reset")),
        ({"websocket": {"messages": []}, "error": {"msg": "reset", "timestamp": T + 9}}, (Ending.DROPPED, None, None, "reset")),
        ({"websocket": {"messages": []}}, (Ending.TRUNCATED, None, None, None)),
        ({"websocket": None, "response": {"status_code": 403, "headers": []}}, (Ending.REFUSED, "server", None, None)),
        ({"websocket": None, "response": None, "error": {"msg": "refused"}}, (Ending.REFUSED, None, None, "refused")),
    ],
)
def test_endings(more: dict[str, Any], expected: tuple[Any, ...], take: Take) -> None:
    (connection,) = take(flow(**more)).connections
    assert (connection.ending, connection.closed_by, connection.close_code, connection.error) == expected


def test_nothing_whole_is_an_error(take: Take, tmp_path: Path) -> None:
    with pytest.raises(ImportFormatError, match="cut off at byte 40, in the flow that begins at byte 0; no flow"):
        take(flow()[:40])
