"""The page of figures: what `make bench` measured last, as `docs/figures/` holds it."""

from __future__ import annotations

from pathlib import Path

FIGURES = Path(__file__).resolve().parents[1] / "figures"

INTRODUCTION = """# Performance

The cost of recording, compared with alternatives that were measured in turn, in one run on one machine. Each figure is the
median of several rounds, unless it says otherwise. Absolute figures depend on the machine; ratios depend on it less. To
measure on yours, run this in a checkout:

<!-- test: not run: of the checkout -->
```console
$ make bench
```

| Column | |
|---|---|
| direct | client and server without anything between them |
| bare relay | a proxy that copies bytes and records nothing |
| mitmproxy | `mitmdump` in reverse mode, writing its flows to a file |
| executemany | the same rows put into the same tables, without any network |
| × and ÷ | wsreplay's figure, divided by the other one |

A message counts as recorded when it is committed to the file. An echo is timed from sending a message to receiving its
answer. Goals and budgets are the project's own.
"""

EMPTY = "This build of the page holds no figures: none were measured for it."


def page() -> str:
    figures = [path.read_text(encoding="utf-8").strip() for path in sorted(FIGURES.glob("bench-*.md"))]
    return "\n\n".join([INTRODUCTION, *(figures or [EMPTY])])
