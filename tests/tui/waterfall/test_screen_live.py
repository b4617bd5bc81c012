"""The waterfall of a recording that grows."""

from __future__ import annotations

import threading

from wsreplay.tui.recording import span_reading as traced_module


async def test_spans_that_take_long_to_trace_arrive_all_the_same(stage, live_chat, monkeypatch):
    begun, opens = [], threading.Event()
    plain = traced_module.read_spans

    def read_spans(only, contracts, read_as, from_ns, reader, context):
        begun.append(1)
        while not opens.wait(0.01):
            if context.cancelled:
                return
        plain(only, contracts, read_as, from_ns, reader, context)

    monkeypatch.setattr(traced_module, "read_spans", read_spans)
    async with stage(live_chat.path) as on:
        await on.pilot.press("w")
        for count in range(1, 4):
            live_chat.add(5)
            on.clock.move(3_500)
            await on.until(lambda count=count: on.app.growth.last_id == 5 + 5 * count)
        assert len(begun) == 1
        opens.set()
        await on.until(lambda: len(begun) == 2)  # what came meanwhile is traced too
