"""Recordings to compare are written as those to replay are."""

from __future__ import annotations

from tests.replay.conftest import contract, write

__all__ = ["contract", "write"]
