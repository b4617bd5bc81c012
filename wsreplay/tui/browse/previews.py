"""What is wrong with each recording of a list: they are validated one after another, and the answers remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from wsreplay.errors import WsreplayError
from wsreplay.model import NO_CONTRACT, NO_RULES, Session
from wsreplay.standing import OK, standing_of
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import Choices, ReadAs
from wsreplay.tui.browse.folder import ListedRecording
from wsreplay.tui.jobs.jobs import Jobs
from wsreplay.tui.jobs.task import JobContext
from wsreplay.tui.recording.evidence import Evidence
from wsreplay.tui.recording.finding_words import finding_words, first_findings, gravest, run_words, span_label
from wsreplay.tui.recording.stitching import stitch_by
from wsreplay.tui.validation.tasks import evidence_of

if TYPE_CHECKING:
    from wsreplay.contract import Contract
    from wsreplay.validator.findings import Finding, Judgement

PREVIEWING = "validating the recordings"


MOST_EVIDENCE = 20  # findings of a recording that its preview holds
MOST_LABELLED = 5_000  # frames of a recording of which the names of tools are found


class Preview(NamedTuple):
    """What a list says of a recording: errors and warnings, without those that only follow from others; or why there are none.

    `words` is the first finding, or what went on. `session` and `user` are those of the first finding, `evidence` the first
    findings of that session. `standing` is a word of `wsreplay.standing`. `fits` says that some contract is about the
    recording, `failed` that it could not be validated.
    """

    errors: int = 0
    warnings: int = 0
    words: str = ""
    session: int = 1
    user: str = ""
    first: Finding | None = None
    evidence: Evidence | None = None
    why: str = ""
    standing: str = OK
    fits: bool = True
    failed: bool = False

    @property
    def is_wrong(self) -> bool:
        """Whether there are findings."""
        return self.errors + self.warnings > 0


def preview_all(paths: Sequence[Path], contracts: Sequence[str], read_as: ReadAs, context: JobContext) -> None:
    """Publishes a `Preview` of each recording in turn."""
    for path in paths:
        try:
            with Recording.open(path) as reader:
                context.publish(preview(reader, contracts, read_as))
        except WsreplayError as error:
            context.publish(Preview(why=str(error).removeprefix(str(path)).lstrip(": "), failed=True))


def preview(reader: Recording, contracts: Sequence[str], read_as: ReadAs) -> Preview:
    """Raises WsreplayError."""
    from wsreplay.validator.preview import preview_by, tally
    from wsreplay.validator.select import select_contracts
    from wsreplay.validator.verdict_cache import SavedVerdicts

    contract = select_contracts(reader, contracts, read_as.decoder)[0].read_as(read_as)
    judgement = preview_by(reader, contract, SavedVerdicts.open())
    if judgement is None:
        return Preview(why="too long to be validated in a list: open it")
    if not reader.last_id() or (judgement.contract != NO_CONTRACT and not judgement.events and not judgement.findings):
        return Preview(why="no events")
    if judgement.contract == NO_CONTRACT:
        return Preview(why=_what_it_is(reader), fits=False)
    if judgement.verdict == "vacuous":
        return Preview(why=NO_RULES if judgement.demands_nothing else "no rule applies")
    counts = tally(judgement.findings).values()
    errors, warnings = sum(errors for errors, _ in counts), sum(warnings for _, warnings in counts)
    firsts = first_findings(finding for finding in judgement.findings if finding.severity != "info")
    stands = standing_of(errors, warnings, judgement.verdict, judgement.contract)
    first = gravest(firsts.values()) if firsts else None
    number = first.session or 1 if first is not None else 1
    session = stitch_by(contract, reader)[number - 1]
    user = session.user or judgement.users.get(number) or ""
    if first is None:
        return Preview(errors, warnings, run_words(judgement.runs), user=user, standing=stands)
    words = finding_words(first, _label(reader, judgement, first, session, contract))
    beside = [finding for finding in judgement.findings if finding.session == first.session and finding != first]
    evidence = evidence_of(reader, [first, *beside][:MOST_EVIDENCE], [], [])
    first = next((finding for finding in evidence.findings if finding.id == first.id), first)  # as it stands there
    return Preview(errors, warnings, words, number, user, first, evidence, standing=stands)


def _what_it_is(reader: Recording) -> str:
    """The decoders of a recording that no contract is about."""
    choices = Choices()
    choices.refresh(reader, connections := reader.connections())
    names = dict.fromkeys(choices[connection.id].text for connection in connections if not choices[connection.id].plain)
    return ", ".join(names)


def _label(
    reader: Recording, judgement: Judgement, finding: Finding, session: Session, contract: Contract
) -> str:
    """What the contract calls the tool or the agent that a finding is about, where the session is not long."""
    if label := span_label(finding, judgement.spans):
        return label
    if not finding.slice or reader.last_id() > MOST_LABELLED:
        return ""
    from wsreplay.validator import SpanLog, judge

    spans = judge(reader, contract, sessions=[session], span_log=SpanLog()).spans
    return span_label(finding, spans)


class Previews:
    """Previews of the recordings of a list. Those that are not known are validated, read as `read_as` says; `on_preview` is
    called for each."""

    def __init__(self, jobs: Jobs, on_preview: Callable[[Path], object], read_as: Callable[[], ReadAs]) -> None:
        self._jobs = jobs
        self._read_as = read_as
        self._on_preview = on_preview
        # By what tells a recording from what it was before, and the contracts.
        self._known: dict[object, Preview] = {}
        # Those that are validated now, the next one first; and those that came since that began.
        self._at_work: list[ListedRecording] = []
        self._waiting: list[ListedRecording] = []
        # What they are validated by.
        self._contracts: tuple[str, ...] = ()

    def of(self, recording: ListedRecording, contracts: tuple[str, ...]) -> Preview | None:
        return self._known.get(_key(recording, contracts))

    def forget(self) -> None:
        """What is known: the contracts may have changed."""
        self.rest()
        self._known.clear()

    def validate(self, recordings: Iterable[ListedRecording], contracts: tuple[str, ...]) -> None:
        """Validate these in turn; others that still waited are forgotten.

        What is at work goes on where it is of these: a folder is read again and again while a file of it is locked.
        """
        closed = [recording for recording in recordings if not recording.why and not recording.live]
        unknown = {_key(recording, contracts): recording for recording in closed if self.of(recording, contracts) is None}
        at_work = {_key(recording, self._contracts) for recording in self._at_work}
        if self._jobs.is_running(PREVIEWING) and at_work and at_work <= unknown.keys():
            self._waiting = [recording for key, recording in unknown.items() if key not in at_work]
        else:
            self._contracts, self._at_work, self._waiting = contracts, [], [*unknown.values()]
            self._go_on()

    def _go_on(self) -> None:
        self.rest()
        self._at_work, self._waiting = [*self._at_work, *self._waiting], []
        if self._at_work:
            paths = [recording.path.absolute() for recording in self._at_work]
            task = partial(preview_all, paths, self._contracts, self._read_as())
            self._jobs.run_in_process(PREVIEWING, task, self._take, self._fail)

    def _take(self, preview: Preview) -> None:
        recording = self._at_work.pop(0)
        self._known[_key(recording, self._contracts)] = preview
        self._on_preview(recording.path)
        if not self._at_work and self._waiting:
            self._go_on()

    def _fail(self, why: str) -> None:
        """The process has ended: on the recording that it was at, of which nothing is known; go on with the others."""
        if self._at_work:
            self._take(Preview(why=why, failed=True))
        self._go_on()

    def rest(self) -> None:
        """Stop."""
        self._jobs.cancel(PREVIEWING)


def _key(recording: ListedRecording, contracts: tuple[str, ...]) -> object:
    return recording.path, recording.changed_ns, recording.size, contracts
