"""The list of frames: one row a frame, a dashed one where an event is missing or a fault was injected."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from wsreplay.model import Fault, Mark
from wsreplay.store.paging import Head
from wsreplay.tui import times
from wsreplay.tui.data.between import Between, Injected, Noted
from wsreplay.tui.data.evidence import moment, worst
from wsreplay.tui.data.opened import Opened
from wsreplay.tui.data.summary import name, summary
from wsreplay.tui.data.view import Anchor, View
from wsreplay.tui.widgets.paint import Run, fitted
from wsreplay.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from wsreplay.validator.findings import Finding

STRIPS = 2048
_USER = 10  # cells
_ID_FROM = 50  # the width from which a row says its number: others name it
_TYPE_WIDTHS = ((70, 14, 20), (90, 18, 30), (130, 22, 34), (1000, 26, 40))  # list below, cells at first, and at most


class FrameList(RowList):
    """Paints a view. `users` are those of its connections, where it has several.

    `witnesses` are the frames of the finding that is looked at, `needle` is what a search looks for.

    `open` are the frames that began what is open at the playhead, while the session is played.
    """

    def __init__(self, opened: Opened, view: View, *, users: Mapping[int, str | None], id: str | None = None) -> None:
        super().__init__(id=id)
        self._users: Mapping[int, str | None] = users
        self._are_many = len(set(users.values())) > 1
        self._opened = opened
        self.view = view
        self.origin_ns = 0
        self.witnesses: Collection[int] = ()
        self.open: Collection[int] = ()
        self.needle = ""
        self._strips: OrderedDict[tuple[int, int, int], Strip] = OrderedDict()
        self._between_painted = 0
        self._longest_type = 0
        self.is_film = False  # what has not come yet is not there
        self.border_title = "frames"

    def on_mount(self) -> None:
        self.show_view(self.view)

    def show_view(self, view: View, *, anchor: Anchor | None = None) -> None:
        """Show another view; what `anchor` names stays on the line of the screen it is on, if the view holds it."""
        offset = self.cursor - self.scroll_offset.y
        self.view = view
        self._between_painted = view.between_version
        self.forget()
        self.set_count(len(view))
        if anchor is not None and len(view):
            row = view.row_of_anchor(anchor)
            self.move_to(row, quiet=True)
            self.scroll_to(y=max(0, row - offset), animate=False, immediate=True, force=True)

    def forget(self) -> None:
        """Paint every row anew: findings, marks, colours or the view have changed."""
        self._strips.clear()
        self.refresh()

    def set_users(self, users: Mapping[int, str | None]) -> None:
        if users != self._users:
            self._users, self._are_many = users, len(set(users.values())) > 1
            self.forget()

    def grown(self) -> None:
        """The view has more rows, or fewer; those that stay look as they did."""
        self.set_count(len(self.view))

    def show_horizon(self, view: View) -> None:
        """The same view with its end elsewhere; ghosts may have come or gone."""
        if view.between_version != self._between_painted:
            self._between_painted = view.between_version
            self.forget()
        self.set_count(len(view))

    def set_witnesses(self, frames: Collection[int]) -> None:
        if set(frames) != set(self.witnesses):
            self.witnesses = frames
            self.forget()

    def set_open(self, frames: Collection[int]) -> None:
        if set(frames) != set(self.open):
            self.open = frames
            self.forget()

    # Painting.

    def paint_empty(self, y: int, width: int) -> Strip:
        if self.is_film and not self.count and len(self.view.ids):
            said = {2: "nothing has come yet", 3: f"{self.look.key('screen.escape')} ends the film"}.get(y, "")
            return self.whole_line([(f"   {said}", self.look.style("dim"))], width)
        return super().paint_empty(y, width)

    def paint(self, row: int, width: int) -> Strip:
        key = (row, width, self._id_width())
        strip = self._strips.get(key)
        if strip is None:
            item = self.view.row(row)
            strip = self._strips[key] = self._paint_item(item, row, width)
            if item is None:
                del self._strips[key]
                return strip
            if len(self._strips) > STRIPS:
                self._strips.popitem(last=False)
        return strip

    def _paint_item(self, item: Head | Between | None, row: int, width: int) -> Strip:
        if item is None:
            trouble, again = self.view.pages.trouble, self.look.key("session.read_again")
            why = f"{again} reads again: {trouble}" if trouble else "this frame is not in the recording"
            return self.whole_line([(f" {self.look.signs.warning} {self.look.own(why)}", self.look.style("warning"))], width)
        if isinstance(item, Injected):
            return self._paint_fault(item.fault, width)
        if isinstance(item, Noted):
            return self._paint_note(item.mark, width)
        if isinstance(item, Between):
            return self._paint_ghost(item.finding, width)
        return self.whole_line(self._frame_runs(item, row, width), width)

    def _frame_runs(self, head: Head, row: int, width: int) -> list[Run]:
        look = self.look
        findings = self._opened.evidence.by_frame.get(head.id, ())
        finding = worst(findings)
        dim, faint = look.style("dim"), look.style("faint")
        runs: list[Run] = [self._witness_run(head.id), self._sign_run(head.id, finding)]
        if width >= _ID_FROM:
            runs.append((f"{head.id:>{self._id_width()}} ", faint))
        runs.append((f"{times.clock(head.t_ns - self.origin_ns)} ", dim))
        if width >= 110:
            runs.append((f"{self._since_last(head, row):>7} ", faint))
        direction = look.style("to-client" if head.direction else "to-server")
        runs += self._who_runs(head.connection_id, faint, width)
        runs.append((f"{look.signs.direction(head.direction)} ", direction))
        type_name = look.safe(name(head))
        type_name = fitted(type_name, self._type_width(cell_len(type_name), width), ellipsis=look.signs.ellipsis)
        runs.extend(self._searched(f"{type_name} ", self._name_style(head, finding)))
        if width >= 90:
            runs.append((f"{times.size(head.size):>5} ", faint))
        if finding:
            words = place_words(finding, self._opened.evidence.belongs.get(head.id))
            runs.append((f"{look.own(words)}  ", look.sign_of(finding)[1]))
        if mark := self._opened.marked.get(head.id):
            runs.append((f"{look.signs.mark} {look.safe(mark.note)}  ", look.style("word")))
        runs.extend(self._searched(look.safe(summary(head)[:600]), dim))
        return runs

    def _searched(self, text: str, style: Style) -> list[Run]:
        """A text with what is searched in it made visible."""
        look = self.look
        place = text.find(self.needle) if self.needle else -1
        if place < 0:
            return [(text, style)]
        end = place + len(self.needle)
        return [(text[:place], style), (text[place:end], look.style("strong", on="match", bold=True)), (text[end:], style)]

    def _paint_ghost(self, finding: Finding, width: int) -> Strip:
        look = self.look
        style, words = look.style("missing"), look.style("missing", bold=True)
        expected = look.safe(" or ".join(finding.expected[: 1 if width < 100 else None]) or finding.rule)
        lead = self._dashed_lead(look.signs.missing, moment(finding), style, words, width)
        dash = look.signs.dash
        name = f"missing: {expected} "
        lead += self._who_runs(finding.connection, style, width)
        room = width - sum(cell_len(text) for text, _ in lead) - cell_len(name) - 4
        said = _as_many(list(map(look.own, ghost_words(finding, self.origin_ns))), room)
        runs: list[Run] = [*lead, (name, words), (f"{dash * 2} {said} ", style), (dash * width, style)]
        return self.whole_line(runs, width)

    def _paint_fault(self, fault: Fault, width: int) -> Strip:
        look = self.look
        style, words = look.style("warning"), look.style("warning", bold=True)
        lead = self._dashed_lead(look.signs.fault, fault.t_ns, style, words, width)
        lead += self._who_runs(fault.connection_id, style, width)
        side = f" {look.signs.direction(fault.direction)}" if fault.direction is not None else ""
        runs: list[Run] = [*lead, (f"injected: {look.safe(fault.said)}{side} ", words), (look.signs.dash * width, style)]
        return self.whole_line(runs, width)

    def _paint_note(self, mark: Mark, width: int) -> Strip:
        look = self.look
        style, words = look.style("word"), look.style("word", bold=True)
        lead = self._dashed_lead(look.signs.mark, mark.t_ns, style, words, width)
        return self.whole_line([*lead, (f"{look.safe(mark.note)} ", words), (look.signs.dash * width, style)], width)

    def _who_runs(self, connection: int | None, style: Style, width: int) -> list[Run]:
        """Which connection, where there are several; of several users, whose."""
        if len(self._users) < 2 or width < 66:
            return []
        number = f"c{connection}" if connection is not None else ""
        runs: list[Run] = [(f"{number:<4}", style)]
        if self._are_many and width >= 100:
            user = self.look.safe(self._users.get(connection or 0) or "")
            runs.append((fitted(user, _USER, ellipsis=self.look.signs.ellipsis) + " ", style))
        return runs

    def _dashed_lead(self, sign: str, t_ns: int, style: Style, words: Style, width: int) -> list[Run]:
        """The columns before the words of a row that is no frame: its sign and its time, dashes in the others."""
        dash = self.look.signs.dash
        lead = (self._id_width() + 1 if width >= _ID_FROM else 0) - 1
        wide = 8 if width >= 110 else 0
        return [
            (" ", style), (f"{sign} ", words), (dash * max(0, lead) + (" " if lead >= 0 else ""), style),
            (f"{times.clock(t_ns - self.origin_ns)} ", style), (dash * (wide + 1) + " ", style),
        ]  # fmt: skip

    def _witness_run(self, frame_id: int) -> Run:
        if frame_id in self.witnesses:
            return self.look.signs.witness, self.look.style("accent", bold=True)
        return " ", self.look.style()

    def _sign_run(self, frame_id: int, finding: Finding | None) -> Run:
        if finding is not None:
            sign, style = self.look.sign_of(finding)
            return f"{sign} ", style
        if frame_id in self._opened.marked:
            return f"{self.look.signs.mark} ", self.look.style("word")
        if frame_id in self.open:
            return f"{self.look.signs.open_end} ", self.look.style("accent")
        return "  ", self.look.style()

    def _name_style(self, head: Head, finding: Finding | None) -> Style:
        if finding is not None and finding.severity == "error":
            return self.look.sign_of(finding)[1]
        return self.look.style("text" if head.type is not None else "dim")

    def _since_last(self, head: Head, row: int) -> str:
        index = self.view.index_of_row(row)
        if index == 0:
            return ""
        before = self.view.pages.head(index - 1)
        return f"+{times.length(head.t_ns - before.t_ns)}" if before else ""

    def _id_width(self) -> int:
        ids = self.view.ids
        return max(4, len(str(ids[-1]))) if len(ids) else 4

    def _type_width(self, cells: int, width: int) -> int:
        """The column is as wide as the longest name so far needs, within limits: it never gets narrower again."""
        least, most = next((least, most) for limit, least, most in _TYPE_WIDTHS if width < limit or limit == 1000)
        if cells > self._longest_type:
            if self._longest_type < most and cells > least:
                self.call_next(self.forget)
            self._longest_type = cells
        return min(most, max(least, self._longest_type))


def place_words(finding: Finding, belongs: int | None) -> str:
    """What a row says of the finding that stands at it; `belongs` is the frame that should have come before this one."""
    if finding.kind == "late" and finding.late_by is not None:
        return f"late by {times.length(finding.late_by)}"
    if finding.kind == "order" and belongs is not None:
        return f"belongs after #{belongs}"
    if finding.kind == "order" and finding.expected:
        return f"before {' or '.join(finding.expected)}"
    if finding.kind == "isolation":
        return finding.message.rpartition("; it ")[2].removeprefix(f"{finding.seen} ")  # whose it is, in few columns
    return finding.message.removeprefix(f"{finding.seen} ")  # the row has said its type


def ghost_words(finding: Finding, origin_ns: int) -> list[str]:
    """What came instead of the event, until when it was due if not at the row's time, else for whom: not its name again."""
    seen = f"got {finding.seen}" if finding.seen else ""
    is_told = finding.until is None or finding.until == moment(finding)
    due = "" if is_told else f"due by {times.clock((finding.until or 0) - origin_ns)}"
    said = [part for part in (seen, due) if part]
    told = (finding.message.partition(phrase)[2] for phrase in (" never came ", " did not come "))
    return said or [next(filter(None, told), finding.message)]


def _as_many(parts: list[str], room: int) -> str:
    """The first parts that fit; the first of all in any case."""
    while len(parts) > 1 and cell_len(", ".join(parts)) > room:
        parts = parts[:-1]
    return ", ".join(parts)
