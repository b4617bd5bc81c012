from __future__ import annotations

import asyncio

from wsreplay.proxy.ordered_writer import OrderedWriter


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
    writer = OrderedWriter(None, lambda: drained.append(writer.waiting))
    writer.write(b"one")
    writer.do(lambda: sink.got.append("between"))
    writer.block()
    writer.write(b"two")
    assert writer.waiting == 6
    writer.open(sink)
    assert sink.got == []
    writer.block()
    writer.unblock()
    assert sink.got == []
    writer.unblock()
    assert sink.got == [b"one", "between", b"two"]
    assert writer.waiting == 0
    assert drained[-1] == 0
    writer.write(b"three")
    assert sink.got[-1] == b"three"


def test_what_is_blocked_on_the_way_waits_again() -> None:
    sink = Sink()
    writer = OrderedWriter(sink, lambda: None)
    writer.block()
    writer.do(writer.block)
    writer.write(b"late")
    writer.unblock()
    assert sink.got == []
    writer.unblock()
    assert sink.got == [b"late"]
