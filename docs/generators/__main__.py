"""`python -m docs.generators [--check]`."""

from __future__ import annotations

import sys
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


def main(check: bool) -> int:
    """Write every page, or with `check` only say which ones are stale."""
    stale = []
    for name, make in PAGES.items():
        path, text = FOLDER / name, NOTE + make().rstrip() + "\n"
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"docs/{name} {'is not up to date: run `make docs`' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
