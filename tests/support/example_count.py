"""How many examples a property is tried with: few while somebody waits, many in the campaign."""

from __future__ import annotations

from hypothesis import settings

# What a property without a number of its own is tried with, in `make test` and in `make campaign`.
FEW, MANY = 25, 250
# The number that those of its own are measured by.
USUAL = 50


def examples(count: int) -> int:
    """As many more or less than others of a property as so many are of `USUAL`."""
    return max(1, count * settings.default.max_examples // USUAL)
