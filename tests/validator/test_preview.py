"""A verdict in a list of many is the whole one, one that was saved, or none; and what is broken is said session by session."""

from __future__ import annotations

from pathlib import Path

import pytest
from growing_files import write_whole
from judged_traces import Trace

from wsreplay.contract import load
from wsreplay.store.reader import Recording
from wsreplay.validator import judge_files, preview
from wsreplay.validator.findings import Finding, Severity, Verdict
from wsreplay.validator.preview import broken_rules, preview_by
from wsreplay.validator.verdict_cache import SavedVerdicts

CHAT = load("agent-chat")


def test_what_is_too_long_to_wait_for_has_the_verdict_that_was_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_whole(tmp_path / "a.db", Trace().open().c2s("chat").run().close())
    saved = SavedVerdicts(tmp_path / "kept")
    with Recording.open(path) as recording:
        whole = preview_by(recording, CHAT)
        assert whole == judge_files([(path, CHAT)])[0].judgement
        monkeypatch.setattr(preview, "MOST_FRAMES", recording.last_id())
        assert preview_by(recording, CHAT) == whole
        monkeypatch.setattr(preview, "MOST_FRAMES", recording.last_id() - 1)
        assert preview_by(recording, CHAT) is None
        assert preview_by(recording, CHAT, saved) is None
        judge_files([(path, CHAT)], saved=saved)
        assert preview_by(recording, CHAT, saved) == whole
        assert preview_by(recording, load("ag-ui"), saved) is None


def test_what_was_judged_for_a_list_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_whole(tmp_path / "a.db", Trace().open().c2s("chat").run().close())
    saved = SavedVerdicts(tmp_path / "kept")
    with Recording.open(path) as recording:
        judged = preview_by(recording, CHAT, saved)
        monkeypatch.setattr(preview, "MOST_FRAMES", 0)
        assert judged is not None
        assert preview_by(recording, CHAT, saved) == judged


def test_of_each_session_the_rules_that_are_broken_by_themselves() -> None:
    def finding(rule: str, session: int | None, verdict: Verdict = Verdict.VIOLATED, caused_by: str | None = None) -> Finding:
        return Finding(rule, verdict, Severity.ERROR, "m", session=session, caused_by=caused_by)

    findings = [
        finding("b", 2), finding("a", 1), finding("b", 1), finding("a", 1), finding("c", 1, caused_by="1.a.1"),
        finding("d", 1, Verdict.INCONCLUSIVE), finding("e", None),
    ]  # fmt: skip
    assert broken_rules(findings) == {2: ("b",), 1: ("a", "b"), 0: ("e",)}
