"""Starting the interface: what is said before it, and what it is not kept waiting for."""

from __future__ import annotations

import subprocess
import sys

import pytest

# What the first screen of plain JSON needs nothing of; each takes milliseconds.
HEAVY = frozenset((
    "click.shell_completion", "hashlib", "jwt", "msgspec", "re2", "tree_sitter", "websockets", "wsreplay.contract",
    "wsreplay.store.writer", "wsreplay.trace.filter", "wsreplay.trace.redaction", "wsreplay.tui.host",
    "wsreplay.tui.recording.extra_rows",
    "wsreplay.tui.recording.finding_index", "wsreplay.tui.recording.gathering",
    "wsreplay.tui.recording.json_tree",     "wsreplay.tui.recording.lanes", "wsreplay.tui.recording.layout",
    "wsreplay.tui.recording.span_reading", "wsreplay.tui.validation.tasks",
    "wsreplay.tui.jobs", "wsreplay.tui.recording.goto", "wsreplay.tui.recording.owed", "wsreplay.tui.recording.scan",
    "wsreplay.tui.session.inspector", "wsreplay.tui.session.marks", "wsreplay.tui.session.search",
    "wsreplay.tui.widgets.detail", "wsreplay.validator", "yaml",
))  # fmt: skip


def test_without_a_terminal_the_command_says_so(chat_recording):
    command = [sys.executable, "-m", "wsreplay", "tui", str(chat_recording)]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, text=True, check=False)
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("modules", ["wsreplay.cli.main, wsreplay.cli.tui", "wsreplay.tui.app, wsreplay.tui.session.screen"])
def test_the_first_screen_does_without_what_later_ones_need(modules):
    code = f"import {modules}, sys; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)
