"""State is told where it begins: a comment says what an attribute holds, its unit, when it changes, what nothing means."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import wsreplay

PACKAGE = Path(wsreplay.__file__).parent
# Calls that begin something empty, which is filled later.
CONTAINERS = frozenset({"Counter", "OrderedDict", "bytearray", "defaultdict", "deque", "dict", "list", "set"})
_COMMENT = re.compile(r"(?:^ *|  )# (?!type:|noqa|pragma:|fmt:)")

Beginning = ast.Assign | ast.AnnAssign


def untold_in(source: str) -> list[tuple[int, str]]:
    """The lines on which an attribute begins, as a constant or as an empty container, without a comment; and its name.

    The comment stands on the line, above it, or above the lines that begin the attributes right before it. The docstring of a
    dataclass counts for the fields that it names: `name`.
    """
    comments = _comments(source)
    return [
        (statement.lineno, ast.unparse(_attribute(statement)))
        for statements in _beginnings(ast.parse(source))
        for statement in statements
        if statement.value is not None and _is_bare(statement.value) and not _is_told(statement, statements, comments)
    ]


def _comments(source: str) -> set[int]:
    """The lines with a comment that is for people, as ruff sets them: alone, or two spaces behind code."""
    return {number for number, line in enumerate(source.splitlines(), 1) if _COMMENT.search(line)}


def _beginnings(tree: ast.AST) -> Iterator[list[Beginning]]:
    """The statements that begin attributes, body by body: in `__init__`, or in a dataclass whose objects change."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            for body in _nested(node.body):
                yield [child for child in body if isinstance(child, Beginning) and _sets_attributes(child)]
        elif isinstance(node, ast.ClassDef) and any(_makes_mutable(decorator) for decorator in node.decorator_list):
            docstring = ast.get_docstring(node) or ""
            fields = [child for child in node.body if isinstance(child, ast.AnnAssign)]
            yield [child for child in fields if f"`{ast.unparse(child.target)}`" not in docstring]


def _nested(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """A body, and those of the statements in it: what is set in an `if` or a `with`."""
    yield body
    for statement in body:
        for name in ("body", "orelse", "finalbody"):
            yield from _nested(getattr(statement, name, []))


def _makes_mutable(decorator: ast.expr) -> bool:
    call = decorator if isinstance(decorator, ast.Call) else None
    name = ast.unparse(call.func if call else decorator)
    frozen = any(keyword.arg == "frozen" for keyword in call.keywords) if call else False
    return name.rpartition(".")[2] == "dataclass" and not frozen


def _attribute(statement: Beginning) -> ast.expr:
    """What a statement sets: `self.a`, `a` of a dataclass, or several of them."""
    return statement.targets[0] if isinstance(statement, ast.Assign) else statement.target


def _sets_attributes(statement: Beginning) -> bool:
    match _attribute(statement):
        case ast.Attribute(value=ast.Name("self")) | ast.Tuple(elts=[ast.Attribute(value=ast.Name("self")), *_]):
            return True
    return False


def _is_bare(value: ast.expr) -> bool:
    """Whether a value says nothing of what will stand there: a constant, or something empty."""
    match value:
        case ast.Constant() | ast.UnaryOp(operand=ast.Constant()):
            return True
        case ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Dict(keys=[]):
            return True
        case ast.Tuple(elts=values):
            return any(_is_bare(value) for value in values)
        case ast.Call(func=ast.Name(id="field"), keywords=keywords):
            return any(keyword.arg in ("default", "default_factory") for keyword in keywords)
        case ast.Call(func=function, args=args):
            name = ast.unparse(function).rpartition(".")[2]
            return name in CONTAINERS and (not args or name in ("defaultdict", "deque"))
    return False


def _is_told(statement: Beginning, statements: list[Beginning], comments: set[int]) -> bool:
    """Whether a comment stands on a statement, above it, or above the attributes that begin right before it."""
    if any(line in comments for line in range(statement.lineno, _last_line(statement) + 1)):
        return True
    above = {_last_line(other): other.lineno for other in statements}
    line = statement.lineno - 1
    while line in above:
        line = above[line] - 1
    return line in comments


def _last_line(statement: Beginning) -> int:
    return statement.end_lineno or statement.lineno


def modules() -> Iterator[tuple[str, str]]:
    """The path of each module inside the package, and its source."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield str(path.relative_to(PACKAGE)), path.read_text(encoding="utf-8")


def test_each_piece_of_state_has_its_comment() -> None:
    untold = [f"wsreplay/{path}:{line} {name}" for path, source in modules() for line, name in untold_in(source)]
    assert untold == [], f"{len(untold)} without a comment:\n" + "\n".join(untold)


def _in_class(*lines: str) -> str:
    return "class Kept:\n    def __init__(self, a):\n" + "".join(f"        {line}".rstrip() + "\n" for line in lines)


@pytest.mark.parametrize(
    "value",
    ["None", "0", "-1", "''", "True", "[]", "{}", "()", "set()", "dict()", "deque(maxlen=3)", "defaultdict(list)",
     "collections.Counter()", "bytearray()", "(0, a)"],
)  # fmt: skip
def test_state_without_a_comment_is_seen(value: str) -> None:
    assert untold_in(_in_class(f"self.a = {value}")) == [(3, "self.a")]
    assert untold_in(_in_class(f"self._a: A[B] = {value}")) == [(3, "self._a")]


@pytest.mark.parametrize("value", ["a", "a.b", "[1]", "{1: 2}", "dict(a)", "set(a)", "A()", "f'{a}'"])
def test_what_begins_with_a_meaning_needs_no_comment(value: str) -> None:
    assert untold_in(_in_class(f"self.a = {value}")) == []


@pytest.mark.parametrize(
    "lines",
    [
        ("self.a = 0  # bytes",), ("# bytes", "self.a = 0"), ("# both", "self.a = 0", "self.b = 0"),
        ("# all", "self.a, self.b = a, 0", "self.b = [  # some", "]", "self.c: C = {}"),
        ("# on", "with a:", "    # off", "    self.a = 0"), ("a: int = 0",), ("b = []",),
    ],
)  # fmt: skip
def test_a_comment_counts_for_the_lines_that_follow_it(lines: tuple[str, ...]) -> None:
    assert untold_in(_in_class(*lines)) == []


@pytest.mark.parametrize(
    "lines",
    [
        ("# a", "", "self.b = 0"), ("# a", "self.a = 0", "", "self.b = 0"), ("# a", "self.a = 0", "print(a)", "self.b = 0"),
        ("self.a = a  # a", "self.b = 0"), ("self.b = 0  # type: ignore[assignment]",), ("# a", "with a:", "    self.b = 0"),
        ("self.b = '# a'",),  ("if a:", "    self.b = 0"),
    ],
)  # fmt: skip
def test_a_comment_ends_with_its_lines(lines: tuple[str, ...]) -> None:
    assert [name for _, name in untold_in(_in_class(*lines))] == ["self.b"]


@pytest.mark.parametrize("field", ["a: int = 0", "a: list[int] = field(default_factory=list)", "a: int = field(default=0)"])
def test_fields_of_objects_that_change_are_state(field: str) -> None:
    assert untold_in(f"@dataclass(slots=True)\nclass Kept:\n    b: int\n    {field}\n") == [(4, "a")]
    assert untold_in(f"@dataclasses.dataclass\nclass Kept:\n    # b\n    b: int\n    {field}\n") == []
    assert untold_in(f"@dataclass(frozen=True)\nclass Value:\n    {field}\n") == []
    assert untold_in(f"@dataclass\nclass Kept:\n    '''What `a` is.'''\n\n    {field}\n") == []
