"""The pictures of docs/gallery.md: real recordings in the real interface.

`pytest tests/tui/test_gallery.py --snapshot-update` draws them anew.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest
from published import assert_published, picture_of

pytestmark = pytest.mark.docs

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "recordings" / "samples"
PAGE = ROOT / "docs" / "gallery.md"
PICTURES = ROOT / "docs" / "gallery"
NEXT = "right_square_bracket"
# Each picture: the recordings, and the keys that lead there.
SCENES: dict[str, tuple[str, tuple[str, ...]]] = {
    "missing": ("missing-event.db", (NEXT,)),
    "late": ("slow-tool.db", (NEXT,)),
    "out-of-order": ("out-of-order.db", (NEXT,)),
    "wrong-user": ("leak.db", ("v",)),
    "waterfall": ("sub-agent.db", ("w",)),
    "statistics": ("parallel-tools.db", ("S",)),
    "realtime": ("openai-realtime/good.db", ("5",)),
}


@pytest.fixture
def publish(request):
    """`await publish(stage, name, title)`: the picture of this name is what the stage shows."""

    async def compare(on, name, title):
        svg, update = picture_of(on.app, title), request.config.getoption("update_snapshots")
        await asyncio.to_thread(assert_published, svg, PICTURES / f"{name}.svg", update=update)

    return compare


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The samples of one folder, seen from beside it."""
    monkeypatch.chdir(tmp_path)
    folder = Path("samples")
    folder.mkdir()
    for sample in sorted(SAMPLES.glob("*.db")):
        shutil.copy2(sample, folder)
    return folder


async def test_a_folder_of_recordings(stage, publish, folder):
    count = sum(1 for _ in SAMPLES.glob("*.db"))
    async with stage(folder, width=110, height=28, validating=True, steady=True) as on:
        listing = on.app.screen
        await on.until(lambda: len(listing.recordings) == count)
        judged = lambda: all(listing.previews.of(recording, ()) is not None for recording in listing.recordings)  # noqa: E731
        await on.until(lambda: judged() and not listing._is_arranging)
        await on.settle()
        await publish(on, "recordings", "wsreplay tui samples")


@pytest.mark.parametrize("name", SCENES)
async def test_a_picture_shows_what_the_interface_shows(stage, publish, name):
    sample, keys = SCENES[name]
    async with stage(SAMPLES / sample, width=110, height=28, validating=True, steady=True) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        await on.press(*keys)
        await on.settle()
        await publish(on, name, f"wsreplay tui {sample}")


def test_the_page_shows_every_picture():
    assert re.findall(r"\(gallery/([\w-]+)\.svg\)", PAGE.read_text()) == ["recordings", *SCENES]
