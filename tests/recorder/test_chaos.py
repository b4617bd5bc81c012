"""Nothing is lost, doubled or stuck while relay and recorder are killed under churn; `make chaos` is the long form."""

from __future__ import annotations

from random import Random

import pytest
from chaos import campaign

KILLS = 300


@pytest.mark.campaign
@pytest.mark.timeout(900)
async def test_nothing_is_lost_however_often_relay_and_recorder_are_killed() -> None:
    outcome = await campaign(KILLS, Random().randrange(2**31), within_s=600)
    assert outcome.problems() == []
    assert outcome.kills.total() >= KILLS
