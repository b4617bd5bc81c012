"""Results as aligned text, Markdown and JSON."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

FIGURES = Path(__file__).parents[1] / "docs" / "figures"


@dataclass
class Table:
    title: str
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    raw: dict[str, dict[str, list[float]]] = field(default_factory=dict)  # every figure of every round
    note: str = ""  # what the figures have to be read with

    def text(self) -> str:
        lines = [self.header, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.header))]
        out = [self.title]
        for line in lines:
            cells = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))
            out.append("  ".join((line[0].ljust(widths[0]), *cells)).rstrip())
        out += textwrap.wrap(self.note, 100)
        return "\n".join(out)

    def markdown(self) -> str:
        rule = ["---", *["---:"] * (len(self.header) - 1)]
        lines = ("| " + " | ".join(line) + " |" for line in (self.header, rule, *self.rows))
        return "\n".join([f"### {self.title}", "", *lines, *(["", self.note] if self.note else [])])


def count(figure: float | None) -> str:
    if figure is None:
        return "–"
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.1f}"


def ratio(figure: float | None, goal: str) -> str:
    """A ratio beside its goal, such as `≥ 0.6`, and whether it is reached."""
    if figure is None:
        return "–"
    text = f"{figure:.2f}×" if figure < 10 else f"{figure:.0f}×"
    if not goal:
        return text
    sign, bound = goal.split()
    reached = figure >= float(bound) if sign == "≥" else figure <= float(bound)
    return f"{text} ({goal}: {'yes' if reached else 'NO'})"


def save(folder: Path, name: str, tables: list[Table], about: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    fields = ("title", "header", "rows", "note", "raw")
    body = {"about": about, "tables": [{name: getattr(table, name) for name in fields} for table in tables]}
    (folder / f"{name}.json").write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n")
    facts = ", ".join(f"{key} {value}" for key, value in about.items())
    (folder / f"{name}.md").write_text("\n\n".join([facts, *(table.markdown() for table in tables)]) + "\n")


def publish(folder: Path, name: str, tables: list[Table], about: dict[str, str], goals: bool = True) -> None:
    """Write a scenario's tables for the documentation, with the goals beside the ratios or without."""
    facts = ", ".join(f"{key} {value}" for key, value in about.items())
    text = "\n\n".join([*(table.markdown() for table in tables), f"*{facts}*"])
    folder.mkdir(exist_ok=True)
    (folder / f"bench-{name}.md").write_text((text if goals else re.sub(r" \([≤≥][^)]*\)", "", text)) + "\n")
