"""What others build on says what it takes and gives: public functions, methods and classes have docstrings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import wsreplay

PACKAGE = Path(wsreplay.__file__).parent
LEAST_SHARE = 0.8
# Packages that are used as a library: by the rest of this one, by tests, by programs of others.
LIBRARIES = ("contract", "decode", "diff", "proxy", "recorder", "report", "store", "testing", "trace", "wire")
# Methods whose meaning is told once, where a decoder or a rule is described.
TOLD_IN_PROTOCOL = {"decode": frozenset({"parse", "encode"}), "contract": frozenset({"patterns", "paths", "may_concern"})}

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def public(node: ast.AST) -> Iterator[Definition]:
    """The public definitions of a module or class, and those within public classes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Definition) and not child.name.startswith("_"):
            yield child
            if isinstance(child, ast.ClassDef):
                yield from public(child)


@pytest.mark.parametrize("package", LIBRARIES)
def test_most_of_what_is_public_has_a_docstring(package: str) -> None:
    told = TOLD_IN_PROTOCOL.get(package, frozenset())
    definitions = [
        (path.relative_to(PACKAGE), definition)
        for path in sorted((PACKAGE / package).rglob("*.py"))
        for definition in public(ast.parse(path.read_text(encoding="utf-8")))
        if definition.name not in told
    ]
    bare = [f"{path}:{item.lineno} {item.name}" for path, item in definitions if ast.get_docstring(item) is None]
    share = 1 - len(bare) / len(definitions)
    print(f"\n{package}: {share:.0%} of {len(definitions)}")
    assert share >= LEAST_SHARE, "\n".join(bare)


def _contents(docstring: str) -> list[str]:
    """The modules and packages that a package's docstring lists, a line each: `name    what it is`."""
    return [name.rstrip("/") for name in re.findall(r"^ {4}(\w+/?)(?= {2,}\S)", docstring, re.MULTILINE)]


PACKAGES = sorted(path.parent for path in PACKAGE.rglob("__init__.py"))


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: str(folder.relative_to(PACKAGE.parent)))
def test_a_package_lists_modules_that_it_has(folder: Path) -> None:
    docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")), clean=False)
    modules = {path.stem for path in folder.iterdir()}
    assert [name for name in _contents(docstring or "") if name not in modules] == []


def test_a_list_of_modules_is_seen() -> None:
    docstring = "Kinds.\n\n    table       lists them\n    rules/      a file each\n    g = table()   \n"
    assert _contents(docstring) == ["table", "rules"]
