"""The keys of a session, and what each of them does."""

from __future__ import annotations

from abc import abstractmethod

from textual.binding import Binding, BindingType

from wsreplay.store.paging import Head
from wsreplay.tui.messages import NodeAsked
from wsreplay.tui.recording.evidence import GhostRow
from wsreplay.tui.recording.playback import Playback
from wsreplay.tui.screens.playback import KEYS, PlaybackScreen
from wsreplay.tui.session.controllers import SessionParts

SESSION_KEYS: list[BindingType] = [
    Binding("tab", "turn_pane(1)", "Next pane", id="session.next_pane", show=False),
    Binding("shift+tab", "turn_pane(-1)", "Previous pane", id="session.previous_pane", show=False),
    Binding("left,h", "focus_list", "To the list", id="session.focus_list", show=False),
    Binding("right,l", "focus_detail", "To the detail", id="session.focus_detail", show=False),
    Binding("backslash", "maximise_pane", "Maximise the pane", id="session.maximise", show=False),
    Binding("slash", "filter", "Filter", id="session.filter", show=False),
    Binding("ctrl+f", "search", "Search text", id="session.search", show=False),
    Binding("n", "find(True)", "Next match", id="session.next_match", show=False),
    Binding("N", "find(False)", "Previous match", id="session.previous_match", show=False),
    Binding("right_square_bracket", "next_finding(1)", "Next finding", id="trace.next_finding", show=False),
    Binding("left_square_bracket", "next_finding(-1)", "Previous finding", id="trace.previous_finding", show=False),
    Binding("x", "next_witness", "Next witness frame of the finding", id="trace.witness", show=False),
    Binding("percent_sign", "partner", "Start or end, request or answer", id="trace.partner", show=False),
    Binding("u", "fold_events", "Show each event of the frame, or hide them", id="session.fold", show=False),
    Binding("m", "mark", "Mark with a note", id="keep.mark", show=False),
    Binding("apostrophe", "next_mark", "Next mark", id="keep.next_mark", show=False),
    Binding("M", "toggle_marked_only", "Marked frames only", id="keep.only_marked", show=False),
    Binding("y", "copy_payload", "Copy the payload", id="keep.copy_payload", show=False),
    Binding("Y", "copy_frame", "Copy the frame", id="keep.copy_frame", show=False),
    Binding("f", "page_payload", "Full payload in $PAGER", id="keep.page", show=False),
    Binding("e", "export", "Export: cut, JSONL, HAR, report, test", id="keep.export", show=False),
    Binding("w", "waterfall", "Waterfall", id="session.waterfall", show=False),
    Binding("v", "findings", "Findings", id="session.findings", show=False),
    Binding("S", "statistics", "Statistics", id="session.statistics", show=False),
    Binding("D", "compare", "Compare with another session", id="session.diff", show=False),
    Binding("r", "read_again", "Read the file again", id="session.read_again", show=False),
    Binding("F", "follow", "Follow the end", id="session.follow", show=False),
    *KEYS,
]


class SessionActions(SessionParts, PlaybackScreen):
    """The actions of a session screen, by its keys: each asks one of its parts."""

    # The playback as the waterfall was given it, and whether it was a replay.
    handed_over: tuple[Playback, bool] | None = None

    # What the screen itself does.

    @abstractmethod
    def action_read_again(self) -> None:
        """After something could not be read."""

    @abstractmethod
    def action_follow(self) -> None:
        """Stay at the end of a recording that grows, or stand still."""

    # What is asked of the controllers, and of the application.

    def action_turn_pane(self, steps: int) -> None:
        self.inspector.turn_pane(steps)

    def action_focus_list(self) -> None:
        self.panes.focus_list()

    def action_focus_detail(self) -> None:
        self.panes.focus_detail()

    def action_maximise_pane(self) -> None:
        self.panes.maximise()

    async def action_filter(self) -> None:
        await self.search.begin(searching=False)

    async def action_search(self) -> None:
        await self.search.begin(searching=True)

    def action_find(self, forward: bool) -> None:
        self.search.find(forward)

    def action_next_finding(self, steps: int) -> None:
        self.finding_navigator.go(steps)

    def action_next_witness(self) -> None:
        self.finding_navigator.next_witness()

    def on_node_asked(self, message: NodeAsked) -> None:
        """Something is to be done with a node of the JSON that is looked at."""
        from wsreplay.tui.recording import json_tree

        node, lines = message.node, self.inspector.json_lines()
        match message.what:
            case "fold":
                self.inspector.fold(node.path)
            case "fold_all" | "unfold_all":
                self.inspector.fold_all(folded=message.what == "fold_all")
            case "path":
                self.copy(node.path, "the path")
            case "value":
                self.copy(json_tree.value_text(lines, node), f"the value of {self.look.safe(node.path)}", name="value")
            case _:
                term = json_tree.filter_term(lines, node)
                if term is None:
                    self.notify("choose a value inside it", title="only a single value can be filtered by")
                else:
                    self.search.narrow(term)

    def action_partner(self) -> None:
        self.partners.go()

    def action_fold_events(self) -> None:
        self.decoding.fold()

    def action_mark(self) -> None:
        self.marks.ask_note()

    def action_next_mark(self) -> None:
        self.marks.go_to_next()

    def action_toggle_marked_only(self) -> None:
        self.marks.toggle_marked_only()

    def action_copy_payload(self) -> None:
        self.exports.copy(whole=False)

    def action_copy_frame(self) -> None:
        self.exports.copy(whole=True)

    def action_page_payload(self) -> None:
        self.exports.page()

    def action_export(self) -> None:
        self.exports.ask_way()

    def action_waterfall(self) -> None:
        item = self.caught_up().item
        at_frame = item.id if isinstance(item, Head) else item.finding.activation if isinstance(item, GhostRow) else None
        self.host.show_waterfall(self.session, self.playback, self.replaying, at_frame)
        self.handed_over = self.playback, self.replaying
        self.playback = self.playback.pause()  # it goes on there
        self.keep_ticking()

    def action_findings(self) -> None:
        findings = self.caught_up().findings()
        self.host.show_findings(self.session, findings[0] if findings else None)

    def action_statistics(self) -> None:
        self.host.show_statistics(self.session)

    def action_compare(self) -> None:
        self.host.compare(self.session)
