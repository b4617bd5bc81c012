"""The rule that a finding is of, in the user's editor."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wsreplay.contract import builtin_names
from wsreplay.errors import UsageError

if TYPE_CHECKING:
    from wsreplay.validator.findings import Finding

EDITOR = "vi"
# Editors that take a line in another way than `+LINE FILE`, and return at once unless they are told to wait.
_GRAPHICAL = frozenset(("code", "codium", "cursor", "windsurf"))


def place_of(finding: Finding, contracts: Sequence[str]) -> tuple[Path, int]:
    """The file and the line of a finding's rule. Raises UsageError where that is no file of the user's.

    `contracts` are those that are used, as they were asked for: names of built-in ones, or files.
    """
    name = finding.file.removesuffix(".yaml")
    path = Path(finding.file)
    if name in builtin_names() and finding.file not in contracts:
        raise UsageError(
            f"the rule {finding.rule} is in the built-in contract {name}: make one of your own that begins with"
            f" `extends: {name}`, or copy it by `wsreplay contract show {name}`, and choose it with c"
        )
    if not path.is_file():
        raise UsageError(f"the rule {finding.rule} is in {finding.file}, which is not there any more")
    return path, max(1, finding.line)


def edit(path: Path, line: int) -> bool:
    """Open a file at a line in $VISUAL or $EDITOR, and wait; whether it was changed. Raises UsageError."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or EDITOR
    try:
        command = shlex.split(editor)
        before = path.read_bytes()
        place = ["--wait", "--goto", f"{path}:{line}"] if Path(command[0]).name in _GRAPHICAL else [f"+{line}", str(path)]
        subprocess.run([*command, *place], check=False)
        return path.read_bytes() != before
    except (OSError, ValueError, IndexError) as error:
        raise UsageError(f"the editor {editor!r} cannot be run on {path}: {error}") from error
