"""The parts of a session screen that its first rows do without: each is imported and made when it is first needed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsreplay.tui.jobs.jobs import RecordingJobs
    from wsreplay.tui.recording.rows import Rows
    from wsreplay.tui.screens.playback import PlaybackScreen
    from wsreplay.tui.session.decoding import DecodingController
    from wsreplay.tui.session.export_controller import ExportController
    from wsreplay.tui.session.findings_nav import FindingNavigator
    from wsreplay.tui.session.inspector import Inspector
    from wsreplay.tui.session.marks import MarkController
    from wsreplay.tui.session.overview import OverviewController
    from wsreplay.tui.session.panes import PaneController
    from wsreplay.tui.session.partners import PartnerController
    from wsreplay.tui.session.search import SearchController
    from wsreplay.tui.widgets.detail import Detail
    from wsreplay.tui.widgets.frame_list import FrameList
    from wsreplay.tui.widgets.overview import Overview
    from wsreplay.tui.widgets.query_bar import QueryBar
    from wsreplay.validator.findings import Finding

    _Screen = PlaybackScreen
else:
    _Screen = object  # a class of Textual's takes as long to make as ten others


class SessionParts(_Screen):
    """A screen makes what its first rows need, and does what these parts ask for. `origin_ns` is where the session begins."""

    rows: Rows
    frames: FrameList
    overview: Overview
    bar: QueryBar
    origin_ns: int

    @cached_property
    def jobs(self) -> RecordingJobs:
        """Those that read the recording."""
        return self.jobs_of(self.recording.path)

    # What the screen does.

    @abstractmethod
    def caught_up(self) -> Inspector:
        """The inspector, once it looks at the row where the cursor stands now."""

    @abstractmethod
    def show_rows(self) -> None:
        """Show the rows after they have changed."""

    @abstractmethod
    def show_finding(self, finding: Finding) -> None:
        """Go to where a finding stands, and show its witnesses."""

    @abstractmethod
    def load_findings(self, pages: Iterable[int]) -> bool:
        """Take in what findings say that were not known yet; whether there are more than before."""

    @abstractmethod
    def marks_changed(self) -> None:
        """A mark came or went."""

    @abstractmethod
    def reveal(self, finding: Finding) -> None:
        """See to it that a finding can be seen."""

    @abstractmethod
    def highlight(self, needle: str) -> None:
        """Make a text visible wherever it stands."""

    @abstractmethod
    def narrowed(self) -> None:
        """Only marked rows are shown now, or all again."""

    @abstractmethod
    def rows_changed(self) -> None:
        """What stands between the frames is another."""

    @abstractmethod
    def events_changed(self, at_frame: int | None) -> None:
        """Frames say something else than before, or one was unfolded, to which the cursor goes."""

    # The parts.

    @cached_property
    def detail(self) -> Detail:
        """Beside the list, which keeps its place."""
        from wsreplay.tui.widgets.detail import Detail

        detail = Detail(id="detail")
        self.query_one("#body").mount(detail)
        return detail

    @cached_property
    def inspector(self) -> Inspector:
        from wsreplay.tui.session.inspector import Inspector

        return Inspector(self, self.recording, self.detail, self.jobs, self.session)

    @cached_property
    def search(self) -> SearchController:
        from wsreplay.tui.session.search import SearchController

        return SearchController(self, self.rows, self.frames, self.bar, self.jobs, self.show_rows, self.highlight)

    @cached_property
    def finding_navigator(self) -> FindingNavigator:
        from wsreplay.tui.session.findings_nav import FindingNavigator

        return FindingNavigator(self, self.recording, self.rows, self.frames, self.reveal, self.load_findings)

    @cached_property
    def partners(self) -> PartnerController:
        from wsreplay.tui.session.partners import PartnerController

        return PartnerController(self, self.recording, self.rows, self.caught_up, self.go_to_target, self.show_finding)

    @cached_property
    def marks(self) -> MarkController:
        from wsreplay.tui.session.marks import MarkController

        return MarkController(
            self, self.recording, self.rows, self.frames, current=self.caught_up, changed=self.marks_changed,
            narrowed=self.narrowed,
        )  # fmt: skip

    @cached_property
    def exports(self) -> ExportController:
        from wsreplay.tui.session.export_controller import ExportController

        return ExportController(self, self.recording, self.rows, self.caught_up)

    @cached_property
    def decoding(self) -> DecodingController:
        from wsreplay.tui.session.decoding import DecodingController

        return DecodingController(self, self.recording, self.rows, self.jobs, self.caught_up, self.events_changed)

    @cached_property
    def panes(self) -> PaneController:
        from wsreplay.tui.session.panes import PaneController

        return PaneController(self, self.frames, self.detail, self.bar)

    @cached_property
    def overview_controller(self) -> OverviewController:
        from wsreplay.tui.session.overview import OverviewController

        return OverviewController(self.recording, self.rows, self.overview, self.jobs, self.origin_ns, self.rows_changed)
