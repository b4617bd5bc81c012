"""What wsreplay did to the traffic on purpose, beside what is said of it: no injected fault is to pass for a real one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wsreplay.contract.users import sessions_of
from wsreplay.display import INJECTED, visible
from wsreplay.errors import RecordingError, UsageError
from wsreplay.model import Fault
from wsreplay.report import timeline
from wsreplay.report.result import FileResult
from wsreplay.store.reader import Recording
from wsreplay.units import count_text
from wsreplay.validator.findings import Finding

_MOST_SAID = 5


@dataclass(frozen=True, slots=True)
class Injected:
    """The faults in one recording, and those of them in each of its sessions."""

    faults: tuple[Fault, ...] = ()
    by_session: Mapping[int, tuple[Fault, ...]] = field(default_factory=dict)

    @classmethod
    def into(cls, result: FileResult) -> Injected | None:
        """What was injected into a result's recording; None where it can no longer be read."""
        try:
            with Recording.open(result.path) as recording:
                faults = tuple(recording.faults())
                sessions = sessions_of(recording, result.contract) if faults else []
                return cls(faults, {session.id: tuple(timeline.faults(recording, session)) for session in sessions})
        except (RecordingError, UsageError):
            return None

    def beside(self, finding: Finding) -> tuple[Fault, ...]:
        """Those in the session that a finding is of; of all, those in the whole recording."""
        return self.faults if finding.session is None else self.by_session.get(finding.session, ())


def mark(faults: tuple[Fault, ...]) -> str:
    """`⚡ injected: 2 faults`, or nothing where there are none."""
    return f"{INJECTED}: {count_text(len(faults), 'fault')}" if faults else ""


def details(faults: tuple[Fault, ...]) -> list[str]:
    """What each of them did, the first few."""
    texts = [visible(fault.said) for fault in faults[:_MOST_SAID]]
    return [*texts, f"{len(faults) - _MOST_SAID:,} more"] if len(faults) > _MOST_SAID else texts
