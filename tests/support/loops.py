"""The event loops that the proxy runs on."""

from __future__ import annotations

import pytest

# uvloop is what it has where there is one; the other takes as long, and is tried in the campaign.
LOOPS = ["uvloop", pytest.param("asyncio", marks=pytest.mark.campaign)]
