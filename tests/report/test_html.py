from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from example_count import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.report.conftest import CHAT, MISSING_TOOL, MS, RUN, Traces, judged
from wsreplay.contract import load
from wsreplay.display import visible
from wsreplay.report import FileResult, render
from wsreplay.store.reader import Recording
from wsreplay.validator import judge
from wsreplay.validator.findings import Finding, RuleVerdict, Severity, Verdict

VOID = {"meta", "input"}
OPTIONAL = {"td", "th", "tr", "thead"}


class Page(HTMLParser):
    """Reads a page as a browser would: its elements, its text, what its ids and links are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        values = dict(attrs)
        if values.get("id"):
            self.ids.append(values["id"] or "")
        if (values.get("href") or "").startswith("#"):
            self.targets.append((values["href"] or "")[1:])
        if tag not in VOID | OPTIONAL:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in OPTIONAL:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def checked(text: str) -> Page:
    """A page that is well-formed, loads nothing, links to what it holds, and lets only its own script run."""
    page = Page(text)
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids)
    assert set(page.targets) <= set(page.ids)
    assert not page.tags & {"link", "img", "iframe", "object", "embed", "base", "form"}
    assert not {name for name in page.attributes if name.startswith("on")} and "src" not in page.attributes
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{directive} &#x27;sha256-{digest}&#x27;" in text
    return page


def test_the_page_tells_the_whole_story(chat: FileResult) -> None:
    text = render("html", [chat])
    page = checked(text)
    words = "".join(page.words)
    for said in (
        "recordings/chat.db", "violated", "session 1", "user u1", "tool_completed never came for call c7 in thread t1",
        "◆ missing: due by 00:12.789, the run ended without it", "also broken as a result: worked",
        "agent-chat.yaml:18", "never ended",
        "Agent is starting to process your request",
    ):  # fmt: skip
        assert said in words
    assert {"f1", "f1s1", "f1s1e3", "f1s1g1"} <= set(page.ids)
    assert {"f1s1e3", "f1s1e4", "f1s1g1"} <= set(page.targets)
    assert 'class="span large completed" data-state="completed" data-span="run" data-id="1.run.1"' in text
    assert 'class="span part cut" data-state="cut" data-span="tool" data-id="1.tool.1"' in text
    assert '<li class=missing>tool_completed <b>0 ✗</b></li>' in text


def test_several_files_one_of_them_unreadable_one_gone(chat: FileResult) -> None:
    page = checked(render("html", [chat, FileResult("nope.db", error="not a recording"), FileResult("gone.db", judged())]))
    words = "".join(page.words)
    assert "could not be validated: not a recording" in words
    assert "the recording can no longer be read" in words
    assert {"f1", "f2", "f3"} <= set(page.targets)


def test_findings_of_the_whole_recording_and_known_ones(chat: FileResult) -> None:
    whole = replace(MISSING_TOOL, session=None, connection=None, frames=(), kind="isolation", severity=Severity.WARNING)
    result = replace(chat, judgement=judged(findings=(whole, MISSING_TOOL), forgotten={"ids": 3}, notes=("a note",)))
    page = checked(render("html", [replace(result, known=frozenset({"f-tool"}))]))
    words = "".join(page.words)
    assert "whole recording" in words and "2 known" in words and "3 ids were forgotten" in words and "a note" in words


def test_ten_thousand_events_are_all_there(traces: Traces) -> None:
    events = [(number, {"type": "tick", "run_id": f"r{number % 40}", "message": f"tick {number}"}) for number in range(10_000)]
    late = Finding("pace", Verdict.VIOLATED, Severity.WARNING, "late", session=1, frames=(5000,), kind="late", late_by=2 * MS)
    result = FileResult(str(traces.write("long.db", events)), judged(findings=(late,), events=10_000))
    text = render("html", [result])
    page = checked(text)
    assert sum(name.startswith("f1s1e") for name in page.ids) == 10_000
    assert "▲ late by 2ms" in text
    assert len(text) < 8_000_000


def test_very_long_traces_are_folded(traces: Traces) -> None:
    path = traces.write("longer.db", [(number / 10, {"type": "t"}) for number in range(25_000)])
    text = render("html", [FileResult(str(path), judged(findings=()))])
    assert "… 24,990 events …" in text


any_text = st.text(st.characters(codec=None, exclude_categories=()))


@given(text=st.one_of(any_text, st.sampled_from(["</script><b>", "<!--", '"><i x="', "]]>"])))
@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_nothing_from_the_wire_becomes_markup(traces: Traces, text: str) -> None:
    evil = f"{text}<img src=x onerror=alert(1)>"
    spoken = evil.encode("utf-8", "replace").decode()
    (traces.folder / "evil.db").unlink(missing_ok=True)
    documents = [
        {"type": spoken, "message": spoken, "run_id": spoken, "thread_id": spoken},
        {"type": "tool_executing", "tool_name": spoken, "run_id": spoken},
    ]
    path = traces.write("evil.db", [(1, documents[0]), (2, documents[1]), (3, spoken.encode())])
    finding = replace(
        MISSING_TOOL, rule=evil, message=evil, slice=((evil, evil),), expected=(evil,), seen=evil, blame=evil, file=evil,
        kind=evil,
    )  # fmt: skip
    judgement = judged(
        findings=(finding, replace(finding, kind="missing")), contract=evil, contract_version=evil, notes=(evil,),
        rules=(RuleVerdict(evil, Verdict.VIOLATED),), span_counts={"run": {evil: 1}}, run_span="run",
        spans=(RUN._replace(slice=((evil, evil),), detail=evil, span=evil, id=evil, label=evil, end_ns=None, state="open"),),
    )  # fmt: skip
    page = checked(render("html", [FileResult(str(path), judgement), FileResult(evil, error=evil)]))
    for words in page.words[2:]:
        if "use strict" not in words:
            assert all(visible(line) == line for line in words.split("\n"))


def test_an_empty_recording_has_a_page(traces: Traces) -> None:
    path = traces.write("empty.db", [])
    checked(render("html", [FileResult(str(path), judged(findings=(), spans=(), events=0, verdict=Verdict.VACUOUS))]))
    checked(render("html", []))


@pytest.mark.parametrize("payload", [b"\xff\xfe", b"x" * 100_000, b"[" * 2000])
def test_payloads_that_are_no_json_are_excerpted(traces: Traces, payload: bytes) -> None:
    path = traces.write("odd.db", [*CHAT, (13_000, payload)])
    checked(render("html", [FileResult(str(path), judged())]))


def test_what_failed_comes_first() -> None:
    """Of a recording whose second session leaked into the first user's chat."""
    path = Path(__file__).parents[2] / "recordings" / "samples" / "leak.db"
    contract = load("agent-chat")
    with Recording.open(path) as recording:
        judgement = judge(recording, contract)
    text = render("html", [FileResult(str(path), judgement, contract=contract)])
    assert text.index('id="f1s2"') < text.index('id="f1s1"')
