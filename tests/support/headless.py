"""Textual without a terminal, so that a test takes no more time than what it tests.

What these replace is what Textual does for the eye, or for a clock: the messages and their order stay as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from textual._compositor import Compositor
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot

_parsed: dict[Any, list[RuleSet]] = {}


class StillClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000

    def __call__(self) -> int:
        return self.now_ns

    def move(self, milliseconds: float) -> None:
        self.now_ns += int(milliseconds * 1_000_000)


class Headless:
    """While it holds, Textual's pilot waits for what is under way rather than for a time, and draws when it is asked to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._drawing = False
        # Textual's own pilot looks every 20 ms whether the process used its processor, and sends each widget a message, too.
        monkeypatch.setattr("textual.app.wait_for_idle", _wait_for_idle)
        monkeypatch.setattr("textual.pilot.wait_for_idle", _wait_for_idle)
        monkeypatch.setattr(Pilot, "_wait_for_screen", _wait_for_screen)
        # It draws sixty times a second, and throws away what it drew.
        monkeypatch.setattr(Compositor, "render_update", self._render_update_if_drawing(Compositor.render_update))
        # Each application reads the same style sheets.
        monkeypatch.setattr(Stylesheet, "_parse_rules", _parse_once(Stylesheet._parse_rules))

    @contextmanager
    def drawing(self) -> Iterator[None]:
        self._drawing = True
        try:
            yield
        finally:
            self._drawing = False

    def _render_update_if_drawing(self, render_update: Any) -> Any:
        """Regions that are not drawn stay dirty."""

        def render_if_drawing(compositor: Compositor, full: bool = False, **options: Any) -> Any:
            return render_update(compositor, full, **options) if full or self._drawing else None

        return render_if_drawing


def _parse_once(parse_rules: Any) -> Any:
    def parse(sheet: Stylesheet, *source: Any, **options: Any) -> list[RuleSet]:
        key = (*source, *sorted(options.items()), *sheet._variables.items())
        if key not in _parsed:
            _parsed[key] = parse_rules(sheet, *source, **options)
        return _parsed[key]

    return parse


async def _wait_for_idle(_least: float = 0, _longest: float = 1) -> None:
    """Until the event loop has nothing to do but to wait for a time, a thread or a file."""
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    await asyncio.sleep(0)
    while ready:  # noqa: ASYNC110 (whatever is ready runs before this does again)
        await asyncio.sleep(0)


async def _wait_for_screen(pilot: Pilot[Any], **_options: Any) -> bool:
    await _wait_for_idle()
    return pilot.app._exception is None
