"""A field to type into, in which nothing drives the terminal."""

from __future__ import annotations

from textual.widgets import Input

from wsreplay.trace.display import visible


class PlainInput(Input):
    """What it begins with, what is typed and what is pasted is shown harmless: Textual paints a value as it is."""

    def validate_value(self, value: str) -> str:
        return visible(value)
