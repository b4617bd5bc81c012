from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.report.conftest import CHAT, MISSING_TOOL, MS, Traces, inject, judged
from wsreplay.model import Connection
from wsreplay.report import FileResult, markdown, render
from wsreplay.report.markdown import MOST_CHARACTERS, block, code
from wsreplay.validator.findings import Verdict

HOSTILE = "</code>```\n# @everyone #1 ![x](http://evil/x.png) <script>alert(1)</script> \u202e\x1b[31m | ` `` ```` \\"


def tokens(text: str) -> Iterator[Token]:
    """All of a document, as GitHub reads it, but for its own extensions, which leave code alone as well."""
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text):
        yield token
        yield from token.children or ()


def plain(text: str) -> str:
    """What stands outside of code."""
    return "\n".join(token.content for token in tokens(text) if token.type in ("text", "html_inline", "html_block"))


def test_what_failed_where_and_the_frames_that_show_it(chat: FileResult) -> None:
    text = render("markdown", [chat])
    head = ["## wsreplay: `violated`", "", "**`recordings/chat.db`**: violated, 1 finding by `agent-chat` v1"]
    assert text.splitlines()[:3] == head
    assert "### session 1 · `u1` · `/ws`" in text
    assert "tool_completed     ◆ missing: due by 00:12.789, the run ended without it" in text
    assert "#### ◆ `tool_completed never came for call c7 in thread t1`" in text
    assert "- rule `tool`, error, `agent-chat.yaml:18`" in text
    assert "- expected `tool_completed or tool_error`, due by 00:12.789: `the run ended without it`" in text
    assert "- also broken as a result: `worked`" in text
    witnesses = [token.content for token in tokens(text) if token.type == "fence"][1:]
    assert [witness.split("\n")[0] for witness in witnesses] == [
        f"frame 3  00:02.789  ◀ tool_executing  {len(_payload(2))} bytes",
        f"frame 4  00:12.456  ◀ agent_completed  {len(_payload(3))} bytes",
    ]
    assert '  "tool_call_id": "c7",' in witnesses[0]
    assert "Look at it: `wsreplay tui recordings/chat.db 1`" in text and text.endswith("\n")
    with_options = render("markdown", [replace(chat, options=("-c", "my chat.yaml"))])
    assert "Look at it: `wsreplay tui recordings/chat.db 1 -c 'my chat.yaml'`" in with_options


def _payload(number: int) -> bytes:
    return orjson.dumps(CHAT[number][1])


def test_what_went_well_and_what_could_not_be_judged_is_one_line(chat: FileResult) -> None:
    well = replace(chat, judgement=judged(findings=(), verdict=Verdict.SATISFIED))
    assert render("markdown", [well]).splitlines()[2:] == [
        "**`recordings/chat.db`**: satisfied, 0 findings by `agent-chat` v1"
    ]
    broken = render("markdown", [FileResult("gone.db", error="no such file")])
    assert "**`gone.db`**: could not be validated. `no such file`" in broken


def test_what_is_known_is_not_told_again(chat: FileResult) -> None:
    assert "0 findings" in render("markdown", [replace(chat, known=frozenset({"f-tool"}))])


def test_an_injected_fault_is_said_beside_what_came_of_it(chat: FileResult) -> None:
    assert "⚡ injected: 1 fault" in render("markdown", [inject(chat)])


def test_a_recording_that_is_gone_leaves_its_findings(chat: FileResult) -> None:
    Path(chat.path).unlink()
    text = render("markdown", [chat])
    assert "can no longer be read" in text and "tool_completed never came" in text


def test_nothing_from_the_wire_is_more_than_code(traces: Traces) -> None:
    events = [(at, {**event, "message": HOSTILE, "type": f"{event['type']}{HOSTILE}"}) for at, event in CHAT]
    connection = Connection(1, 1, 0, 12_456 * MS, path=f"/{HOSTILE}", user=HOSTILE)
    path = traces.write("hostile.db", events, connections=[connection])
    finding = replace(MISSING_TOOL, message=HOSTILE, rule=HOSTILE, expected=(HOSTILE,), seen=HOSTILE, blame=None)
    text = render("markdown", [FileResult(str(path), judged(findings=(finding,)))])
    kinds = {token.type for token in tokens(text)}
    assert not kinds & {"link_open", "image", "html_inline", "html_block", "table_open"}
    outside = plain(text)
    assert not any(part in outside for part in ("@", "evil", "script", "everyone", "#1"))
    assert "\x1b" not in text and "\u202e" not in text
    assert [token.tag for token in tokens(text) if token.type == "heading_open"] == ["h2", "h3", "h4"]


@given(st.text(st.characters(codec="utf-8"), max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_code_and_nothing_else(text: str) -> None:
    around = ("paragraph_open", "paragraph_close", "inline")
    inside = [token for token in tokens(f"a {code(text)} b") if token.type not in around]
    assert [token.type for token in inside] == ["text", "code_inline", "text"]
    fenced = [token.type for token in MarkdownIt().parse("\n".join(block(markdown.excerpt(text.encode(), 100).split("\n"))))]
    assert fenced == ["fence"]


@pytest.mark.parametrize("copies", [1, 400])
def test_it_fits_into_an_issue_and_says_what_it_leaves_out(chat: FileResult, copies: int) -> None:
    text = render("markdown", [chat] * copies)
    assert len(text) < MOST_CHARACTERS + 2_000
    assert ("left out" in text) == (copies > 1)


def test_of_many_findings_the_first_are_told(chat: FileResult) -> None:
    findings = [replace(MISSING_TOOL, id=f"f{number}", fingerprint=f"f{number}") for number in range(30)]
    text = render("markdown", [replace(chat, judgement=judged(findings=tuple(findings)))])
    assert text.count("#### ") == 10 and "20 more findings in session 1" in text
