"""`python -m docs.generators [PAGE…]`, such as `reference/cli.md`: writes these pages, or all."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from docs.generators import commands, contracts, keys, mutation, performance, recording, testing, verdict

FOLDER = Path(__file__).resolve().parents[1]
PAGES = {
    "reference/cli.md": commands.page,
    "reference/keys.md": keys.page,
    "reference/contracts.md": contracts.language_page,
    "reference/builtin-contracts.md": contracts.builtin_page,
    "reference/mutation-scores.md": mutation.page,
    "reference/recording.md": recording.page,
    "reference/verdict-json.md": verdict.page,
    "reference/testing.md": testing.page,
    "performance.md": performance.page,
}
NOTE = "<!-- Made by `make docs`: change what it is made from, not this page. -->\n\n"


def text_of(name: str) -> str:
    """A page as it should be."""
    return f"{NOTE}{PAGES[name]().rstrip()}\n"


def main(names: Sequence[str]) -> None:
    """Write these pages, or all."""
    for name in names or PAGES:
        path, text = FOLDER / name, text_of(name)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"docs/{name} written")


if __name__ == "__main__":
    main(sys.argv[1:])
