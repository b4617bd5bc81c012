"""The page of figures: what `make bench` measured last, as `docs/figures/` holds it."""

from __future__ import annotations

from pathlib import Path

FIGURES = Path(__file__).resolve().parents[1] / "figures"

INTRODUCTION = """# Performance

What you pay for recording, and what you get for it, measured side by side in one run on one machine: each figure is the
median of several rounds, or the best where it says so, and all alternatives take turns within each round. Absolute
figures depend on the machine; the ratios travel better. Measure yours, in a checkout:

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
| × and ÷ | wsreplay's figure, divided by that of the other |

A message counts as recorded when it is committed to the file. An echo's time runs from sending a message until its answer is
back. Where a goal or a budget stands beside a figure, it is the project's own.
"""

EMPTY = "This build of the page holds no figures: none were measured for it."


def page() -> str:
    figures = [path.read_text(encoding="utf-8").strip() for path in sorted(FIGURES.glob("bench-*.md"))]
    return "\n\n".join([INTRODUCTION, *(figures or [EMPTY])])
