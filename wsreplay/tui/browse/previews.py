"""What is wrong with each recording of a list: they are validated one after another, and the answers remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from wsreplay.errors import WsreplayError
from wsreplay.model import NO_CONTRACT, NO_FIT
from wsreplay.store.reader import Recording
from wsreplay.tui.browse.folder import ListedRecording
from wsreplay.tui.jobs.jobs import Jobs
from wsreplay.tui.jobs.task import JobContext
from wsreplay.tui.recording.evidence import tally

PREVIEWING = "validating the recordings"


class Preview(NamedTuple):
    """Errors and warnings, without those that only follow from others, and the rules they broke; or why there are none.

    `failed` says that the recording could not be validated.
    """

    errors: int = 0
    warnings: int = 0
    rules: tuple[str, ...] = ()
    why: str = ""
    failed: bool = False


def preview_all(paths: Sequence[Path], contracts: Sequence[str], context: JobContext) -> None:
    """Publishes a `Preview` of each recording in turn."""
    for path in paths:
        try:
            with Recording.open(path) as reader:
                context.publish(preview(reader, contracts))
        except WsreplayError as error:
            context.publish(Preview(why=str(error), failed=True))


def preview(reader: Recording, contracts: Sequence[str]) -> Preview:
    """Raises WsreplayError."""
    from wsreplay.validator.preview import broken_rules, preview_verdict
    from wsreplay.validator.saved import SavedVerdicts

    judgement = preview_verdict(reader, contracts, SavedVerdicts.open())
    if judgement is None:
        return Preview(why="too long to be validated in a list")
    if judgement.contract == NO_CONTRACT:
        return Preview(why=NO_FIT)
    if judgement.verdict == "vacuous":
        return Preview(why="no rule applies" if judgement.events else "no events")
    rules = dict.fromkeys(chain.from_iterable(broken_rules(judgement.findings).values()))
    counts = tally(judgement.findings).values()
    errors, warnings = sum(errors for errors, _ in counts), sum(warnings for _, warnings in counts)
    return Preview(errors, warnings, tuple(rules))


class Previews:
    """Previews of the recordings of a list. Those that are not known are validated; `on_preview` is called for each."""

    def __init__(self, jobs: Jobs, on_preview: Callable[[Path], object]) -> None:
        self._jobs = jobs
        self._on_preview = on_preview
        # By what tells a recording from what it was before, and the contracts.
        self._known: dict[object, Preview] = {}
        # Those that are validated now, the next one first.
        self._waiting: list[ListedRecording] = []
        self._contracts: tuple[str, ...] = ()

    def of(self, recording: ListedRecording, contracts: tuple[str, ...]) -> Preview | None:
        return self._known.get(_key(recording, contracts))

    def forget(self) -> None:
        """What is known: the contracts may have changed."""
        self._known.clear()

    def validate(self, recordings: Iterable[ListedRecording], contracts: tuple[str, ...]) -> None:
        """Validate these in turn; others that still waited are forgotten."""
        self._contracts = contracts
        closed = [recording for recording in recordings if not recording.why and not recording.live]
        self._waiting = [recording for recording in closed if self.of(recording, contracts) is None]
        self._go_on()

    def _go_on(self) -> None:
        self.rest()
        if self._waiting:
            paths = [recording.path.absolute() for recording in self._waiting]
            task = partial(preview_all, paths, self._contracts)
            self._jobs.run_in_process(PREVIEWING, task, self._take, self._fail)

    def _take(self, preview: Preview) -> None:
        recording = self._waiting.pop(0)
        self._known[_key(recording, self._contracts)] = preview
        self._on_preview(recording.path)

    def _fail(self, why: str) -> None:
        """The process has ended: on the recording that it was at, of which nothing is known; go on with the others."""
        if self._waiting:
            self._take(Preview(why=why, failed=True))
        self._go_on()

    def rest(self) -> None:
        """Stop."""
        self._jobs.cancel(PREVIEWING)


def _key(recording: ListedRecording, contracts: tuple[str, ...]) -> object:
    return recording.path, recording.changed_ns, recording.size, contracts
