"""The list that every screen uses."""

from __future__ import annotations


async def test_what_has_no_room_beside_the_scroll_bar_is_cut_with_an_ellipsis(stage, script):
    long = script("long.db")
    long.open(1, 0)
    for number in range(60):
        long.say(1, number, 1, "partial_result", content="words without an end " * 20)
    async with stage(long.write(100), height=24) as on:
        frames = on.app.screen.frames
        assert frames.show_vertical_scrollbar
        bar = frames.vertical_scrollbar.region.x
        rows = on.text().splitlines()[frames.content_region.y : frames.content_region.bottom]
        assert {row[bar - 1] for row in rows} == {"…"}
