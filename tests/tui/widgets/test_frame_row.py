"""A row of the list of frames, without the list."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from wsreplay.model import Fault, Mark
from wsreplay.store.paging import Head
from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.look.paint import Run, line
from wsreplay.tui.look.theme import Palette, PlainPalette
from wsreplay.tui.recording.clock import ClockForm, ShownClock
from wsreplay.tui.recording.evidence import GhostRow
from wsreplay.tui.recording.extra_rows import FaultRow, NoteRow
from wsreplay.tui.recording.gathering import gather
from wsreplay.tui.widgets.frame_row import FrameRow
from wsreplay.validator.findings import Finding, Severity, Verdict

MS = 1_000_000
LOOK = Appearance(Palette.of({}, True))
HEAD = Head(12, 2, 1, 1_500 * MS, 1, 1, 1, 40, "tool_executing", 40, b'{"type":"tool_executing","query":"slow"}')


def finding(**values: object) -> Finding:
    facts = {"kind": "missing", "at_ns": 1_500 * MS, "expected": ("tool_completed",), "connection": 2} | values
    return Finding("tool", Verdict.VIOLATED, Severity.ERROR, "tool_completed never came for call c7", **facts)


def painter(width: int = 160, **values: object) -> FrameRow:
    evidence = gather([], [])
    facts = {"users": {1: "ann", 2: "bob"}, "are_many": True, "evidence": evidence, "marked": {}} | values
    return FrameRow(LOOK, width, 5, 20, **{"clock": ShownClock(), **facts})


def text(runs: list[Run]) -> str:
    return "".join(words for words, _ in runs)


@pytest.mark.parametrize(("form", "time"), [(ClockForm.RECORDING, "00:01.500"), (ClockForm.STEP, "   +250ms")])
@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160])
def test_the_clock_of_every_kind_of_row_stands_in_one_column(width, form, time):
    row = painter(width, before_ns=1_250 * MS, clock=ShownClock(form))
    rows = [
        row.frame(HEAD), row.extra_row(GhostRow(12, finding())),
        row.extra_row(FaultRow(12, Fault(1, 1_500 * MS, 2, 1, 12, "latency", "latency=2s"))),
        row.extra_row(NoteRow(12, Mark(1, 1_500 * MS, None, "here"))),
    ]  # fmt: skip
    assert len({text(runs).index(time) for runs in rows}) == 1
    assert all(cell_len(line(runs, width).text) == width for runs in rows)


def test_a_frame_says_what_is_known_of_it():
    shown = text(painter(before_ns=1_250 * MS).frame(HEAD))
    assert "   12 " in shown and "+250ms" in shown.replace(" ms", "ms") and "conn 2  bob" in shown and "slow" in shown
    assert "+" not in text(painter().frame(HEAD)) and "conn" not in text(painter(users={2: "bob"}).frame(HEAD))
    assert "bob" not in text(painter(are_many=False).frame(HEAD))
    marked = text(painter(marked={12: Mark(1, 1_500 * MS, 12, "look here")}).frame(HEAD))
    assert LOOK.signs.mark in marked and "look here" in marked
    assert text(painter(witnesses=(12,)).frame(HEAD)).startswith(LOOK.signs.witness)
    assert LOOK.signs.open_end in text(painter(open=(12,)).frame(HEAD))


def test_what_is_searched_is_made_visible_and_stays_the_same_text():
    plain, searched = painter().frame(HEAD), painter(needle="slow").frame(HEAD)
    match = LOOK.style("strong", on="match", bold=True)
    assert text(plain) == text(searched) and [words for words, style in searched if style == match] == ["slow"]
    heart = HEAD._replace(preview='{"type":"x","query":"a ❤\ufe0f b"}'.encode())
    searched = painter(needle="❤\ufe0f").frame(heart)
    assert [words for words, style in searched if style == match] == ["❤␦"]


def test_of_what_never_came_as_much_is_said_as_there_is_room_for():
    ghost = GhostRow(12, finding(seen="agent_completed", until=2_500 * MS))
    assert "got agent_completed, due by" in text(painter(160).extra_row(ghost))
    assert "due by" not in text(painter(80).extra_row(ghost)) and "got agent_completed" in text(painter(80).extra_row(ghost))


def test_a_late_reconnect_says_by_how_much_in_a_row_of_its_own() -> None:
    late = finding(kind="late", expected=("ws.open",), seen="ws.open", at_ns=4_500 * MS, until=3_500 * MS, late_by=1_000 * MS)
    row = text(painter(160).extra_row(GhostRow(12, late)))
    assert "late by 1s: ws.open" in row and "00:04.500" in row and "missing" not in row


@pytest.mark.parametrize(("severity", "sign", "hue"), [(Severity.ERROR, "✗", "error"), (Severity.WARNING, "▲", "warning")])
def test_what_never_came_looks_as_grave_as_it_is(severity, sign, hue):
    runs = painter(80).extra_row(GhostRow(12, replace(finding(), severity=severity)))
    assert text(runs).startswith(f" {sign} ◆ ╌") and "missing: tool_completed" in text(runs)
    colours = {style.color for words, style in runs if words.strip()}
    assert colours == {LOOK.style(hue).color} and LOOK.style("accent").color not in colours
    plain = painter(80)._replace(look=Appearance(PlainPalette(), ascii_only=True))
    shown = text(plain.extra_row(GhostRow(12, replace(finding(), severity=severity))))
    assert shown.startswith(" X * --" if severity == "error" else " ! * --") and shown.isascii()


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_a_finding_never_takes_the_place_of_the_payload(width):
    late = finding(kind="late", frames=(12,), late_by=2_100 * MS, seen="tool_executing")
    shown = painter(width, evidence=gather([late], [12]))
    with_finding, without = line(shown.frame(HEAD), width).text, line(painter(width).frame(HEAD), width).text
    place = without.index("slow")
    assert with_finding[place : place + 4] == "slow" and "◷" in with_finding
    assert ("late by 2.1s" in with_finding) == (width > 60) and cell_len(with_finding) == width


def test_the_row_of_an_end_says_how_long_it_took():
    assert "after 12.1s  slow" in text(painter(lasted={12: 12_100 * MS}.get).frame(HEAD))
    assert "after" not in text(painter().frame(HEAD))


def test_what_has_no_room_ends_with_an_ellipsis_and_dashes_do_not():
    long = HEAD._replace(preview=b'{"type":"tool_executing","query":"' + b"word " * 60 + b'"}')
    assert line(painter(80).frame(long), 80).text.endswith("…") and line(painter(80).frame(HEAD), 80).text.endswith(" ")
    assert line(painter(160).extra_row(GhostRow(12, finding())), 160).text.endswith("╌")
    note = NoteRow(12, Mark(1, 1_500 * MS, None, "word " * 60))
    assert line(painter(80).extra_row(note), 80).text.endswith("…")


def test_what_came_too_late_for_its_place_says_where_that_was():
    early = finding(kind="order", frames=(11, 12), seen="tool_executing", expected=("agent_thinking",))
    late = finding(kind="order", frames=(11, 12), seen="tool_executing", expected=("tool_executing",), before=11)
    for judged, words in ((early, "before agent_thinking"), (late, "belongs before #11")):
        assert words in text(painter(120, evidence=gather([judged], [12])).frame(HEAD))


def test_how_late_an_event_was_is_said_rather_than_how_long_after_its_start_it_came():
    late = finding(kind="late", frames=(12,), late_by=332 * MS, seen="tool_executing")
    how = {"evidence": gather([late], [12]), "lasted": {12: 10_330 * MS}.get}
    narrow, wide = (text(painter(width, **how).frame(HEAD)) for width in (74, 120))
    assert "late by 332ms" in narrow and "after" not in narrow and "slow" in narrow
    assert "after 10.33s  slow" in wide and "late by 332ms" in wide


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("kind", ["missing", "late", "order", "isolation", "duplicate"])
def test_how_grave_a_finding_is_can_be_seen_without_colours(kind, ascii_only):
    shown = []
    for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO):
        judged = replace(finding(kind=kind, frames=(12,), late_by=9 * MS), severity=severity)
        row = painter(100, evidence=gather([judged], [12]))._replace(look=Appearance(PlainPalette(), ascii_only))
        shown.append(text(row.extra_row(GhostRow(12, judged)) if kind == "missing" else row.frame(HEAD)))
    assert len(set(shown)) == 3 and len({cell_len(line) for line in shown}) == 1
