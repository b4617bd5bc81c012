"""Keeping something of what is looked at: a mark with a note, a copy, a file; or all of a payload in $PAGER."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from wsreplay.errors import WsreplayError
from wsreplay.store import notes
from wsreplay.store.paging import Head
from wsreplay.store.places import typed_path
from wsreplay.tui.data.between import Between, Noted, when
from wsreplay.tui.data.evidence import Ghost
from wsreplay.tui.messages import Written
from wsreplay.tui.screens.base import BaseScreen

if TYPE_CHECKING:
    from wsreplay.model import Mark
    from wsreplay.tui.data.opened import Opened
    from wsreplay.tui.data.rows import Rows
    from wsreplay.tui.screens.inspecting import Inspector
    from wsreplay.tui.widgets.frame_list import FrameList


class KeepingScreen(BaseScreen):
    """A screen with a list of frames of which something can be kept."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "mark", "Mark with a note", id="keep.mark", show=False),
        Binding("apostrophe", "next_mark", "Next mark", id="keep.next_mark", show=False),
        Binding("M", "only_marked", "Marked frames only", id="keep.only_marked", show=False),
        Binding("y", "copy(False)", "Copy the payload", id="keep.copy_payload", show=False),
        Binding("Y", "copy(True)", "Copy the frame", id="keep.copy_frame", show=False),
        Binding("f", "page", "Full payload in $PAGER", id="keep.page", show=False),
        Binding("e", "export", "Export or cut what is shown", id="keep.export", show=False),
    ]

    opened: Opened
    rows: Rows
    frames: FrameList
    inspector: Inspector

    def catch_up(self) -> None:
        """Have the inspector look at the row where the cursor stands now: it follows after the list is painted."""
        raise NotImplementedError

    # Marks.

    def action_mark(self) -> None:
        from wsreplay.tui.screens.prompt import Prompt

        self.catch_up()
        item = self.inspector.item
        if item is None:
            return
        frame_id, t_ns = (item.id, item.t_ns) if isinstance(item, Head) else (_frame_of(item), when(item))

        def kept() -> Mark | None:
            """The mark that is there now."""
            if isinstance(item, Noted):
                return next((one for one in self.opened.marks if one.frame_id is None and one.t_ns == t_ns), None)
            return self.opened.marked.get(frame_id) if frame_id is not None else None

        known = kept()

        def noted(note: str | None) -> None:
            if note is not None:
                self.call_later(self._change_mark, t_ns, note, frame_id, kept())

        hint = "what is to be remembered; empty takes the mark away"
        self.app.push_screen(Prompt("Mark", hint, value=known.note if known else ""), noted)

    def _change_mark(self, t_ns: int, note: str, frame_id: int | None, known: Mark | None) -> None:
        try:
            notes.change_mark(self.opened.path, known.id if known else None, t_ns, note, frame_id)
        except WsreplayError as error:
            self.notify(self.look.own(str(error)), title="the mark was not kept", severity="error", markup=False)
            return
        self.opened.refresh_marks()
        self.marks_changed()

    def marks_changed(self) -> None:
        """A mark came or went."""
        self.frames.forget()
        if self.rows.only_marked:
            self.rows.marked_only(True)
            self.only_marked_changed()

    def action_next_mark(self) -> None:
        rows = sorted(self._mark_rows())
        if not rows:
            self.notify(f"{self.look.key('keep.mark')} leaves one", title="there are no marks here", markup=False)
            return
        self.frames.move_to(next((row for row in rows if row > self.frames.cursor), rows[0]), centre=True)

    def _mark_rows(self) -> set[int]:
        """The rows of the view in which a mark stands."""
        view = self.rows.view
        between = {row for row, item in view.between() if isinstance(item, Noted)}
        return between | {view.row_of_frame(frame_id) for frame_id in self.opened.marked if view.holds(frame_id)}

    def action_only_marked(self) -> None:
        self.rows.marked_only(not self.rows.only_marked)
        self.only_marked_changed()

    def only_marked_changed(self) -> None:
        """Only marked frames are shown now, or all again."""

    # Copies.

    def action_copy(self, whole: bool) -> None:
        from wsreplay.tui.data.export import as_json

        self.catch_up()
        frame = self.inspector.frame
        if frame is None:
            self._nothing_of_it()
            return
        text = as_json(frame) if whole else frame.payload.decode("utf-8", "backslashreplace")
        self.app.copy_to_clipboard(text)
        what = "the frame" if whole else "the payload"
        self.notify(f"{len(text):,} characters", title=f"copied {what} of frame {frame.id}")

    def action_page(self) -> None:
        from wsreplay.tui.data import pager

        self.catch_up()
        frame = self.inspector.frame
        if frame is None:
            self._nothing_of_it()
            return
        try:
            with self.app.suspend():
                pager.page(frame.payload)
        except WsreplayError as error:
            self.notify(self.look.own(str(error)), severity="error", markup=False)
        self.refresh()

    def _nothing_of_it(self) -> None:
        why = "it never came" if isinstance(self.inspector.item, Ghost) else "it is no frame"
        self.notify(why, title="there is no payload")

    # Files.

    def action_export(self) -> None:
        from wsreplay.tui.data import export
        from wsreplay.tui.screens.prompt import Prompt

        chosen = self.rows.view.ids if self.rows.matches is not None or self.rows.only_marked else None
        what = f"{len(chosen):,} frames" if chosen is not None else "this session" if self.rows.session else "the recording"
        name = self.opened.path.with_suffix(f".{self.rows.number or 'all'}.jsonl").name
        question = f"Write {what} to a file: .jsonl exports, .db cuts a recording out"
        self.app.push_screen(Prompt(question, "file", value=name, check=export.check_target), self._write)

    def _write(self, name: str | None) -> None:
        from wsreplay.tui.data import export

        if not name:
            return
        out = typed_path(name)
        narrowed = self.rows.matches is not None or self.rows.only_marked
        ids = list(self.rows.view.ids) if narrowed else None
        path, session = self.opened.path, self.rows.session
        tell = self.app.post_message  # this screen may be left by then

        def work() -> None:
            try:
                export.write_out(path, out, session, ids)
                tell(Written(out, None))
            except WsreplayError as error:
                tell(Written(out, str(error)))
            except Exception as error:
                tell(Written(out, f"this is a mistake of wsreplay itself: {type(error).__name__}: {error}"))

        threading.Thread(target=work, name="wsreplay export", daemon=True).start()


def _frame_of(item: Between) -> int | None:
    """The frame that keeps a mark on what is no frame itself, so that it is of one session only; None for a note at a time."""
    if isinstance(item, Ghost):
        finding = item.finding
        return finding.activation or next(iter(finding.frames), None)
    return None if isinstance(item, Noted) else item.fault.frame_id
