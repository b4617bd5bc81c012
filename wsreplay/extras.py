"""Packages that only some commands need: imported when they are used; a missing one is named with what installs it.

An extra is a group of `[project.optional-dependencies]` in pyproject.toml, as in `pip install 'wsreplay[metrics]'`.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from wsreplay.errors import UsageError


class MissingExtra(UsageError):
    """A package of an extra that is not installed."""

    def __init__(self, extra: str, module: str, purpose: str) -> None:
        """`extra` names the extra, `module` what could not be imported, `purpose` what needs it."""
        super().__init__(f"{purpose} needs {module}, which is not installed: pip install 'wsreplay[{extra}]'")


def require(extra: str, *modules: str, purpose: str) -> ModuleType:
    """Import what an extra brings; gives the first module. Raises MissingExtra.

    `purpose` begins the sentence of the error: "--metrics", "wsreplay sql". Call it first, then import as ever, so that
    type checkers see the import:

        require("metrics", "prometheus_client", purpose="--metrics")
        import prometheus_client
    """
    for module in modules:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or module.partition(".")[0] != error.name.partition(".")[0]:
                raise  # the package is there, and broken
            raise MissingExtra(extra, module.partition(".")[0], purpose) from None
    return importlib.import_module(modules[0])
