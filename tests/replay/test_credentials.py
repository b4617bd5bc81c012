"""What stands for a recorded user's credentials and ids."""

from __future__ import annotations

import uuid

import pytest

from wsreplay.replay.credentials import new_id


@pytest.mark.parametrize("recorded", ["t1", "6b1e1e0c-64a3-4c8c-9f5e-0a8f2f6f2d11"])
def test_ids_of_a_large_load_are_all_different(recorded: str) -> None:
    assert len({new_id(recorded) for _ in range(20_000)}) == 20_000


def test_an_id_looks_like_the_recorded_one() -> None:
    assert new_id("t1").startswith("t1-")
    assert uuid.UUID(new_id("6B1E1E0C-64A3-4C8C-9F5E-0A8F2F6F2D11")).version == 4
