"""Nothing is lost, doubled or stuck while relay and recorder are killed under churn: the short form of `make chaos`."""

from __future__ import annotations

from random import Random

import pytest
from chaos import campaign

KILLS = 300  # in all scenarios together
WITHIN_S = 1500.0  # two quiet cores take a fifth of it


@pytest.mark.campaign
@pytest.mark.timeout(WITHIN_S + 300)
async def test_nothing_is_lost_however_often_relay_and_recorder_are_killed() -> None:
    outcome = await campaign(KILLS, Random().randrange(2**31), within_s=WITHIN_S)
    assert (outcome.lost, outcome.doubled, outcome.hangs, outcome.wrong) == (0, 0, 0, [])
    assert outcome.kills.total() >= KILLS
