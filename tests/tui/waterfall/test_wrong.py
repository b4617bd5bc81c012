"""Signs on a bar say how grave something is, then what kind it is, without a colour."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tui.conftest import as_evidence, chat_findings
from wsreplay.tui.config import Config
from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.look.theme import DARK, Palette
from wsreplay.tui.validation.tasks import ValidationResult
from wsreplay.tui.waterfall.wrong import WrongPlace, signs_on_bar
from wsreplay.validator.findings import Severity

LOOK = Appearance(Palette.of(DARK.variables, dark=True))
NEVER, LATE, EARLY = (WrongPlace(0, kind, "error") for kind in ("missing", "late", "order"))


def drawn(*places, left=0, width=20):
    return [(x, sign) for x, sign, _ in signs_on_bar(LOOK, places, left, width)]


def warned(place):
    return place._replace(severity="warning")


def test_how_grave_stands_before_what_kind():
    assert drawn((5, NEVER), (9, warned(LATE)), (14, EARLY)) == [(4, "✗◆"), (8, "▲◷"), (13, "✗⇅")]
    styles = [style.color for _, _, style in signs_on_bar(LOOK, [(5, NEVER), (9, warned(NEVER))], 0, 20)]
    assert styles == [LOOK.style("error").color, LOOK.style("warning").color]


def test_signs_stay_on_the_bar_and_on_the_line():
    assert drawn((5, NEVER), left=5) == [(5, "✗◆")]
    assert drawn((0, NEVER)) == [(0, "✗◆")]
    assert drawn((19, warned(NEVER)), left=19) == [(19, "▲")]
    assert drawn((19, warned(NEVER)), left=3) == [(18, "▲◆")]


def test_neighbours_leave_one_another_the_sign_that_counts():
    assert drawn((5, NEVER), (6, warned(LATE)), (7, LATE)) == [(4, "✗◆"), (6, "▲"), (7, "✗")]
    assert drawn((5, NEVER), (7, warned(LATE))) == [(4, "✗◆"), (6, "▲◷")]
    assert drawn((5, NEVER), (6, warned(LATE)), left=5) == [(5, "✗"), (6, "▲")]


def test_of_several_in_one_column_the_gravest_is_shown():
    assert drawn((5, warned(LATE)), (5, NEVER), (5, warned(EARLY))) == [(4, "✗◆")]


@pytest.mark.parametrize(("ascii_only", "signs"), [(False, ("✗◆", "▲◆")), (True, ("X*", "!*"))])
async def test_a_warning_looks_another_than_an_error_on_its_bar(stage, chat_recording, ascii_only, signs):
    async with stage(chat_recording, config=Config(ascii=ascii_only)) as on:
        for severity, sign in zip((Severity.ERROR, Severity.WARNING), signs, strict=True):
            findings = [replace(finding, severity=severity) for finding in chat_findings() if finding.kind == "missing"]
            on.app.validation.take(ValidationResult(as_evidence(on.app.path, findings)))
            await on.settle()
            if severity is Severity.ERROR:
                await on.press("down", "enter", "w")
            on.app.screen.verdict_changed()
            await on.settle()
            assert sign in on.text()
