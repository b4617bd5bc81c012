"""Marks with a note: leaving one, going to the next, showing only what is marked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from wsreplay.errors import WsreplayError
from wsreplay.store.paging import Head
from wsreplay.tui.host import ScreenHost
from wsreplay.tui.recording.extra_rows import EventRow, ExtraRow, NoteRow, when

if TYPE_CHECKING:
    from wsreplay.model import Mark
    from wsreplay.tui.recording.open_recording import OpenRecording
    from wsreplay.tui.recording.rows import Rows
    from wsreplay.tui.session.inspector import Inspector
    from wsreplay.tui.widgets.frame_list import FrameList


class MarkController:
    """The marks of a list; they are kept in the recording.

    `current` gives the inspector once it has caught up with the cursor. `changed` hears that a mark came or went, `narrowed`
    that only marked rows are shown now, or all again.
    """

    def __init__(
        self, host: ScreenHost, recording: OpenRecording, rows: Rows, frames: FrameList, *, current: Callable[[], Inspector],
        changed: Callable[[], object], narrowed: Callable[[], object],
    ) -> None:  # fmt: skip
        self._host = host
        self._recording = recording
        self._rows = rows
        self._frames = frames
        self._current = current
        self._changed = changed
        self._narrowed = narrowed

    def ask_note(self) -> None:
        """Ask for the note of a mark where the cursor stands."""
        item = self._current().item
        if item is None:
            self._host.notify("there is no row", title="nothing to mark")
        else:
            known = self._kept(item)
            hint = "a note; leave it empty to remove the mark"
            self._host.ask("Mark", hint, partial(self._change, item), value=known.note if known else "")

    def _kept(self, item: Head | ExtraRow) -> Mark | None:
        """The mark that is there now."""
        frame_id = _frame_of(item)
        if frame_id is None and not isinstance(item, Head):
            return next((mark for mark in self._recording.marks if mark.frame_id is None and mark.t_ns == when(item)), None)
        return self._recording.marked.get(frame_id) if frame_id is not None else None

    def _change(self, item: Head | ExtraRow, note: str) -> None:
        from wsreplay.store import annotations

        known = self._kept(item)
        t_ns = item.t_ns if isinstance(item, Head) else when(item)
        try:
            annotations.change_mark(self._recording.path, known.id if known else None, t_ns, note, _frame_of(item))
        except WsreplayError as error:
            why = self._host.look.own(str(error))
            self._host.notify(why, title="the mark was not saved", severity="error", markup=False)
            return
        self._recording.refresh_marks()
        self._frames.forget()
        if self._rows.only_marked:
            self._rows.marked_only(True)
            self._narrowed()
        self._changed()

    def go_to_next(self) -> None:
        """To the next one, and from the last to the first."""
        rows = sorted(self._marked_rows())
        if rows:
            self._frames.move_to(next((row for row in rows if row > self._frames.cursor), rows[0]), centre=True)
        else:
            key = self._host.look.key("keep.mark")
            self._host.notify(f"{key} leaves one", title="there are no marks here", markup=False)

    def _marked_rows(self) -> set[int]:
        """The rows of the view in which a mark stands."""
        view = self._rows.view
        extra_rows = {row for row, item in view.extra_rows() if isinstance(item, NoteRow)}
        return extra_rows | {view.row_of_frame(frame_id) for frame_id in self._recording.marked if view.holds(frame_id)}

    def toggle_marked_only(self) -> None:
        self._rows.marked_only(not self._rows.only_marked)
        self._narrowed()


def _frame_of(item: Head | ExtraRow) -> int | None:
    """The frame that keeps a mark; None where no frame stands: the mark is a note at that time."""
    if isinstance(item, Head):
        return item.id
    return item.frame.id if isinstance(item, EventRow) else None
