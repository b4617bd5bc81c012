"""The keys of the terminal interface as a page, from its bindings."""

from __future__ import annotations

import re
from collections.abc import Sequence

from textual.binding import Binding

from wsreplay.tui.bindings import bindings

INTRODUCTION = """# Keys

All keys of [`wsreplay tui`](cli.md#tui). `?` shows those that work where you are. The mouse works everywhere too, unless
`--no-mouse` leaves it to the terminal.

Each key has a name, by which a configuration file can give it another one:

```toml
theme = "light"
ascii = false
mouse = true

[keys]
"list.down" = "j,down,ctrl+n"
```

Unknown names, and keys that are assigned twice, are reported when the interface starts.

The file is `config.toml` in the folder where your system keeps the configuration of programs (on Linux
`~/.config/wsreplay/`), or the file that the environment variable `WSREPLAY_CONFIG` names.

Without a `theme` there, the one you chose last is used. It is kept, with your filters and searches, in `wsreplay/tui.json`
in the folder for the state of programs (on Linux `$XDG_STATE_HOME`, or `~/.local/state/`); <kbd>up</kbd> in the filter
recalls them.
"""

# By the first part of a binding's name, in the order of the page.
GROUPS = {
    "app": "Everywhere", "screen": "On every screen", "list": "In lists", "sessions": "Sessions", "recordings": "Recordings",
    "session": "A session", "trace": "Findings, from a session or its waterfall", "playback": "The player",
    "keep": "Marks, copies, exports", "detail": "The detail", "findings": "All findings", "waterfall": "The waterfall",
    "diff": "A comparison", "query": "The filter", "help": "Help",
    "listing": "Lists of recordings, sessions, findings and differences",
    "picker": "Choosing a contract, or what to compare with", "prompt": "A field to type in",
    "choice": "A choice of answers", "statistics": "Statistics",
}  # fmt: skip
SIGNS = {
    "right_square_bracket": "]", "left_square_bracket": "[", "full_stop": ".", "comma": ",", "greater_than_sign": ">",
    "less_than_sign": "<", "colon": ":", "slash": "/", "backslash": "\\", "apostrophe": "'", "question_mark": "?",
    "percent_sign": "%", "plus": "+", "equals_sign": "=", "underscore": "_", "minus": "-",
}  # fmt: skip

_NUMBERED = re.compile(r"_\d$")


def page() -> str:
    groups: dict[str, list[Binding]] = {name: [] for name in GROUPS}
    for binding in sorted(set(bindings()), key=lambda one: str(one.id)):
        groups.setdefault(str(binding.id).partition(".")[0], []).append(binding)
    parts = [INTRODUCTION]
    for name, members in groups.items():
        if members:
            numbered = [binding for binding in members if _NUMBERED.search(str(binding.id))]
            others = [binding for binding in members if binding not in numbered]
            rows = [f"| {_keys(binding.key)} | {binding.description} | `{binding.id}` |" for binding in others]
            rows += _numbered(numbered)
            parts += [f"## {GROUPS[name]}", "\n".join(["| Keys | | Name |", "|---|---|---|", *rows])]
    return "\n\n".join(parts)


def _numbered(members: Sequence[Binding]) -> list[str]:
    """One row for keys that do the same with a number of their own."""
    if not members:
        return []
    first, last = members[0], members[-1]
    named = f"`{first.id}` … `{last.id}`"
    ends = " … ".join((first.description, last.description.split(maxsplit=1)[-1]))
    return [f"| {_keys(first.key)} … {_keys(last.key)} | {ends} | {named} |"]


def _keys(text: str) -> str:
    return " ".join(f"<kbd>{_escaped(SIGNS.get(key, key))}</kbd>" for key in text.split(","))


def _escaped(key: str) -> str:
    return key.replace("&", "&amp;").replace("<", "&lt;").replace("\\", "&#92;").replace("_", "&#95;")
