from __future__ import annotations

import pytest

from wsreplay.tui.recording.finding_words import finding_words
from wsreplay.validator.findings import Finding, Severity, Verdict


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("thread t1 of user bob reached user ann: chat", "chat of user bob reached user ann"),
        ("thread t1 of user bob reached user ann: 2 events, chat first", "2 events of user bob reached user ann"),
        ("thread one of two of user bob reached session 2 (user unknown): chat",
         "chat of user bob reached session 2 (user unknown)"),
        ("thread t1 of user ann reached user bob: a; it was seen in b.db, frame 1", "a of user ann reached user bob"),
        ("an event for owner bob reached user ann: chat", "an event for owner bob reached user ann: chat"),
    ],
)  # fmt: skip
def test_of_an_event_that_reached_the_wrong_user_both_users_come_first(message, words):
    finding = Finding("owner", Verdict.VIOLATED, Severity.ERROR, message, kind="isolation", seen="chat")
    assert finding_words(finding) == words
