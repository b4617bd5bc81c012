"""The documentation is whole: references as the code has them, every page in the menu, every example readable."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pages
import pytest
import yaml

from docs.generators import __main__ as generators
from wsreplay.contract import loads
from wsreplay.model import Ending

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
WRITTEN = [path for path in PAGES if path.parent.name != "figures"]


class _Anything(yaml.SafeLoader):
    """Reads a configuration that names Python objects of other programs."""


_Anything.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: suffix)


def menu() -> list[str]:
    def leaves(part: object) -> list[str]:
        if isinstance(part, str):
            return [part]
        inner = part.values() if isinstance(part, dict) else part
        assert not isinstance(inner, str)
        return [leaf for each in inner for leaf in leaves(each)]  # type: ignore[attr-defined]

    return leaves(yaml.load((ROOT / "mkdocs.yml").read_text(), Loader=_Anything)["nav"])


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.campaign if "mutation" in name else ()) for name in generators.PAGES]
)
def test_a_reference_says_what_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text() == generators.text_of(name), "run `make docs`"


def test_every_page_is_in_the_menu() -> None:
    assert sorted(menu()) == sorted(str(path.relative_to(DOCS)) for path in WRITTEN)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(DOCS)))
def test_links_lead_to_pages_and_their_headings(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        page = (path.parent / name).resolve() if name else path
        assert page.exists(), target
        if anchor:
            assert anchor in anchors(page), target


def anchors(path: Path) -> set[str]:
    found = set()
    for title in re.findall(r"^#+ (.+)$", path.read_text(), flags=re.MULTILINE):
        given = re.search(r"\{ #([\w-]+) \}", title)
        found.add(given[1] if given else re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()))
    return found


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(DOCS)))
def test_examples_can_be_read(path: Path) -> None:
    """YAML and JSON parse, and what is called a contract is one, unless a page shows a mistake on purpose."""
    for block in pages.read(path).blocks:
        if block.language == "json":
            for line in block.lines:
                json.loads(line)
        if block.language == "yaml":
            parsed = yaml.safe_load(block.text)
            if isinstance(parsed, dict) and "contract" in parsed and "wrong" not in block.title:
                loads(block.text)


def test_the_page_on_recordings_says_what_each_ending_means() -> None:
    text = (DOCS / "reference" / "recording.md").read_text()
    assert not [ending for ending in Ending if f"`{ending}`" not in text]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs", reason="`make docs` installs what builds the site")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)], cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.xdist_group("site")
def test_the_site_asks_no_other_host_for_anything(site: Path) -> None:
    for page in site.rglob("*.html"):
        html = page.read_text()
        asked = re.findall(r"<(?:script|img|iframe|source)[^>]* src=\"?([^\" >]+)", html)
        asked += [link for link in re.findall(r"<link ([^>]*)>", html) if "stylesheet" in link or "preconnect" in link]
        assert not [one for one in asked if "//" in one], page.name


@pytest.mark.xdist_group("site")
def test_the_picture_is_drawn_in_the_page(site: Path) -> None:
    """In the page, not beside it: only so does it follow the page's colours."""
    assert "<svg class=\"figure\"" in (site / "how-it-works.html").read_text()
