"""What is said of a recording that nothing is demanded of."""

from __future__ import annotations

import pytest
from judged_traces import Trace


@pytest.mark.parametrize(
    ("types", "more"),
    [(1, ""), (12, ""), (13, ", and 1 more type"), (14, ", and 2 more types"), (1013, ", and 1,001 more types")],
)
def test_the_most_frequent_types_are_named_and_the_others_counted(types: int, more: str) -> None:
    trace = Trace().open()
    for number in range(types):
        trace.s2c(f"t{number}")
    trace.s2c(f"t{types - 1}")
    named = [f"s2c:t{types - 1} 2", *(f"s2c:t{number} 1" for number in range(min(types, 12) - 1))]
    assert trace.close().judge("none").seen == (f"json: {', '.join(named)}{more}",)
