"""Puts the code of a mutant into the functions of a running interpreter.

The test modules are collected once; a forked child then takes the mutant's code into the functions that are already there
(`function.__code__`), wherever a class, a decorator or a table holds them. So a mutant costs its tests and no start.
"""

from __future__ import annotations

import ast
import gc
import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tools.mutants.mutants import Mutant



def swap(mutant: Mutant) -> int:
    """Put the mutant's code into every function that runs the original's, and return how many there were."""
    path = str(mutant.path.resolve())
    original, mutated = (compile(source, path, "exec", dont_inherit=True) for source in (mutant.original, mutant.mutated))
    codes = {
        _place(before): after
        for before, after in _pairs(original, mutated)
        if before != after and before.co_flags & inspect.CO_OPTIMIZED  # a function's, not a class body's or the module's
    }
    defaults = _changed_defaults(mutant)
    swapped = 0
    gc.unfreeze()  # what the tests' conftest.py froze is not among the objects otherwise
    for function in [found for found in gc.get_objects() if type(found) is FunctionType]:
        code = function.__code__
        if code.co_filename != path:
            continue
        if (changed := defaults.get((code.co_qualname, code.co_firstlineno))) is not None:
            _set_default(function, *changed)
            swapped += 1
        if (replacement := codes.get(_place(code))) is not None and len(replacement.co_freevars) == len(code.co_freevars):
            function.__code__ = replacement
            swapped += 1
    return swapped


def _place(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def _pairs(original: CodeType, mutated: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """The code objects of both trees side by side; where a mutant has lost an inner function, only the outer one."""
    yield original, mutated
    inner = [[code for code in outer.co_consts if isinstance(code, CodeType)] for outer in (original, mutated)]
    if len(inner[0]) == len(inner[1]):
        for before, after in zip(*inner, strict=True):
            yield from _pairs(before, after)


def _changed_defaults(mutant: Mutant) -> dict[tuple[str, int], tuple[str, Any]]:
    """Which parameter of which function got which default; at most one, as a mutant is one change."""
    pairs = zip(_functions(ast.parse(mutant.original)), _functions(ast.parse(mutant.mutated)), strict=True)
    for (name, before), (_, after) in pairs:
        for parameter, value in _defaults(after).items():
            if ast.dump(value) != ast.dump(_defaults(before)[parameter]):
                return {(name, _first_line(before)): (parameter, ast.literal_eval(value))}
    return {}


def _first_line(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """As `co_firstlineno` counts: with the decorators."""
    return min(node.lineno for node in (function, *function.decorator_list))


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name, node
            yield from _functions(node, f"{prefix}{node.name}.<locals>.")
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")
        else:
            yield from _functions(node, prefix)


def _defaults(function: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, ast.expr]:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    found = {name.arg: value for name, value in zip(reversed(positional), reversed(arguments.defaults), strict=False)}
    return found | {name.arg: value for name, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value}


def _set_default(function: FunctionType, parameter: str, value: Any) -> None:
    named = function.__kwdefaults__ or {}
    if parameter in named:
        function.__kwdefaults__ = {**named, parameter: value}
        return
    values = list(function.__defaults__ or ())
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    values[names.index(parameter) - len(names)] = value
    function.__defaults__ = tuple(values)
