"""The messages of the interface that several screens know. Workers post them; only the UI's thread touches a widget.

They are events, so that whoever handles them is guarded (`widgets.error_guard`).
"""

from __future__ import annotations

from typing import Any

from textual.events import Event


class RowMoved(Event):
    """The cursor of a list stands on another row."""

    def __init__(self, sender: Any, row: int) -> None:
        self.sender, self.row = sender, row
        super().__init__()

    @property
    def control(self) -> Any:
        return self.sender


class RowChosen(RowMoved):
    """Enter, or a second click, on a row; `name` is what the list calls it, where another item may stand in that row by now."""

    def __init__(self, sender: Any, row: int, name: Any) -> None:
        super().__init__(sender, row)
        self.name = name


class EndWanted(RowMoved):
    """Somebody went to the end of a list by the key for that."""


class JumpTo(Event):
    """Somebody wants to see a time; ns on the recording's axis."""

    def __init__(self, t_ns: int) -> None:
        self.t_ns = t_ns
        super().__init__()


class NodeAsked(Event):
    """Something is to be done with a node of the JSON in the detail: `fold`, `path`, `value` or `filter`; or with all of them:
    `fold_all`, `unfold_all`. The node is a `JsonNode`."""

    def __init__(self, what: str, node: Any) -> None:
        self.what, self.node = what, node
        super().__init__()


class PaneChosen(Event):
    """A tab of the detail was clicked."""

    def __init__(self, pane: str) -> None:
        self.pane = pane
        super().__init__()


class QueryTyped(Event):
    """The text of the filter or the search changed and stood still for a moment."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__()


class QueryLeft(Event):
    """Enter or escape in the query bar. `keep` says whether the filter stays."""

    def __init__(self, keep: bool) -> None:
        self.keep = keep
        super().__init__()
