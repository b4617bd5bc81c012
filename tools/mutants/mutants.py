"""The mutants of a tree of modules: one small change to one function each, and a sample of them that repeats.

The changes are mutmut's operators: a comparison turned round, a number one higher, an argument left out, a string
altered (DeMillo, Lipton, Sayward 1978). Only what stands in functions and methods is changed.

A mutant's rank is a hash of the seed, the function's name and the change, and a sample is the lowest ranks. Nothing of it
depends on the file or the line, so a function that moves to another module takes its mutants with it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

# Calls that a type checker or an assertion lives by, where a change says nothing about a test.
UNTOUCHED_CALLS = {"len", "isinstance", "cast"}
# Arguments that assert: `strict` of zip says that the lengths are equal, which holds.
UNTOUCHED_ARGUMENTS = {"strict"}
# Nodes that do nothing when a function runs.
SPACE = cst.BaseParenthesizableWhitespace | cst.TrailingWhitespace | cst.EmptyLine | cst.Newline
UNCHANGED = cst.Annotation | cst.Decorator | SPACE
# Statements with a head and a body: a change in the head is run where the statement starts.
COMPOUND = cst.BaseCompoundStatement | cst.MatchCase | cst.ExceptHandler | cst.ExceptStarHandler | cst.Else | cst.Finally


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change to one function: the lines of its statement, and the module's source before and with it."""

    path: Path
    function: str
    # First and last line of the statement in the original, counted from 1.
    lines: tuple[int, int]
    # The changed lines before and after, without indentation.
    before: str
    after: str
    original: str
    mutated: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What names the mutant wherever its function stands."""
        return self.function, self.before, self.after


@dataclass(frozen=True, slots=True)
class Change:
    """A node of a module and what is put in its place."""

    path: Path
    source: str
    module: cst.Module
    function: str
    lines: tuple[int, int]
    # The statement of the module that holds the node, the node, and what replaces it.
    top: cst.CSTNode
    node: cst.CSTNode
    replacement: cst.CSTNode
    rank: bytes

    def mutant(self) -> Mutant:
        top = self.top.deep_replace(self.node, self.replacement)
        body = [top if statement is self.top else statement for statement in self.module.body]
        mutated = self.module.with_changes(body=body).code
        before, after = _changed_lines(self.source, mutated)
        return Mutant(self.path, self.function, self.lines, before, after, self.source, mutated)


def _assertions(node: cst.CSTNode) -> list[str]:
    """The arguments of a call that assert, as far as they are names such as True."""
    named = node.args if isinstance(node, cst.Call) else ()
    return [
        f"{argument.keyword.value}={argument.value.value}"
        for argument in named
        if argument.keyword is not None
        and argument.keyword.value in UNTOUCHED_ARGUMENTS
        and isinstance(argument.value, cst.Name)
    ]


def _changed_lines(original: str, mutated: str) -> tuple[str, str]:
    before, after = original.splitlines(), mutated.splitlines()
    while before and after and before[0] == after[0]:
        del before[0], after[0]
    while before and after and before[-1] == after[-1]:
        del before[-1], after[-1]
    return "\n".join(line.strip() for line in before), "\n".join(line.strip() for line in after)


def changes(paths: Iterable[Path], seed: int) -> Iterator[Change]:
    """Every change to the functions of these modules."""
    for path in paths:
        source = path.read_text()
        wrapper = MetadataWrapper(cst.parse_module(source))
        finder = _Finder(path, source, wrapper.module, seed)
        wrapper.visit(finder)
        yield from finder.changes


class _Finder(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, path: Path, source: str, module: cst.Module, seed: int) -> None:
        super().__init__()
        self.path = path
        self.source = source
        self.module = module
        self.seed = seed
        self.changes: list[Change] = []
        # The classes and functions around the node, from the outermost.
        self._scopes: list[cst.ClassDef | cst.FunctionDef] = []
        # The statements around the node, from the outermost.
        self._statements: list[cst.CSTNode] = []
        # How often the same change came in the same function: each has its own rank.
        self._seen: Counter[tuple[str, str, str]] = Counter()

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, UNCHANGED):
            return False
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value in UNTOUCHED_CALLS:
            return False
        if isinstance(node, cst.Arg) and node.keyword is not None and node.keyword.value in UNTOUCHED_ARGUMENTS:
            return False
        if isinstance(node, cst.Param) and not isinstance(node.default, cst.Name | cst.BaseNumber | cst.BaseString):
            return False
        if isinstance(node, cst.ClassDef | cst.FunctionDef):
            self._scopes.append(node)
        if isinstance(node, cst.SimpleStatementLine | COMPOUND):
            self._statements.append(node)
        if any(isinstance(scope, cst.FunctionDef) for scope in self._scopes):
            self._mutate(node)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if self._scopes and self._scopes[-1] is original_node:
            self._scopes.pop()
        if self._statements and self._statements[-1] is original_node:
            self._statements.pop()

    def _mutate(self, node: cst.CSTNode) -> None:
        replacements = [
            replacement
            for kind, operator in mutation_operators
            if isinstance(node, kind)
            for replacement in operator(node)
            if _assertions(replacement) == _assertions(node)
        ]
        if replacements:
            code = self.module.code_for_node(node)
            self.changes += [self._change(node, code, replacement) for replacement in replacements]

    def _change(self, node: cst.CSTNode, code: str, replacement: cst.CSTNode) -> Change:
        function = ".".join(scope.name.value for scope in self._scopes)
        edit = (function, code, self.module.code_for_node(replacement))
        self._seen[edit] += 1
        text = "\0".join((str(self.seed), *edit, str(self._seen[edit])))
        return Change(
            self.path,
            self.source,
            self.module,
            function,
            self._lines(node),
            self._statements[0],
            node,
            replacement,
            hashlib.sha256(text.encode()).digest(),
        )

    def _lines(self, node: cst.CSTNode) -> tuple[int, int]:
        statement = self._statements[-1]
        if isinstance(statement, cst.FunctionDef):  # a default, which is at work wherever the body is
            body = self.get_metadata(PositionProvider, statement.body)
            return body.start.line, body.end.line
        around = self.get_metadata(PositionProvider, statement)
        inner = around if isinstance(statement, cst.SimpleStatementLine) else self.get_metadata(PositionProvider, node, around)
        return around.start.line, inner.end.line


def sample(found: Iterable[Change], count: int) -> list[Mutant]:
    """The `count` mutants of the lowest rank, without those that change nothing a reader would see."""
    chosen: list[Mutant] = []
    for change in sorted(found, key=lambda change: change.rank):
        if len(chosen) == count:
            break
        mutant = change.mutant()
        if mutant.before != mutant.after:
            chosen.append(mutant)
    return chosen
