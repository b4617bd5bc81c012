"""What is wrong with each recording of a list: judged one after another by the clerk, and remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from wsreplay.store.reader import Recording
from wsreplay.tui.browse.folder import Listed
from wsreplay.tui.jobs.job import Told
from wsreplay.tui.jobs.worker import Clerk
from wsreplay.tui.recording.evidence import tally


class Preview(NamedTuple):
    """Errors and warnings, without those that only follow from others, and the rules they broke; or why there are none.

    `failed` says that the recording could not be judged.
    """

    errors: int = 0
    warnings: int = 0
    rules: tuple[str, ...] = ()
    why: str = ""
    failed: bool = False


def preview(contracts: Sequence[str], reader: Recording, errand: Told) -> None:
    """Tells a `Glance`."""
    from wsreplay.validator.preview import broken_rules, preview_verdict

    judgement = preview_verdict(reader, contracts)
    if judgement is None:
        errand.tell(Preview(why="too long to be judged in a list"))
        return
    if judgement.verdict == "vacuous":
        errand.tell(Preview(why="no rule applies" if judgement.events else "no events"))
        return
    rules = dict.fromkeys(chain.from_iterable(broken_rules(judgement.findings).values()))
    counts = tally(judgement.findings).values()
    errors, warnings = sum(errors for errors, _ in counts), sum(warnings for _, warnings in counts)
    errand.tell(Preview(errors, warnings, tuple(rules)))


class Previews:
    """Judges those recordings of a list that it does not know as they are now; `tell` gets each as it comes, in a thread."""

    def __init__(self, tell: Callable[[Path, Preview], object]) -> None:
        self._tell = tell
        self._clerk = Clerk()
        self._known: dict[object, Preview] = {}
        self._waiting: list[Listed] = []
        self._contracts: tuple[str, ...] = ()
        self._turn = 0
        self._under_way: int | None = None  # whose turn it is, until it was told

    def of(self, recording: Listed, contracts: tuple[str, ...]) -> Preview | None:
        return self._known.get(_key(recording, contracts))

    def forget(self) -> None:
        """What is known: the contracts may have changed."""
        self._known.clear()

    def look(self, recordings: Iterable[Listed], contracts: tuple[str, ...]) -> None:
        """Judge these in turn; others that still waited are forgotten."""
        self.rest()
        self._contracts = contracts
        closed = [recording for recording in recordings if not recording.why and not recording.live]
        self._waiting = [recording for recording in closed if self.of(recording, contracts) is None]
        self._waiting.reverse()
        self.go_on()

    def go_on(self) -> None:
        """Take the next one, if none is under way. To be called when one was told."""
        if self._under_way is not None:
            return
        if not self._waiting:
            self.rest()
            return
        recording = self._waiting.pop()
        self._turn += 1
        turn = self._under_way = self._turn

        def told(preview: Preview) -> None:
            self._known[_key(recording, self._contracts)] = preview
            if turn == self._under_way:  # of a process that ended one may hear twice
                self._under_way = None
            self._tell(recording.path, preview)

        def failed(why: str) -> None:
            told(Preview(why=why, failed=True))

        self._clerk.take(recording.path, partial(preview, self._contracts), told, failed)

    @property
    def busy(self) -> bool:
        return self._under_way is not None or bool(self._waiting)

    def rest(self) -> None:
        """Stop, and let the clerk go."""
        self._waiting, self._under_way = [], None
        self._clerk.stop()


def _key(recording: Listed, contracts: tuple[str, ...]) -> object:
    return recording.path, recording.changed_ns, recording.size, contracts
