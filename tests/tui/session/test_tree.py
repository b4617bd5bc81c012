"""The JSON of the detail as a tree: folded, copied from, filtered by; what is searched is seen in it and counted."""

from __future__ import annotations

import orjson
import pytest


@pytest.fixture
def nested(script):
    made = script("nested.db")
    made.open(1, 0, closed_ns=10**9)
    for number in range(4):
        payload = {"user": {"name": f"ann {number % 2}", "tags": ["a", "b"]}, "ok": True, "n": number}
        made.say(1, number + 1, 1, raw=orjson.dumps({"type": "x", **payload}))
    return made.write(1_000)


async def test_a_node_is_folded_and_unfolded(stage, nested):
    async with stage(nested) as on:
        detail = on.app.screen.detail
        whole = detail.text
        for keys in (["space"], ["z", "a"]):
            await on.press("l", "g", "j", "j", *keys)
            assert '"user": { … },  5 lines' in detail.text and '"name"' not in detail.text
            await on.press("h", "j")
            assert '"name"' not in detail.text, "folded in the next payload too"
            await on.press("k", "l", "g", "j", "j", *keys)
            assert detail.text == whole
        await on.press("z", "M")
        assert '"name"' not in detail.text and '"ok": true' in detail.text
        await on.press("z", "R")
        assert detail.text == whole
        assert not on.app.screen.replaying, "space played nothing"


async def test_path_and_value_of_a_node_are_copied(stage, nested):
    async with stage(nested) as on:
        await on.press("l", "g", *["j"] * 3, "p")
        assert on.app.clipboard == "$.user.name"
        await on.press("P")
        assert on.app.clipboard == "ann 0"
        await on.press("j", "P")
        assert on.app.clipboard == '[\n  "a",\n  "b"\n]'


async def test_a_value_is_filtered_by_beside_what_is_filtered_by_already(stage, nested):
    async with stage(nested) as on:
        screen = on.app.screen
        await on.press("l", "g", *["j"] * 3, "equals_sign")
        await on.until(lambda: screen.rows.matches is not None and list(screen.rows.matches) == [1, 3])
        assert screen.bar.filter_text == '$.user.name="ann 0"'
        await on.press(*["j"] * 7, "equals_sign")
        await on.until(lambda: list(screen.rows.matches) == [1])
        assert screen.bar.filter_text == '$.user.name="ann 0" $.n=0'
        await on.press(*["k"] * 8, "equals_sign")
        assert "only a single value" in on.text()


async def test_elsewhere_the_keys_of_a_tree_mean_what_they_mean(stage, nested):
    async with stage(nested) as on:
        await on.press("l", "tab", "space")
        assert on.app.screen.replaying, "the raw pane holds no tree"


async def test_what_is_searched_is_seen_in_list_and_detail_and_counted(stage, nested):
    async with stage(nested) as on:
        screen = on.app.screen
        await on.press("ctrl+f", *"ann 1", "enter")
        await on.until(lambda: "1 of 2" in on.text())
        assert screen.inspector.frame.id == 2
        match = on.app.look.ground("match").bgcolor
        strips = [screen.detail.render_line(y) for y in range(8)]
        found = [text for strip in strips for text, style, _ in strip if style and style.bgcolor == match]
        assert "".join(found) == "ann 1"
        await on.press("n")
        await on.until(lambda: "2 of 2" in on.text())
        await on.press("escape")
        strips = [screen.detail.render_line(y) for y in range(8)]
        assert not any(style and style.bgcolor == match for strip in strips for _, style, _ in strip)


async def test_a_large_document_is_folded_at_once(stage, script):
    made = script("large.db")
    made.open(1, 0, closed_ns=10**9)
    made.say(1, 1, 1, raw=orjson.dumps({"type": "x", "rows": [{"n": n, "text": "y" * 20} for n in range(20_000)]}))
    async with stage(made.write(1_000)) as on:
        detail = on.app.screen.detail
        await on.until(lambda: '"rows"' in detail.text)
        await on.press("l", "g", "j", "j")
        await on.pilot.press("space")
        await on.until(lambda: "lines" in detail.text.splitlines()[2])
        assert len(detail.text.splitlines()) < 8
