"""What leaves the interface: a copy on the clipboard, a payload in $PAGER, a file of what is shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from textual.app import App

from wsreplay.errors import WsreplayError
from wsreplay.model import Frame
from wsreplay.store.paths import typed_path
from wsreplay.tui.host import ScreenHost
from wsreplay.tui.recording.evidence import GhostRow

if TYPE_CHECKING:
    from wsreplay.tui.recording.open_recording import OpenRecording
    from wsreplay.tui.recording.rows import Rows
    from wsreplay.tui.session.inspector import Inspector


class ExportController:
    """Of one list. `current` gives the inspector once it has caught up with the cursor."""

    def __init__(self, host: ScreenHost, recording: OpenRecording, rows: Rows, current: Callable[[], Inspector]) -> None:
        self._host = host
        self._recording = recording
        self._rows = rows
        self._current = current

    @property
    def _app(self) -> App[None]:
        return self._host.app

    def copy(self, *, whole: bool) -> None:
        """The payload, or the frame with its facts, on the clipboard."""
        from wsreplay.tui.session.export import as_json
        from wsreplay.units import count_text

        frame = self._frame()
        if frame is not None:
            text = as_json(frame) if whole else frame.payload.decode("utf-8", "backslashreplace")
            self._app.copy_to_clipboard(text)
            title = f"copied frame {frame.id} with its facts" if whole else f"copied the payload of frame {frame.id}"
            self._host.notify(count_text(len(text), "character"), title=title)

    def page(self) -> None:
        """All of the payload in $PAGER."""
        from wsreplay.tui.session import pager

        frame = self._frame()
        if frame is None:
            return
        why = ""
        with self._app.suspend():
            try:
                pager.page(frame.payload)
            except WsreplayError as error:
                why = str(error)  # said when the terminal is ours again
        if why:
            self._host.notify(self._host.look.own(why), title="it cannot be paged", severity="error", markup=False)

    def _frame(self) -> Frame | None:
        """The frame that is looked at; where there is none, it is said why."""
        inspector = self._current()
        if inspector.frame is None:
            why = "it never came" if isinstance(inspector.item, GhostRow) else "it is no frame"
            self._host.notify(why, title="there is no payload")
        return inspector.frame

    def ask_target(self) -> None:
        """Ask for a file to write what is shown into."""
        from wsreplay.tui.session import export
        from wsreplay.units import count_text

        if not self._rows.view.frames:
            self._host.notify("no frame is shown", title="there is nothing to write")
            return
        ids = self._narrowed()
        what = count_text(len(ids), "frame") if ids is not None else "this session" if self._rows.session else "the recording"
        name = self._recording.path.with_suffix(f".{self._rows.number or 'all'}.jsonl").name
        question = f"Write {what} to a file: .jsonl exports, .db cuts a recording out"
        self._host.ask(question, "file", partial(self._write, ids), value=name, check=export.check_target)

    def _narrowed(self) -> list[int] | None:
        """The frames that are shown, where that are not all: a filter, the marks or a replay hide some."""
        view = self._rows.view
        is_all = self._rows.matches is None and not self._rows.only_marked and view.horizon is None
        return None if is_all else list(view.ids[: view.frames])

    def _write(self, ids: list[int] | None, name: str) -> None:
        from wsreplay.tui.session import export

        out = typed_path(name)
        task = partial(export.write_out, self._recording.path, out, self._rows.session, ids)
        self._host.host.write_file(out, task)
