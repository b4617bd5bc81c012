"""Findings by rule, and each occurrence; what a second validation changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.widget import Widget

from wsreplay.errors import WsreplayError
from wsreplay.model import NO_DEMANDS, Session
from wsreplay.tui.findings.grouping import SORTS, FindingGroup, Occurrence, VerdictNote, lines_of, narrowed, tally_of
from wsreplay.tui.findings.list import FindingList
from wsreplay.tui.look.paint import Run
from wsreplay.tui.messages import RowChosen, RowMoved
from wsreplay.tui.recording.evidence import Evidence
from wsreplay.tui.recording.facts import finding_facts
from wsreplay.tui.recording.layout import wrapped
from wsreplay.tui.recording.open_recording import OpenRecording
from wsreplay.tui.screens.base import BaseScreen
from wsreplay.tui.screens.filtered_list import FilteredList
from wsreplay.tui.validation.status import Stage
from wsreplay.tui.widgets.detail import Detail
from wsreplay.tui.widgets.ground import Ground
from wsreplay.tui.widgets.head import contract_runs, head_runs, joined, live_runs, session_name, tally_runs, verdict_runs
from wsreplay.tui.widgets.status_line import StatusLine
from wsreplay.units import count_text

if TYPE_CHECKING:
    from wsreplay.validator.findings import Finding


_NOTE_WIDTH = 54  # cells, of the narrowest list


class FindingsScreen(BaseScreen, FilteredList):
    """Space on a rule folds it, Enter on an occurrence goes there. `at` is a finding to begin at."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "back", "Back", id="findings.back", show=False),
        Binding("space", "fold", "Fold or unfold the rule", id="findings.fold", show=False),
        Binding("E", "edit_rule", "Edit the rule in $EDITOR", id="findings.edit_rule", show=False),
        Binding("right,l", "focus_detail", "To the detail", id="findings.focus_detail", show=False),
        Binding("left,h", "focus_list", "To the list", id="findings.focus_list", show=False),
    ]

    DEFAULT_CSS = """
    FindingsScreen #body { height: 1fr; layout: horizontal; background: $ws-ground; }
    FindingsScreen #findings { width: 3fr; }
    FindingsScreen #finding { width: 2fr; }
    FindingsScreen.-narrow #body { layout: vertical; }
    FindingsScreen.-narrow #findings, FindingsScreen.-narrow #finding { width: 1fr; height: 1fr; }
    FindingsScreen.-narrow.-nothing #finding, FindingsScreen.-detail-only #findings { display: none; }
    """

    def __init__(self, recording: OpenRecording, session: Session | None, at: Finding | None = None) -> None:
        super().__init__()
        self.begin_filtering(SORTS)
        # Where the cursor begins, as long as it has not stood anywhere.
        self._begin_at = at
        self._is_fresh = True
        self.recording = recording
        self.session = session
        self.head = StatusLine(id="head")
        self.news = StatusLine(id="news")
        self.list = FindingList(recording, session, id="findings")
        self.detail = Detail(id="finding")
        self.foot = StatusLine(id="foot")
        # The rules whose occurrences are hidden.
        self._folded: set[str] = set()
        # What the list shows.
        self._shown: Evidence | None = None
        # of all that it has without a filter
        self._tally = tally_of(())

    def compose(self) -> Iterable[Widget]:
        yield self.head
        yield self.news
        yield self.filter
        with Ground(id="body"):
            yield self.list
            yield self.detail
        yield self.foot

    def on_mount(self) -> None:
        self.detail.border_title = "finding"
        self.list.border_title = "findings"
        self.list.focus()
        self._fill()

    def _fill(self) -> None:
        here = self.list.line_at(self.list.cursor)
        evidence = self._shown = self.recording.evidence
        self.list.set_empty_lines(self._empty_lines())
        every = evidence.of_session(self._number)
        self._tally = tally_of(every)
        change = self.host.validation.status.change
        new = {id(finding) for finding in change.new} if change else set()
        wanted = self.filter.text
        findings = narrowed(every, wanted, lambda finding: self._text_of(finding, id(finding) in new)) if wanted else every
        self.filter.say_count(len(findings), len(every))
        lines = lines_of(evidence, findings, self._folded, new, self.sort.key)
        notes = evidence.notes(self._number) if lines and not wanted else []
        self.list.fill([*lines, *map(VerdictNote, notes)])
        if self._is_fresh and self.list.count:
            self._is_fresh = False
            self.list.move_to(self.list.row_of(self._begin_at), quiet=True)
        elif isinstance(here, Occurrence):
            self.list.move_to(self.list.row_of(here.finding, self.list.cursor), quiet=True)
        elif isinstance(here, FindingGroup):
            self.list.move_to(self.list.row_of_rule(here.rule), quiet=True)
        self.set_class(not self.list.count, "-nothing")
        self.paint_lines()
        self._show_detail()

    @property
    def _number(self) -> int | None:
        return self.session.id if self.session else None

    def _text_of(self, finding: Finding, is_new: bool) -> str:
        """What a filter looks into."""
        session = self.recording.session(finding.session)
        who = [] if session is None else [f"s{session.id}", session.user or self.recording.evidence.user(session.id) or ""]
        return "\t".join([finding.rule, finding.severity, finding.message, *who, "new" if is_new else ""])

    def show_items(self) -> None:
        self._fill()

    def focus_rows(self) -> None:
        self.list.focus()

    def _empty_lines(self) -> list[str]:
        """What is said where there are no findings: why, and the notes."""
        notes = self.recording.evidence.notes(self._number) if not self.filter.text else []
        noted = self._wrapped(f"note: {note}" for note in notes if note != NO_DEMANDS)
        return [*self._why_empty(), *([""] if noted else []), *noted]

    def _wrapped(self, texts: Iterable[str]) -> list[str]:
        return [line for _, line in wrapped([("plain", text) for text in texts], _NOTE_WIDTH, self.look.safe)]

    def _why_empty(self) -> list[str]:
        if self.filter.text and self.recording.evidence.of_session(self._number):
            return ["", "No finding contains this text.", f"{self.look.key('screen.escape')} shows all of them"]
        status = self.host.validation.status
        again, another = self.look.key("screen.validate"), self.look.key("screen.contract")
        if status.stage is Stage.FAILED:
            why = (f"  {part}" for part in _sentences(status.why))
            return ["", "There is no verdict:", *why, "", f"{again} tries again, {another} chooses another contract"]
        if self.recording.live and not self.recording.reader.last_id():
            return ["", "Nothing is recorded yet."]
        if not self.recording.evidence.is_there:
            return ["", f"validating with {', '.join(self.host.validation.contracts_in_use) or 'the contract that fits'} …"]
        hint = f"{another} validates with another contract"
        if self.recording.evidence.is_vacuous(self._number):
            if self.recording.evidence.demands_nothing:
                nothing = self._wrapped([f"{NO_DEMANDS[0].upper()}{NO_DEMANDS[1:]}."])
                return ["", *nothing, hint]
            return ["", "No rule of this contract applies here: is it the right one?", hint]
        return ["", "No findings with this contract.", hint]

    def paint_lines(self) -> None:
        look, status = self.look, self.host.validation.status
        verdict = verdict_runs(look, status, self.recording, self._number)
        live = live_runs(look, self.host.growth, self.recording)
        place = joined(look, head_runs(look, session_name(look, self.session, self.recording)), live)
        self.head.say(place, verdict, extra=contract_runs(look, self.recording))
        dim = look.style("dim")
        change = status.change
        if change is not None:
            new = look.style("error", bold=True) if change.new else dim
            fixed = look.style("ok", bold=True) if change.fixed else dim
            news = [(f" {len(change.new)} new", new), (f"   {len(change.fixed)} fixed", fixed), ("   since then", dim)]
        else:
            news = self._counted()
        if left_out := self.recording.evidence.left_out:
            where = f"only in the sessions: {look.key('trace.next_finding')} there goes to each"
            news.append((f"   {left_out:,} more findings are {where}", look.style("warning")))
        self.news.say(news, self.order_runs())
        of_list = (
            ("list.open", "go there"), ("findings.fold", "fold"), ("listing.filter", "filter"), ("listing.sort", "sort"),
        )  # fmt: skip
        of_pane = (("screen.escape", "back to the list"),) if self.detail.has_focus else of_list
        keys = (
            *of_pane, ("screen.validate", "validate again"), ("screen.contract", "another contract"),
            ("findings.edit_rule", "edit the rule"), ("screen.back", "back"),
        )  # fmt: skip
        self.foot.say([], look.keys(("app.help", "help")), keys=keys)

    def _counted(self) -> list[Run]:
        """How many rows the list has of which kind, and by how many rules: `7 findings: ✗ 4 ▲ 1 → 2 follow from others`."""
        look, tally = self.look, self._tally
        dim = look.style("dim")
        rules = sum(len(judgement.rules) for judgement in self.recording.evidence.judgements)
        checked = [(f"{count_text(rules, 'rule')} checked", dim)] if rules else []
        if not sum(tally):
            return [(" ", dim), *checked]
        infos = [(f"{look.signs.info} {tally.infos:,}", dim)] if tally.infos else []
        follow = "follows from another" if tally.effects == 1 else "follow from others"
        effects = [(f"{look.signs.effect} {tally.effects:,} {follow}", dim)] if tally.effects else []
        counts = [tally_runs(look, tally.errors, tally.warnings, "{:,}".format), infos, effects]
        spaced = [run for runs in counts if runs for run in ((" ", dim), *runs)]
        return joined(look, [(f" {count_text(sum(tally), 'finding')}:", dim), *spaced], checked)

    def _show_detail(self) -> None:
        line = self.list.line_at(self.list.cursor)
        if isinstance(line, VerdictNote):
            note = line.text
            self.detail.show(lambda width: wrapped([("head", "note"), ("plain", note)], width, self.look.safe))
            return
        if line is None or isinstance(line, FindingGroup):
            facts = line.facts(of_all=self.session is not None) if line is not None else []
            self.detail.show(lambda width: wrapped(facts, width, self.look.own))
            return
        file, words = self.recording.evidence.words(line.finding)
        facts = finding_facts(line.finding, words, file, self.list.clock)
        self.detail.show(lambda width: wrapped(facts, width, self.look.own))

    def clock_ticked(self) -> None:
        self.paint_lines()

    def looks_changed(self) -> None:
        super().looks_changed()
        self._show_detail()

    def verdict_changed(self) -> None:
        if self._shown is self.recording.evidence and self.list.count:
            self.paint_lines()
        else:
            self._fill()

    def on_row_moved(self, message: RowMoved) -> None:
        if message.sender is self.list:
            self._show_detail()

    def on_row_chosen(self, message: RowChosen) -> None:
        if self.app.screen is not self:  # chosen twice, it is gone to once
            return
        line = self.list.line_at(message.row)
        if isinstance(line, FindingGroup):
            self.host.show_finding(line.first)
        elif isinstance(line, Occurrence):
            self.host.show_finding(line.finding)

    def action_fold(self) -> None:
        line = self.list.line_at(self.list.cursor)
        if line is None or isinstance(line, VerdictNote):
            return
        rule = line.rule if isinstance(line, FindingGroup) else line.finding.rule
        self._folded ^= {rule}
        self._fill()
        row = self.list.row_of_rule(rule)
        self.list.move_to(row)

    def action_edit_rule(self) -> None:
        """The rule of the line in the editor; what was saved is validated by."""
        from wsreplay.tui.findings import editing

        line = self.list.line_at(self.list.cursor)
        if line is None or isinstance(line, VerdictNote):
            return
        finding = line.first if isinstance(line, FindingGroup) else line.finding
        why, changed = "", False
        try:
            path, number = editing.place_of(finding, self.host.validation.contracts_in_use)
            with self.app.suspend():
                try:
                    changed = editing.edit(path, number)
                except WsreplayError as error:
                    why = str(error)  # said when the terminal is ours again
        except SuspendNotSupported:
            why = "there is no terminal for an editor here"
        except WsreplayError as error:
            why = str(error)
        if why:
            self.notify(self.look.own(why), title="the rule cannot be edited", severity="warning", markup=False)
        elif changed:
            self.host.validation.again()

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        """The keys of the list do nothing in the detail."""
        self.paint_lines()

    def action_focus_detail(self) -> None:
        if self.has_class("-narrow"):
            self.add_class("-detail-only")
        self.detail.focus()

    def action_focus_list(self) -> None:
        self.remove_class("-detail-only")
        self.list.focus()

    def action_escape(self) -> None:
        if self.detail.has_focus:
            self.action_focus_list()
        elif not self.clear_filter():
            super().action_escape()


def _sentences(text: str) -> list[str]:
    return [text[start : start + 70] for start in range(0, len(text), 70)]
