"""Nothing is lost, doubled or stuck while relay and recorder are killed under churn.

This plays the scenarios without failing system calls and without a limit on memory, in minutes; `make chaos` is the long form
and plays all.
"""

from __future__ import annotations

from random import Random

import pytest
from chaos import campaign

SCENARIOS = ("uvloop", "asyncio", "low soft limit on descriptors", "at the limit of descriptors")
KILLS = 20  # in each
WITHIN_S = 60.0


@pytest.mark.campaign
@pytest.mark.timeout(400)
@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_nothing_is_lost_however_often_relay_and_recorder_are_killed(scenario: str) -> None:
    outcome = await campaign(KILLS, Random().randrange(2**31), scenario, within_s=WITHIN_S)
    assert (outcome.lost, outcome.doubled, outcome.hangs, outcome.wrong) == (0, 0, 0, [])
    assert outcome.kills.total() > 0
