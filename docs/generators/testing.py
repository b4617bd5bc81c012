"""`wsreplay.testing` as a page, from its docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import wsreplay.testing

WIDTH = 96  # of a signature in one line

INTRODUCTION = """# Testing library

What `from wsreplay.testing import …` gives. How to use it: [Test](../how-to/test.md).
"""


def page() -> str:
    parts = [INTRODUCTION]
    for name in sorted(wsreplay.testing.__all__, key=_order):
        parts += _described(name, getattr(wsreplay.testing, name))
    return "\n\n".join(parts)


def _order(name: str) -> tuple[bool, str]:
    """Errors and plain values last."""
    return _is_error(name), name


def _is_error(name: str) -> bool:
    one = getattr(wsreplay.testing, name)
    return isinstance(one, type) and issubclass(one, Exception)


def _described(name: str, one: object) -> Iterator[str]:
    yield f"## {name} {{ #{name.lower()} }}"
    if not _is_error(name):
        yield _code(name, one)
    yield _text(one)
    if isinstance(one, type):
        rows = [row for member, value in vars(one).items() if (row := _member(member, value))]
        if rows:
            yield "\n".join(["| Member | |", "|---|---|", *rows])


def _code(name: str, one: object) -> str:
    assert callable(one)
    parameters = list(_parameters(inspect.signature(one), annotated=True))
    short = f"{name}({', '.join(parameters)})"
    if len(short) > WIDTH:
        short = f"{name}(\n" + "".join(f"    {part},\n" for part in parameters) + ")"
    return f"```python\n{short}\n```"


def _parameters(signature: inspect.Signature, *, annotated: bool) -> Iterator[str]:
    """Each parameter as it is written; annotations are texts already, since the modules postpone their evaluation."""
    keyword_only = False
    for parameter in signature.parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            yield "*"
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        keyword_only |= stars == "*"
        text = stars + parameter.name
        if annotated and parameter.annotation is not parameter.empty:
            text += f": {parameter.annotation}"
        if parameter.default is not parameter.empty:
            text += f" = {_default(parameter.default)}" if annotated else f"={_default(parameter.default)}"
        yield text


def _default(value: object) -> str:
    return "…" if callable(value) else repr(value)


def _member(name: str, value: object) -> str | None:
    if name.startswith("_"):
        return None
    if isinstance(value, property):
        if not _line(value):
            return None
        return f"| <code>{name}</code> | {_line(value)} |"
    if inspect.isfunction(value):
        shown = f"{name}({', '.join(_parameters(inspect.signature(value), annotated=False))})"
        awaited = "await " if inspect.iscoroutinefunction(value) else ""
        return f"| <code>{_escaped(awaited + shown)}</code> | {_line(value)} |"
    return None


def _text(one: object) -> str:
    return inspect.getdoc(one) or ""


def _line(one: object) -> str:
    return re.sub(r"\s+", " ", _text(one)).replace("|", "&#124;")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;")
