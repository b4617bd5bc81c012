"""A session is called the same in text and HTML, with the sign that lists give it."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsreplay.contract import load
from wsreplay.report import html, text
from wsreplay.report.result import FileResult
from wsreplay.report.session_word import session_sign, session_word
from wsreplay.standing import SIGNS
from wsreplay.store.reader import Recording
from wsreplay.validator import judge
from wsreplay.validator.preview import standings

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"


def judged(name):
    with Recording.open(SAMPLES / name) as recording:
        return FileResult(str(SAMPLES / name), judgement=judge(recording, load("agent-chat")), every_session=True)


@pytest.mark.parametrize(
    ("name", "word", "sign"),
    [("healthy.db", "passed", "✓"), ("late-delivery.db", "warnings", "▲"), ("missing-event.db", "failed", "✗")],
)
def test_text_html_and_lists_say_the_same(name, word, sign):
    result = judged(name)
    assert session_word(result, result.judgement, 1, result.findings) == word
    assert session_sign(word) == sign == SIGNS[standings(result.judgement)[1]] == SIGNS[standings(result.judgement)[None]]
    assert any(line.startswith("session 1 ") and line.endswith(word.upper()) for line in text.render([result]).splitlines())
    assert f"{sign} {word}</span></h3>" in html.render([result])


@pytest.mark.parametrize("word", ["inconclusive", "pending"])
def test_what_is_not_decided_is_not_said_to_pass(word):
    assert session_sign(word) == "?"
