"""What the contract finds in each scenario's recording is what the table of scenarios says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tools.samples.samples import make_samples
from wsreplay.contract import load
from wsreplay.demo.backend import Backend
from wsreplay.demo.run import chat_all
from wsreplay.demo.scenarios import QUICK_SCENARIOS, SAMPLE_SCENARIOS, Scenario
from wsreplay.proxy.proxy import RecordingProxy
from wsreplay.store.reader import Recording
from wsreplay.trace.sessions import stitch
from wsreplay.validator import judge
from wsreplay.validator.findings import Finding, Severity, Verdict

SLOW = [each for each in SAMPLE_SCENARIOS if each not in QUICK_SCENARIOS]


def check(scenario: Scenario, findings: list[Finding]) -> None:
    """A busy machine may add lateness, which is a warning; everything else is as the table says."""
    violations = [finding for finding in findings if finding.verdict is Verdict.VIOLATED]
    found = {finding.rule for finding in violations if finding.severity is Severity.ERROR or finding.rule in scenario.violates}
    assert scenario.violates <= {finding.rule for finding in violations if finding.caused_by is None}
    assert found <= scenario.violates | scenario.follows


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Finding]]:
    """The findings in each user's sessions, all quick scenarios having been played at once through one proxy."""
    path: Path = tmp_path_factory.mktemp("demo") / "demo.db"

    async def record() -> dict[str, str]:
        async with Backend() as backend, RecordingProxy(backend.url, path) as proxy:
            return {seen.user: seen.scenario.name for seen in await chat_all(f"{proxy.url}/ws")}

    played = asyncio.run(record())
    with Recording.open(path) as recording:
        judgement = judge(recording, load("agent-chat"))
        users = {session.id: session.user for session in stitch(recording.connections())}
    findings: dict[str, list[Finding]] = {name: [] for name in played.values()}
    for finding in judgement.findings:
        assert finding.session is not None
        user = str(users[finding.session])
        findings.setdefault(played.get(user, user), []).append(finding)
    return findings


@pytest.mark.parametrize("scenario", QUICK_SCENARIOS, ids=lambda each: each.name)
def test_a_scenario_violates_just_what_the_table_says(scenario: Scenario, found: dict[str, list[Finding]]) -> None:
    check(scenario, found[scenario.name])


@pytest.mark.campaign
async def test_a_slow_scenario_violates_just_what_the_table_says(tmp_path: Path) -> None:
    for scenario, path in zip(SLOW, await make_samples(tmp_path, SLOW), strict=True):
        with Recording.open(path) as recording:
            check(scenario, list(judge(recording, load("agent-chat")).findings))
