from __future__ import annotations

import asyncio

from wsreplay.proxy.ordered_writer import Gate


class Sink(asyncio.Transport):
    """A transport that remembers what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[object] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.got.append(bytes(data))

    def is_closing(self) -> bool:
        return False


def test_everything_passes_in_order_once_it_is_open_and_nothing_blocks() -> None:
    sink, drained = Sink(), []
    gate = Gate(None, lambda: drained.append(gate.waiting))
    gate.write(b"one")
    gate.do(lambda: sink.got.append("between"))
    gate.block()
    gate.write(b"two")
    assert gate.waiting == 6
    gate.open(sink)
    assert sink.got == []
    gate.block()
    gate.unblock()
    assert sink.got == []
    gate.unblock()
    assert sink.got == [b"one", "between", b"two"]
    assert gate.waiting == 0
    assert drained[-1] == 0
    gate.write(b"three")
    assert sink.got[-1] == b"three"


def test_what_is_blocked_on_the_way_waits_again() -> None:
    sink = Sink()
    gate = Gate(sink, lambda: None)
    gate.block()
    gate.do(gate.block)
    gate.write(b"late")
    gate.unblock()
    assert sink.got == []
    gate.unblock()
    assert sink.got == [b"late"]
