"""Whether a file is a recording as this program makes them. Asked before anything in it is used: it may come from a stranger.

SQLite runs what a file's schema says: a view in place of a table never ends, a trigger changes what is written, an index or a
generated column calls functions. So the tables are to be those of the schema, word for word, with nothing on them that acts.
Other tables and views, and plain indexes, are whoever's they are: they are not used, and do no harm.

The values of the small tables are checked with them. Those of the frames are too many to be read before the first one is shown:
`explain` looks at them where something went wrong.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from functools import cache

import orjson

from wsreplay.errors import CorruptRecording
from wsreplay.model import start_of
from wsreplay.store import schema

MOST_NS = 2**62  # 146 years: sums of two such times still fit into 64 bits
MOST_ID = 2**31  # of a connection: the recorder's protocol has 32 bits for it
MOST_FRAME_ID = 2**62
_SMALL_TABLES = ("recording", "connection", "tail", "gap", "hold", "mark", "fault", "finding")
_COMMENT = re.compile(r"--[^\n]*")
_NAME = r'(?:\w+|"\w+"|\[\w+\]|`\w+`)'
_COLUMN = rf" ?{_NAME}(?: ASC| DESC)? ?"
_PLAIN_INDEX = rf"CREATE INDEX {_NAME} ON {_NAME} ?\({_COLUMN}(?:,{_COLUMN})*\)"  # compiled where there is one
# A condition over a frame that no recorder writes.
FRAME_DAMAGE = (
    "typeof(connection_id) <> 'integer' OR typeof(seq) <> 'integer' OR typeof(t_ns) <> 'integer' OR direction NOT IN (0, 1)"
    " OR typeof(opcode) <> 'integer' OR opcode NOT BETWEEN 0 AND 15 OR typeof(flags) <> 'integer'"
    " OR typeof(wire_length) <> 'integer' OR typeof(offset) <> 'integer' OR typeof(type) NOT IN ('text', 'null')"
    f" OR typeof(payload) NOT IN ('blob', 'null') OR t_ns NOT BETWEEN 0 AND {MOST_NS}"
)


def verify(db: sqlite3.Connection, path: str) -> None:
    """Raises NotARecording, NewerSchema or CorruptRecording where an open file is not to be used, or sqlite3.Error."""
    # What a file's schema calls is then only what SQLite knows to be harmless, and a damaged page is found where it is read.
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA cell_size_check = ON")
    check_tables(db, path, schema.version_of(db, path))
    check_values(db, path)


def check_tables(db: sqlite3.Connection, path: str, version: int) -> None:
    """Whether the tables are those of the schema, and nothing on them acts. Raises CorruptRecording."""
    expected = _expected(version)
    missing = set(schema.TABLES)
    pages: set[int] = set()
    objects = db.execute("SELECT type, lower(name), lower(tbl_name), rootpage, sql FROM sqlite_master")
    for kind, name, table, page, sql in objects:
        if page:
            if page in pages:
                raise CorruptRecording(f"{path} is damaged: {name} shares its rows with another table")
            pages.add(page)
        if table not in schema.TABLES:
            continue
        if name in expected:
            if (kind, _words(sql)) != expected[name]:
                raise CorruptRecording(f"{path} cannot be trusted: {name} is {_what(kind)} that wsreplay does not create")
            missing.discard(name)
        elif kind != "index" or not re.fullmatch(_PLAIN_INDEX, _words(sql), re.IGNORECASE):
            raise CorruptRecording(f"{path} cannot be trusted: it has {_what(kind)} on {table} that wsreplay does not create")
    if missing:
        raise CorruptRecording(f"{path} is damaged: it has no table {min(missing)}")


def _what(kind: str) -> str:
    return f"an {kind}" if kind == "index" else f"a {kind}"


def _words(sql: str | None) -> str:
    """A statement without comments and line breaks."""
    return " ".join(_COMMENT.sub(" ", sql or "").split())


@cache
def _expected(version: int) -> dict[str, tuple[str, str]]:
    """What the steps up to a version make, and the index: (kind, statement) by name."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        schema.migrate(db, to=version)
        db.execute(schema.CREATE_FRAME_INDEX)
        return {name: (kind, _words(sql)) for kind, name, sql in db.execute("SELECT type, lower(name), sql FROM sqlite_master")}


def check_values(db: sqlite3.Connection, path: str) -> None:
    """Whether the small tables hold values as declared, which SQLite does not see to. Raises CorruptRecording."""
    for table in _SMALL_TABLES:
        row = db.execute(f"SELECT rowid FROM {table} WHERE {row_damage(db, table)} LIMIT 1").fetchone()
        if row is not None:
            raise CorruptRecording(f"{path} is damaged: row {row[0]} of {table} contains values that no recorder writes")
    for started_at, options in db.execute("SELECT started_at, options FROM recording"):
        try:
            start_of(started_at)
            if not isinstance(orjson.loads(options), dict):
                raise ValueError("options are not an object")
        except ValueError as error:
            raise CorruptRecording(f"{path} is damaged: a row of recording: {error}") from error
    for end in ("min", "max"):
        (frame_id,) = db.execute(f"SELECT {end}(id) FROM frame").fetchone()
        if frame_id is not None and not 1 <= frame_id <= MOST_FRAME_ID:
            raise CorruptRecording(f"{path} is damaged: a frame has the number {frame_id}")


def row_damage(db: sqlite3.Connection, table: str) -> str:
    """A condition over a row that no recorder writes."""
    if table == "frame":
        return FRAME_DAMAGE
    columns = db.execute(f"PRAGMA table_info({table})").fetchall()
    return " OR ".join(_damage(name, kind.lower(), required or key) for _, name, kind, required, _, key in columns)


def _damage(name: str, kind: str, required: bool) -> str:
    """A condition that a value fulfils which no recorder writes into a column."""
    condition = f"typeof({name}) <> '{kind}'"
    match name:
        case "id" | "recording_id":
            condition += f" OR {name} NOT BETWEEN 1 AND {MOST_ID}"
        case "direction":
            condition += " OR direction NOT IN (0, 1)"
        case _ if name.endswith("_ns"):
            condition += f" OR {name} NOT BETWEEN 0 AND {MOST_NS}"
    return condition if required else f"{name} IS NOT NULL AND ({condition})"


def explain(db: sqlite3.Connection, path: str) -> CorruptRecording | None:
    """The first frame with values that no recorder writes, as an error; None where there is none. Reads all frames."""
    row = db.execute(f"SELECT id FROM frame WHERE {FRAME_DAMAGE} LIMIT 1").fetchone()
    return damaged_frame(path, row[0]) if row else None


def damaged_frame(path: str, frame_id: int) -> CorruptRecording:
    """What to say of a frame with values that no recorder writes."""
    return CorruptRecording(f"{path} is damaged: frame {frame_id} contains values that no recorder writes")
