"""How many examples a property is tried with: few while somebody waits, many in the campaign."""

from __future__ import annotations

from hypothesis import settings

# What a property without a number of its own is tried with, in `make test` and in `make campaign`.
FEW, MANY = 50, 250


def examples(count: int) -> int:
    """So many of a property in `make test`, and so many more of it under the profile of the campaign."""
    return count * settings.default.max_examples // FEW
