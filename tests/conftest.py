"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes is the machine's business; what it shows is ours.
settings.register_profile("wsreplay", deadline=None)
settings.load_profile("wsreplay")
