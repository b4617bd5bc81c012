"""The overview of a session: density, and where findings and marks are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tui.conftest import chat_findings


@pytest.mark.parametrize(("severity", "sign"), [("error", "✗"), ("warning", "▲")])
@pytest.mark.parametrize("kind", ["missing", "order", "late"])
async def test_how_grave_a_finding_is_is_told_by_its_sign_whatever_its_kind(stage, chat_recording, kind, severity, sign):
    findings = [replace(finding, severity=severity) for finding in chat_findings() if finding.kind == kind]
    assert findings
    async with stage(chat_recording, session=2) as on:
        await on.judged(findings)
        assert set(on.text().splitlines()[-2].split()) == {sign}
