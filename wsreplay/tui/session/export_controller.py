"""What leaves the interface: a copy on the clipboard, a payload in $PAGER, a file of what is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual.app import App, SuspendNotSupported

from wsreplay.errors import WsreplayError
from wsreplay.model import Frame
from wsreplay.store.paths import typed_path
from wsreplay.tui.host import ScreenHost
from wsreplay.tui.recording.evidence import GhostRow
from wsreplay.tui.recording.extra_rows import OwedRow

if TYPE_CHECKING:
    from wsreplay.tui.recording.open_recording import OpenRecording
    from wsreplay.tui.recording.rows import Rows
    from wsreplay.tui.session.export_formats import HandoverFormat, HandoverJob
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
        """The payload, or the frame with its facts, on the clipboard; what is too long for it in a file."""
        from wsreplay.tui.session.export import as_json

        frame = self._frame()
        if frame is None:
            return
        name = f"frame-{frame.id}"
        if whole:
            self._host.copy(as_json(frame), f"frame {frame.id} with its facts", name=name, suffix=".json")
        else:
            text = frame.payload.decode("utf-8", "backslashreplace")
            self._host.copy(text, f"the payload of frame {frame.id}", data=frame.payload, name=name, suffix=".txt")

    def page(self) -> None:
        """All of the payload in $PAGER."""
        from wsreplay.tui.session import pager

        frame = self._frame()
        if frame is None:
            return
        why = ""
        try:
            with self._app.suspend():
                try:
                    pager.page(frame.payload)
                except WsreplayError as error:
                    why = str(error)  # said when the terminal is ours again
        except SuspendNotSupported:
            why = "there is no terminal for a pager here"
        if why:
            self._host.notify(self._host.look.own(why), title="the pager cannot be started", severity="error", markup=False)

    def _frame(self) -> Frame | None:
        """The frame that is looked at; where there is none, it is said why."""
        inspector = self._current()
        if inspector.frame is None:
            whys = {GhostRow: "it never came", OwedRow: "it has not come yet"}
            why = whys.get(type(inspector.item), "it is no frame")
            self._host.notify(why, title="there is no payload")
        return inspector.frame

    def ask_way(self) -> None:
        """Ask how to hand over what is shown, and into which file."""
        from wsreplay.tui.screens.choice import ChoiceScreen
        from wsreplay.tui.session.export_formats import FORMATS

        if not self._rows.view.frames:
            self._host.notify("no frame is shown", title="there is nothing to write")
            return
        ids = self._narrowed()

        def chosen(place: int | None) -> None:
            if place is not None:
                self._ask_file(FORMATS[place], ids)

        question = f"Export {self._scope(ids)} as"
        self._app.push_screen(ChoiceScreen(question, [(format_.name, format_.words) for format_ in FORMATS]), chosen)

    def _scope(self, ids: list[int] | None) -> str:
        from wsreplay.units import count_text

        return count_text(len(ids), "frame") if ids is not None else self._whole()

    def _whole(self) -> str:
        return "this session" if self._rows.session else "the recording"

    def _ask_file(self, format_: HandoverFormat, ids: list[int] | None) -> None:
        from wsreplay.tui.session import export_formats

        session = self._rows.session or (self._recording.sessions[0] if len(self._recording.sessions) == 1 else None)
        if format_.of_one and session is None:
            self._host.notify("it holds one session: open one first", title=f"not as {format_.name}", severity="warning")
            return
        what = self._scope(ids if format_.narrows else None)
        job = export_formats.HandoverJob(
            format_, self._recording.path, self._recording.path, session if format_.of_one else self._rows.session,
            ids if format_.narrows else None, self._host.host.validation.contracts_in_use, self._recording.read_as,
        )
        name = export_formats.propose_name(format_, self._recording.path, self._rows.number)
        self._host.ask(
            f"Write {what} as {format_.name} to", "file", partial(self._write, job),
            value=name, check=export_formats.check_target,
        )  # fmt: skip

    def _narrowed(self) -> list[int] | None:
        """The frames that are shown, where that are not all: a filter, the marks or a replay hide some."""
        view = self._rows.view
        is_all = self._rows.matches is None and not self._rows.only_marked and view.horizon is None
        return None if is_all else list(view.ids[: view.frames])

    def _write(self, job: HandoverJob, name: str) -> None:
        out = typed_path(name)
        self._host.host.write_file(out, replace(job, out=out))
