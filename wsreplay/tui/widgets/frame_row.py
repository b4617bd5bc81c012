"""One row of the list of frames, as runs of text: a frame, a ghost, an injected fault, a note."""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from rich.style import Style

from wsreplay import units
from wsreplay.display import user_text
from wsreplay.model import FIN, Fault, Mark, Opcode
from wsreplay.store.paging import PREVIEW_BYTES, Head
from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.look.paint import Run, cut, fitted
from wsreplay.tui.recording.clock import ShownClock
from wsreplay.tui.recording.decoded_heads import document_text
from wsreplay.tui.recording.evidence import Evidence, moment
from wsreplay.tui.recording.summary import name, summary

if TYPE_CHECKING:
    from wsreplay.tui.recording.extra_rows import EventRow, ExtraRow, OwedRow
    from wsreplay.tui.recording.finding_index import FindingKind
    from wsreplay.validator.findings import Finding
else:
    EventRow = ExtraRow = OwedRow = FindingKind = Finding = object  # imported where there is something between the frames

# The widths of a list, in cells, from which a row shows more.
_ID_FROM = 50  # others name a frame by its number
_CONNECTION_FROM = 66
_SIZE_FROM = 90
_USER_FROM = 100
_WAIT_FROM = 110
_USER = 10  # cells
_COUNTED = 100 * units.MILLISECOND  # a countdown counts in these
_SUMMARY = 600  # characters
_LEAST_PAYLOAD, _LEAST_WORDS = 9, 8  # cells that a payload keeps beside a finding's words, and that these are worth


def _no_name(_type: str) -> str | None:
    return None


def _nothing(_frame_id: int) -> int | None:
    return None


