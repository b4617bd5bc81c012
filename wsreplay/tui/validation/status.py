"""How far the validator is, for every screen to show."""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from wsreplay.tui.recording.gathering import Change


class Stage(StrEnum):
    IDLE = "idle"
    VALIDATING = "validating"
    FOLLOWING = "following"  # a recording that is still being written
    DONE = "done"
    FAILED = "failed"


class ValidationStatus(NamedTuple):
    """What the head of every screen says of the validation.

    `done` is the share of the recording that was read; `why` says why there is no verdict. `stale` says that a contract's file
    has changed since. `change` is what the last validation found that the one before had not, and the other way round.
    """

    stage: Stage = Stage.IDLE
    done: float = 0.0
    why: str = ""
    stale: bool = False
    change: "Change | None" = None
