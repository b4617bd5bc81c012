"""SQL stands in `store` alone, so that the schema can change in one place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import wsreplay

PACKAGE = Path(wsreplay.__file__).parent
# Statements in any case; what only a piece of one holds in capitals, as SQL is written here, or with the names of the schema.
_STATEMENT = re.compile(
    r"\bselect\b.+\bfrom\b|\binsert\s+(or\s+\w+\s+)?into\b|\bupdate\b.+\bset\b.+=|\bdelete\s+from\b|\breplace\s+into\b"
    r"|\b(create|drop|alter)\s+(unique\s+|temp\s+)?(table|index|view|trigger)\b|\bpragma\s+\w+|\bbegin\s+(immediate|exclusive)\b",
    re.IGNORECASE | re.DOTALL,
)
_PIECE = re.compile(
    r"\b(SELECT|FROM|WHERE|JOIN|VALUES|ORDER BY|GROUP BY|IS (NOT )?NULL|BETWEEN \?|GLOB|VACUUM|ATTACH|COMMIT|ROLLBACK)\b"
    r"|\b(coalesce|instr|typeof|json_each)\(| (…|=|<|>|<=|>=) \?|\bIN \("
)


def sql_in(source: str) -> list[tuple[int, str]]:
    """The string literals of a module that are SQL, or a piece of it, and their lines; `…` is what an f-string puts in."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    docstrings = {id(docstring) for docstring in _docstrings(nodes)}
    return [
        (line, text)
        for node, line, text in _literals(nodes)
        if id(node) not in docstrings and (_STATEMENT.search(text) or _PIECE.search(text))
    ]


def _docstrings(nodes: list[ast.AST]) -> Iterator[ast.expr]:
    for node in nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value


def _literals(nodes: list[ast.AST]) -> Iterator[tuple[ast.AST, int, str]]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node, node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
            yield node, node.lineno, "".join(map(str, parts))


def test_no_module_outside_the_store_holds_sql() -> None:
    homes = (PACKAGE / "store", PACKAGE / "arrow" / "sql.py")  # the latter's SQL is DuckDB's, over tables of its own
    outside = [path for path in PACKAGE.rglob("*.py") if not any(map(path.is_relative_to, homes))]
    assert len(outside) > 200
    strays = [f"{path.relative_to(PACKAGE)}:{line}: {text}" for path in outside for line, text in sql_in(path.read_text())]
    assert not strays, "\n".join(strays)


def test_every_statement_of_the_store_is_recognised() -> None:
    """The scan can fail: it finds what is handed to SQLite in the modules that do it."""
    for name in ("annotations", "checkpoint", "condition", "paging", "reader", "resume", "schema", "verify", "writer"):
        assert sql_in((PACKAGE / "store" / f"{name}.py").read_text()), name


@pytest.mark.parametrize(
    "source",
    [
        'db.execute("SELECT id FROM frame")',
        'db.execute("select id\\n from frame")',
        'db.execute(f"SELECT {columns} FROM {table}")',
        'query("SELECT id" " FROM frame")',
        'add("insert into gap values (1)")',
        'db.execute("PRAGMA page_size = 4096")',
        'where = f"{column} = ?"',
        'where = f"{where} AND +connection_id IN ({marks})"',
        'where = "type IS NOT NULL"',
    ],
)
def test_sql_is_recognised(source: str) -> None:
    assert sql_in(source)


@pytest.mark.parametrize(
    "source",
    [
        'def f():\n    """SELECT id FROM frame."""',
        'error = "where it comes from, and what to do"',
        'title = f"{name} = {value}"',
    ],
)
def test_words_are_not_sql(source: str) -> None:
    assert not sql_in(source)
