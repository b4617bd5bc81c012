"""Playing a session in its list: what is shown at the playhead, and at the end of a recording that grows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from textual import events

from wsreplay.tui.messages import EndWanted
from wsreplay.tui.recording.evidence import seen_from

if TYPE_CHECKING:
    from wsreplay.tui.recording.goto import Target
    from wsreplay.tui.recording.lanes import DrawnSpan
    from wsreplay.tui.session.actions import SessionActions
    from wsreplay.tui.session.following import FollowController
    from wsreplay.tui.session.open_line import OpenLine
    from wsreplay.validator.findings import Finding

    _Screen = SessionActions
else:
    _Screen = object  # a class of Textual's takes as long to make as ten others


class SessionPlayback(_Screen):
    """The part of a session screen that moves with the playhead, and with the end of a recording that grows.

    While it is not replayed, the row to which the playback moved the cursor is kept.
    """

    follow: FollowController
    # The row to which the playback moved the cursor: it does not follow it there.
    _led_to: int | None = None
    # Says what is open at the playhead; None as long as nothing was played.
    open_line: OpenLine | None = None

    # What the screen itself does.

    @abstractmethod
    def name_list(self) -> None:
        """Say in its border what the list shows."""

    @abstractmethod
    def show_detail_soon(self) -> None:
        """Show the row of the cursor after the list is painted."""

    @abstractmethod
    def pages_in_sight(self) -> Iterable[int]:
        """The pages of findings that stand among the rows in sight."""

    # The playhead.

    def next_event_after(self, t_ns: int) -> int | None:
        ids = self.rows.view.ids
        index = self.rows.view.index_after(t_ns)
        return self.rows.view.pages.time(index) if index < len(ids) else None

    def show_playhead(self) -> None:
        view = self.rows.view
        self.frames.set_replaying(self.replaying)
        self.name_list()
        if self.replaying:
            # At its end all is known, also what was due only later.
            self.rows.seen_at(None if self.playback.at_end else self.playback.at_ns)
            self.frames.show_change()
            self.frames.move_to_last()
        elif view.horizon is not None:
            cursor = self.frames.cursor
            self.rows.seen_at(None)
            self.frames.show_change()
            self.frames.move_to(cursor, centre=True)
        else:
            row = view.row_at(self.playback.at_ns)
            self._led_to = row if row != self.frames.cursor else None
            self.frames.move_to(row, centre=True)
        self.show_open()
        self.paint_lines()
        self.show_detail_soon()

    def go_to_target(self, target: Target) -> None:
        view = self.rows.view
        if target.kind != "frame":
            self.seek(target.value + (self.playback.at_ns if target.kind == "delta" else 0))
        elif view.holds(target.value):
            row = view.row_of_frame(target.value)
            self.seek(view.time_of_row(row))
            self.frames.move_to(row, centre=True)
        else:
            from wsreplay.tui.recording.goto import why_unreachable

            why = why_unreachable(self.recording, self.session, target.value) or self.rows.why_hidden(target.value)
            self.notify(why, title=f"frame {target.value:,} is not in this list", severity="warning")

    def reveal(self, finding: Finding) -> None:
        """While replaying, stop where the replay shows a finding."""
        if self.playback.playing:
            self.playback = self.playback.pause()
            self.keep_ticking()
        if self.replaying and seen_from(finding) > self.playback.at_ns:
            self.seek(seen_from(finding))

    def show_decided(self, t_ns: int) -> None:
        if (places := self.recording.evidence.all_places) is not None:
            from wsreplay.tui.recording.finding_index import PAGE

            known = places.next_decided(t_ns - 1, self.rows.number)
            self.load_findings([] if known is None else [known[1] // PAGE])
        findings = self.recording.evidence.of_session(self.rows.number)
        decided = (finding for finding in findings if seen_from(finding) == t_ns and not finding.caused_by)
        if (finding := next(decided, None)) is not None:
            self.show_finding(finding)

    def step_rows(self, rows: int) -> None:
        if not self.replaying:
            self.frames.move_to(self.frames.cursor + rows)
            return
        t_ns = self.rows.view.next_time(self.playback.at_ns, rows)
        if t_ns is not None:
            self.seek(t_ns)
        elif rows < 0:
            self.seek(self.origin_ns)

    def show_open(self) -> None:
        """Say what is open at the playhead, while the session is played, and what is owed there or while it is recorded."""
        from wsreplay.tui.recording.owed import owed_rows  # the first rows do without

        if self.open_line is not None:
            self.open_line.display = self.replaying
        contracts, at_ns = self.host.validation.contracts_in_use, self.playback.at_ns
        spans: Sequence[DrawnSpan] = ()
        if self.replaying:
            open_line = self.open_line or self._mount_open_line()
            spans = open_line.show(self.session, contracts, at_ns, self.now())
        elif self.host.growth.live:
            spans, at_ns = self.recording.known_spans.open_in(self.rows.number), self.recording.reached_ns(self.session)
        self.frames.set_open({span.start_frame for span in spans} if self.replaying else ())
        self.rows.owe(owed_rows(spans, self.recording.known_spans.ends, at_ns))
        self.frames.show_owed()

    def _mount_open_line(self) -> OpenLine:
        from wsreplay.tui.session.open_line import OpenLine

        self.open_line = OpenLine(self.recording, self.jobs, self.show_open, id="open")
        self.mount(self.open_line, before=self.overview)
        return self.open_line

    # The end of a recording that grows.

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Who reads a frame wants to go on reading it."""
        if self.follow.on and event.widget is self.detail:
            self.follow.stop()
            self.paint_lines()

    def action_follow(self) -> None:
        is_on = self.follow.on
        if self.replaying:
            self.end_replay()
        self.follow.stop() if is_on else self.follow.start()
        self.paint_lines()

    def action_play(self) -> None:
        """At the end of a recording that grows, stand still or follow it again: what came is not played from its beginning."""
        is_live = self.host.growth.live and not self.replaying
        if is_live and self.follow.on:
            self.follow.pause()
        elif is_live and self.frames.cursor >= self.rows.view.last_row:
            self.follow.start()
        else:
            super().action_play()
        self.paint_lines()

    def on_end_wanted(self, _message: EndWanted) -> None:
        """The end of a recording that grows moves on, and the cursor with it."""
        if self.host.growth.live and not self.replaying:
            self.follow.start()
            self.paint_lines()
        else:
            self.load_findings(self.pages_in_sight())
            self.frames.move_to_last()  # something may never have come behind what stood there
