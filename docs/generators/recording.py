"""The tables of a recording as a page, from the SQL that makes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from wsreplay.store.schema import APPLICATION_ID, NEWEST, STEPS

INTRODUCTION = f"""# Recording

A recording is one SQLite file, readable with any SQLite tool, and only by its owner (mode 0600). While it is written, a `-wal`
and a `-shm` file belong to it; once it is closed, it is a single file. `PRAGMA application_id` is
`0x{APPLICATION_ID:08x}`, `PRAGMA user_version` is {NEWEST}.

Times are integers in nanoseconds since the start of the file's first run. They come from one monotonic clock per run; the only
wall-clock time is `recording.started_at`. Rows are only ever added, in the order in which the frames arrived.

<!-- test: have chat.db healthy -->
```console
$ sqlite3 chat.db "SELECT type, count(*) FROM frame WHERE direction = 1 AND opcode = 1 GROUP BY type ORDER BY min(id)"
connection_ack|1
agent_started|1
agent_thinking|1
tool_executing|1
tool_completed|1
partial_result|1
agent_completed|1
final_report|1
```

How long the user waited for each event:

```console
$ sqlite3 -column chat.db "SELECT type, round((t_ns - lag(t_ns) OVER (ORDER BY id)) / 1e6, 1) AS ms FROM frame LIMIT 4"
…
```

These queries need nothing but the `sqlite3` program. The rest of this page is the whole schema.
"""


@dataclass
class Column:
    name: str
    kind: str
    comment: str


@dataclass
class Table:
    name: str
    comment: str
    columns: list[Column] = field(default_factory=list)


def page() -> str:
    parts = [INTRODUCTION.replace(_SQLITE3, _NEEDS + _SQLITE3)]
    for table in tables():
        parts.append(f"## {table.name}")
        if table.comment:
            parts.append(_sentence(table.comment))
        rows = [f"| `{one.name}` | {one.kind} | {one.comment.replace('|', chr(92) + '|')} |" for one in table.columns]
        parts.append("\n".join(["| Column | Type | |", "|---|---|---|", *rows]))
    return "\n\n".join([*parts, VALUES])


VALUES = """## How a connection ended { #ending }

| `ending` | |
|---|---|
| `clean` | close frames were exchanged |
| `dropped` | the TCP connection ended without a close frame |
| `refused` | it never became a WebSocket: no upstream, or an answer other than 101 |
| `malformed` | a peer sent bytes that RFC 6455 does not allow; they are kept |
| `truncated` | the recording ends before the connection does |
| `open` | still open, in a recording that grows |

`closed_by` is `client` or `server`, `close_code` and `close_reason` are those of its close frame."""

_SQLITE3 = "<!-- test: have chat.db healthy -->"
_NEEDS = "<!-- test: needs sqlite3 -->\n"


def tables() -> list[Table]:
    """The tables that all steps together make, with the comments of their SQL."""
    found: dict[str, Table] = {}
    for step in STEPS:
        for table in _created(step.sql):
            found[table.name] = table
        for name, column in _added(step.sql):
            found[name].columns.append(column)
    return list(found.values())


def _created(sql: str) -> Iterator[Table]:
    for match in re.finditer(r"CREATE TABLE (\w+) \((.*?)\n?\s*\);(?:[ ]*--\s*([^\n]*))?", sql, re.DOTALL):
        name, body, behind = match[1], match[2], match[3] or ""
        first, _, _ = body.partition("\n")
        before = re.fullmatch(r"\s*--\s*(.*)", first)
        table = Table(name, before[1] if before else behind)
        lines = body.split("\n")[1:] if before else body.split("\n")
        for line in lines:
            definitions, _, comment = line.partition("--")
            table.columns += list(_columns(definitions, comment.strip()))
        yield table


def _added(sql: str) -> Iterator[tuple[str, Column]]:
    for match in re.finditer(r"ALTER TABLE (\w+) ADD COLUMN ([^;]*);(?:[ ]*--\s*([^\n]*))?", sql):
        for column in _columns(match[2], match[3] or ""):
            yield match[1], column


def _columns(definitions: str, comment: str) -> Iterator[Column]:
    for definition in re.split(r",\s*(?![^()]*\))", definitions):
        words = definition.split()
        if len(words) < 2 or words[0] in ("PRIMARY", "UNIQUE", "FOREIGN", "CHECK"):
            continue
        optional = "NOT NULL" not in definition and "PRIMARY KEY" not in definition
        yield Column(words[0], words[1].lower() + (", may be null" if optional else ""), comment)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."
