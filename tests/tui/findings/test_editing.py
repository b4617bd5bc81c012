"""The rule of a finding in the user's editor."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from wsreplay.contract import load
from wsreplay.errors import UsageError
from wsreplay.store.reader import Recording
from wsreplay.tui.findings.editing import edit, place_of
from wsreplay.validator import judge

SAMPLE = Path(__file__).parents[3] / "recordings" / "samples" / "slow-tool.db"
CONTRACT = """contract: mine
rules:
  - {id: greets, existence: "s2c:connection_ack"}
  - {id: answered, response: ["s2c:tool_executing", "s2c:tool_completed"], within: 5s}
"""
# An editor that writes down how it was called, and gives the tool more time.
EDITOR = """#!/bin/sh
echo "$@" > called
for file in "$@"; do [ -f "$file" ] && sed -i 's/within: 5s/within: 20s/' "$file"; done
true
"""


@pytest.fixture
def editor(tmp_path, monkeypatch):
    """The path of the editor; the working folder is where it leaves `called`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VISUAL", raising=False)
    path = tmp_path / "editor"
    path.write_text(EDITOR)
    path.chmod(0o700)
    return path


def finding_of(contract: str, rule: str):
    with Recording.open(SAMPLE) as recording:
        return next(finding for finding in judge(recording, load(contract)).findings if finding.rule == rule)


def test_it_opens_at_the_rule_and_says_whether_something_was_saved(editor, monkeypatch):
    Path("mine.yaml").write_text(CONTRACT)
    path, line = place_of(finding_of("mine.yaml", "answered"), ["mine.yaml"])
    assert (path, line) == (Path("mine.yaml"), 4)
    monkeypatch.setenv("EDITOR", f"{editor} -x")
    assert edit(path, line) and not edit(path, line)
    assert Path("called").read_text() == "-x +4 mine.yaml\n"
    shutil.copy(editor, "code")
    monkeypatch.setenv("VISUAL", "./code")
    edit(path, line)
    assert Path("called").read_text() == "--wait --goto mine.yaml:4\n"


def test_what_cannot_be_edited_is_said(editor, monkeypatch):
    with pytest.raises(UsageError, match=r"is in the built-in contract agent-chat: .*extends: agent-chat"):
        place_of(finding_of("agent-chat", "tool"), ["agent-chat"])
    Path("mine.yaml").write_text(CONTRACT)
    finding = finding_of("mine.yaml", "answered")
    monkeypatch.setenv("EDITOR", "no-such-editor")
    with pytest.raises(UsageError, match="the editor 'no-such-editor' cannot be run"):
        edit(Path("mine.yaml"), 1)
    Path("mine.yaml").unlink()
    with pytest.raises(UsageError, match="which is not there any more"):
        place_of(finding, ["mine.yaml"])


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_what_was_saved_is_validated_by(editor, tmux):
    Path("mine.yaml").write_text(CONTRACT)
    command = (sys.executable, "-m", "wsreplay", "tui", str(SAMPLE), "-c", str(Path("mine.yaml").absolute()))
    tmux.start("env", "-C", str(Path.cwd()), f"EDITOR={editor}", "VISUAL=", *command)
    tmux.until(lambda shown: "by mine" in shown and "✗ 1" in shown)
    tmux.keys("v")
    tmux.until(lambda shown: "answered" in shown and "E edit the rule" in shown)
    tmux.keys("E")
    tmux.until(lambda shown: "1 fixed" in shown)
    tmux.kill()