class FrameRow(NamedTuple):
    """Paints a row of a list `width` cells wide. `id_width` and `type_width` are cells, `clock` writes the times.

    `users` are those of the connections in the list, `are_many` says whether they differ. `witnesses` are the frames of the
    finding that is looked at, `open` those that began what is open at the playhead, `needle` is what a search looks for.
    `contract_name` is what the contract calls a type, None where it is the same; `before_ns` is when the frame before the row
    came; `lasted` says of the frame that ended something how long that took, ns.
    """

    look: Appearance
    width: int
    id_width: int
    type_width: int
    clock: ShownClock
    users: Mapping[int, str | None]
    are_many: bool
    evidence: Evidence
    marked: Mapping[int, Mark]
    witnesses: Collection[int] = ()
    open: Collection[int] = ()
    needle: str = ""
    contract_name: Callable[[str], str | None] = _no_name
    before_ns: int | None = None
    lasted: Callable[[int], int | None] = _nothing

    def extra_row(self, item: ExtraRow) -> list[Run]:
        """What is no frame."""
        from wsreplay.tui.recording.extra_rows import EventRow, FaultRow, NoteRow, OwedRow

        if isinstance(item, EventRow):
            return self._event(item)
        if isinstance(item, FaultRow):
            return self._fault(item.fault)
        if isinstance(item, OwedRow):
            return self._owed(item)
        if isinstance(item, NoteRow):
            return self._note(item.mark)
        return self._ghost(item.finding)

    def frame(self, head: Head) -> list[Run]:
        """A frame, with how long after the one before it in the list it came."""
        look, width = self.look, self.width
        finding = self.evidence.sign_at(head.id)
        dim, faint = look.style("dim"), look.style("faint")
        runs: list[Run] = [self._witness(head.id), self._sign(head.id, finding)]
        if width >= _ID_FROM:
            runs.append((f"{head.id:>{self.id_width}} ", faint))
        runs.append((f"{self.clock.row_text(head.t_ns, self.before_ns)} ", dim))
        if width >= _WAIT_FROM:
            wait = f"+{units.duration_text(head.t_ns - self.before_ns)}" if self.before_ns is not None else ""
            runs.append((f"{wait:>7} ", faint))
        direction = look.style("to-client" if head.direction else "to-server")
        runs += self._who(head.connection_id, faint)
        runs.append((f"{look.signs.direction(head.direction)} ", direction))
        type_name = fitted(look.safe(name(head)), self.type_width, ellipsis=look.signs.ellipsis)
        runs.extend(self._searched(f"{type_name} ", self._name_style(head, finding)))
        if width >= _SIZE_FROM:
            runs.append((f"{units.size_text(head.size):>5} ", faint))
        runs += self._in_contract(head.type)
        lasted = self.lasted(head.id)
        after = [(f"after {units.duration_text(lasted)}  ", look.style("text"))] if lasted else []
        if mark := self.marked.get(head.id):
            after.append((f"{look.signs.mark} {look.safe(mark.note)}  ", look.style("word")))
        payload = self._searched(look.safe(summary(head)[:_SUMMARY]), dim)
        if finding is None:
            return self._cut([*runs, *after, *payload])
        from wsreplay.tui.recording.finding_index import FindingKind

        if isinstance(finding, FindingKind):
            return self._cut([*runs, *after, *payload])
        words = look.own(place_words(finding, self.evidence.belongs.get(head.id)))
        wanted = min(cell_len(words), width // 3)
        if after and self._room_for_words([*runs, *after]) < wanted <= self._room_for_words(runs):
            after = []  # how late it was tells more
        return self._with_words([*runs, *after], payload, words, wanted, look.sign_of(finding)[1])

    def _room_for_words(self, lead: list[Run]) -> int:
        """The cells that a finding's words may take, beside what a payload keeps."""
        return self.width - sum(cell_len(text) for text, _ in lead) - _LEAST_PAYLOAD - 2

    def _with_words(self, lead: list[Run], payload: list[Run], words: str, wanted: int, style: Style) -> list[Run]:
        """What a finding says stands at the right end where there is room beside the payload, which it never replaces."""
        look = self.look
        cells = min(wanted, self._room_for_words(lead))
        if cells < _LEAST_WORDS:
            return self._cut([*lead, *payload])
        room = self.width - sum(cell_len(text) for text, _ in lead)
        shown = cut(payload, room - cells - 2, look.signs.ellipsis)
        gap = room - cells - sum(cell_len(text) for text, _ in shown)
        words = fitted(words, cells, ellipsis=look.signs.ellipsis)
        return [*lead, *shown, (" " * gap, look.style()), (words, style)]

    def _in_contract(self, type_: str | None) -> list[Run]:
        """What the contract calls an event that the product calls otherwise."""
        name = self.contract_name(type_) if type_ is not None else None
        return [(f"({self.look.safe(name)})  ", self.look.style("word"))] if name is not None else []

    def _event(self, item: EventRow) -> list[Run]:
        """One of several events of the frame above."""
        look, width, event = self.look, self.width, item.event
        dim, faint = look.style("dim"), look.style("faint")
        document = document_text(event)
        head = Head(
            0, 0, 0, 0, event.direction, Opcode.TEXT, FIN, 0, event.name, len(document), document[:PREVIEW_BYTES]
        )  # fmt: skip
        runs: list[Run] = [("   ", faint)]
        if width >= _ID_FROM:
            runs.append((f"{f'.{event.number.place + 1}':>{self.id_width}} ", faint))
        runs.append((" " * (len(self.clock.row_text(item.frame.t_ns, None)) + 1), dim))
        if width >= _WAIT_FROM:
            runs.append((" " * 8, faint))
        runs += [(" " * cell_len(text), style) for text, style in self._who(item.frame.connection_id, faint)]
        runs.append((f"{look.signs.direction(event.direction)} ", faint))
        type_name = fitted(look.safe(f"  {event.name}"), self.type_width, ellipsis=look.signs.ellipsis)
        runs.extend(self._searched(f"{type_name} ", look.style("text")))
        if width >= _SIZE_FROM:
            runs.append((f"{units.size_text(head.size):>5} ", faint))
        runs += self._in_contract(event.name)
        runs.extend(self._searched(look.safe(summary(head)[:_SUMMARY]), dim))
        return self._cut(runs)

    def _searched(self, text: str, style: Style) -> list[Run]:
        """A text with what is searched in it made visible."""
        look = self.look
        needle = look.safe(self.needle)  # as it is painted
        place = text.find(needle) if needle else -1
        if place < 0:
            return [(text, style)]
        end = place + len(needle)
        return [(text[:place], style), (text[place:end], look.style("strong", on="match", bold=True)), (text[end:], style)]

    def _ghost(self, finding: Finding) -> list[Run]:
        look, width = self.look, self.width
        sign, words = look.sign_of(finding)
        style = look.style({"error": "error", "warning": "warning"}.get(finding.severity, "dim"))
        from wsreplay.contract.event_words import merge_alike  # the first rows do without

        expected = look.safe(" or ".join(merge_alike(finding.expected)[: 1 if width < 100 else None]) or finding.rule)
        kind = "" if finding.is_late_open else f"{look.signs.missing} "
        lead = self._dashed_lead(sign, moment(finding), style, words, kind=kind)
        named = f"{place_words(finding, None)}: {expected} " if finding.is_late_open else f"missing: {expected} "
        lead += self._who(finding.connection, style)
        room = width - sum(cell_len(text) for text, _ in lead) - cell_len(named) - 4
        detail = _as_many(list(map(look.own, ghost_words(finding, self.clock))), room)
        return self._dashed([*lead, (named, words), (f"{look.signs.dash * 2} {detail} ", style)], style)

    def _fault(self, fault: Fault) -> list[Run]:
        look = self.look
        style, words = look.style("warning"), look.style("warning", bold=True)
        lead = self._dashed_lead(look.signs.fault, fault.t_ns, style, words)
        lead += self._who(fault.connection_id, style)
        side = f" {look.signs.direction(fault.direction)}" if fault.direction is not None else ""
        return self._dashed([*lead, (f"injected: {look.safe(fault.said)}{side} ", words)], style)

    def _owed(self, item: OwedRow) -> list[Run]:
        """What is still to come, and in what time."""
        look = self.look
        style, words = look.style("dim"), look.style("text", bold=True)
        lead = self._dashed_lead(look.signs.owed, item.until_ns, style, words)
        expected = look.safe(f"{' or '.join(item.types[: 1 if self.width < 100 else None])} ({item.name})")
        due = f"in {units.duration_text(max(0, item.until_ns - item.at_ns) // _COUNTED * _COUNTED)} "
        expected_in = [(f"due: {expected}  ", words), (due, look.style("word", bold=True))]
        return self._dashed([*lead, *expected_in], style)

    def _note(self, mark: Mark) -> list[Run]:
        look = self.look
        style, words = look.style("word"), look.style("word", bold=True)
        lead = self._dashed_lead(look.signs.mark, mark.t_ns, style, words)
        return self._dashed([*lead, (f"{look.safe(mark.note)} ", words)], style)

    def _cut(self, runs: list[Run]) -> list[Run]:
        return cut(runs, self.width, self.look.signs.ellipsis)

    def _dashed(self, runs: list[Run], style: Style) -> list[Run]:
        """What there is room for, and dashes up to the end of the row."""
        used = sum(cell_len(text) for text, _ in runs)
        return [*self._cut(runs), (self.look.signs.dash * max(0, self.width - used), style)]

    def _who(self, connection: int | None, style: Style) -> list[Run]:
        """Which connection, where there are several, as filters call it; of several users, whose."""
        if len(self.users) < 2 or self.width < _CONNECTION_FROM:
            return []
        number = f"conn {connection}" if connection is not None else ""
        runs: list[Run] = [(f"{number:<7} ", style)]
        if self.width >= _USER_FROM and self.are_many:
            user = self.look.safe(user_text(named) if (named := self.users.get(connection or 0)) else "")
            runs.append((fitted(user, _USER, ellipsis=self.look.signs.ellipsis) + " ", style))
        return runs

    def _dashed_lead(self, sign: str, t_ns: int, style: Style, words: Style, *, kind: str = "") -> list[Run]:
        """The columns before the words of a row that is no frame: its sign, what it is, its time, and dashes in between."""
        dash = self.look.signs.dash
        lead = (self.id_width + 1 if self.width >= _ID_FROM else 0) - 1
        wide = 8 if self.width >= _WAIT_FROM else 0
        return [
            (" ", style), (f"{sign:<2}", words), (_filled(kind, dash, lead) + (" " if lead >= 0 else ""), style),
            (f"{self.clock.row_text(t_ns, self.before_ns)} ", style), (dash * (wide + 1) + " ", style),
        ]  # fmt: skip

    def _witness(self, frame_id: int) -> Run:
        if frame_id in self.witnesses:
            return self.look.signs.witness, self.look.style("accent", bold=True)
        return " ", self.look.style()

    def _sign(self, frame_id: int, finding: Finding | FindingKind | None) -> Run:
        if finding is not None:
            sign, style = self.look.sign_of(finding)
            return f"{sign:<2}", style
        if frame_id in self.marked:
            return f"{self.look.signs.mark} ", self.look.style("word")
        if frame_id in self.open:
            return f"{self.look.signs.open_end} ", self.look.style("accent")
        return "  ", self.look.style()

    def _name_style(self, head: Head, finding: Finding | FindingKind | None) -> Style:
        if finding is not None and finding.severity == "error":
            return self.look.sign_of(finding)[1]
        return self.look.style("text" if head.type is not None else "dim")


def _filled(kind: str, dash: str, cells: int) -> str:
    """Dashes in so many cells, behind what kind of row it is if there is room for that."""
    return kind + dash * (cells - len(kind)) if cells >= len(kind) else dash * max(0, cells)


def place_words(finding: Finding, belongs: int | None) -> str:
    """What a row says of the finding that stands at it; `belongs` is the frame that should have come before this one."""
    if finding.kind == "late" and finding.late_by:
        return f"late by {units.duration_text(finding.late_by)}"
    if finding.kind == "order" and belongs is not None:
        return f"belongs after #{belongs}"
    if finding.kind == "order" and finding.seen in finding.expected and finding.before is not None:
        return f"belongs before #{finding.before}"
    if finding.kind == "order" and finding.expected:
        from wsreplay.contract.event_words import merge_alike

        return f"before {' or '.join(merge_alike(finding.expected))}"
    if finding.kind == "isolation":
        return finding.message.partition(" reached ")[0]  # whose it is, in few columns
    return finding.message.removeprefix(f"{finding.seen} ")  # the row has said its type


def ghost_words(finding: Finding, clock: ShownClock) -> list[str]:
    """What came instead of the event, until when it was due if not at the row's time, else for whom: not its name again."""
    if finding.is_late_open:
        return [finding.message]
    seen = f"got {finding.seen}" if finding.seen else ""
    is_told = finding.until is None or finding.until == moment(finding)
    due = "" if is_told else f"due by {clock.text(finding.until or 0)}"
    parts = [part for part in (seen, due) if part]
    endings = (finding.message.partition(phrase)[2] for phrase in (" never came ", " did not come "))
    return parts or [next(filter(None, endings), finding.message)]


def _as_many(parts: list[str], room: int) -> str:
    """The first parts that fit; the first of all in any case."""
    while len(parts) > 1 and cell_len(", ".join(parts)) > room:
        parts = parts[:-1]
    return ", ".join(parts)
