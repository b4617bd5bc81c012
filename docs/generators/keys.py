"""The keys of the terminal interface as a page, from its bindings."""

from __future__ import annotations

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

The file is `config.toml` in the folder that your system keeps for the configuration of programs (on Linux
`~/.config/wsreplay/`), or where `WSREPLAY_CONFIG` says.

Where it names no `theme`, the interface has the one that you chose last. That one, and what you filtered and searched by, is
kept in `wsreplay/tui.json` in the folder for the state of programs (on Linux `$XDG_STATE_HOME`, or `~/.local/state/`);
<kbd>up</kbd> in the filter brings earlier ones back.
"""

# By the first part of a binding's name, in the order of the page.
GROUPS = {
    "app": "Everywhere", "screen": "On every screen", "list": "In lists", "sessions": "Sessions", "recordings": "Recordings",
    "session": "A session", "trace": "Findings, from a session or its waterfall", "player": "The player",
    "keep": "Marks, copies, exports", "detail": "The detail", "findings": "All findings", "waterfall": "The waterfall",
    "diff": "A comparison", "query": "The filter", "help": "Help", "listing": "Lists but those of a session",
    "picker": "Choosing a contract, or what to compare with", "prompt": "A question",
}  # fmt: skip
SIGNS = {
    "right_square_bracket": "]", "left_square_bracket": "[", "full_stop": ".", "comma": ",", "greater_than_sign": ">",
    "less_than_sign": "<", "colon": ":", "slash": "/", "backslash": "\\", "apostrophe": "'", "question_mark": "?",
    "plus": "+", "equals_sign": "=", "underscore": "_", "minus": "-",
}  # fmt: skip


def page() -> str:
    groups: dict[str, list[Binding]] = {name: [] for name in GROUPS}
    for binding in sorted(set(bindings()), key=lambda one: str(one.id)):
        groups.setdefault(str(binding.id).partition(".")[0], []).append(binding)
    parts = [INTRODUCTION]
    for name, members in groups.items():
        if members:
            rows = [f"| {_keys(one.key)} | {one.description} | `{one.id}` |" for one in members]
            parts += [f"## {GROUPS.get(name, name.capitalize())}", "\n".join(["| Keys | | Name |", "|---|---|---|", *rows])]
    return "\n\n".join(parts)


def _keys(text: str) -> str:
    return " ".join(f"<kbd>{_escaped(SIGNS.get(key, key))}</kbd>" for key in text.split(","))


def _escaped(key: str) -> str:
    return key.replace("&", "&amp;").replace("<", "&lt;").replace("\\", "&#92;").replace("_", "&#95;")
