"""Names say what they name: a variable carries its noun, and no two classes share a name."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import wsreplay

PACKAGE = Path(wsreplay.__file__).parent
# Words that stand for anything: the noun of what they hold says more.
NO_NOUNS = frozenset({"one", "each", "those", "found", "said", "told"})


def unnamed_in(source: str) -> list[tuple[int, str]]:
    """The lines of a module on which a variable or a parameter without a noun gets its value, and its name."""
    return [(line, name) for line, name in _bound(ast.parse(source)) if name in NO_NOUNS]


def _bound(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.lineno, node.name


def modules() -> Iterator[tuple[str, str]]:
    """The path of each module inside the package, and its source."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield str(path.relative_to(PACKAGE)), path.read_text(encoding="utf-8")


def test_a_variable_carries_its_noun() -> None:
    unnamed = {path: places for path, source in modules() if (places := unnamed_in(source))}
    assert unnamed == {}


def test_no_two_classes_share_a_name() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for path, source in modules():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(path)
    shared = {name: paths for name, paths in homes.items() if len(paths) > 1}
    assert shared == {}


@pytest.mark.parametrize(
    "source",
    [
        "for one in rules: pass", "[each for each in rules]", "if (found := find()): pass", "def tell(said): pass",
        "lambda told: 1", "with file() as one: pass", "try: pass\nexcept ValueError as found: pass",
        "match rule:\n    case [one, *_]: pass", "a, (found, b) = 1, (2, 3)",
    ],
)  # fmt: skip
def test_every_way_to_name_a_variable_is_seen(source: str) -> None:
    assert unnamed_in(source)


def test_what_has_its_noun_passes() -> None:
    assert unnamed_in("for rule in self.one(each=1): found.said = told") == []
