"""How the runs of agents ended."""

from __future__ import annotations

from wsreplay.validator.findings import RunOutcome
from wsreplay.validator.state.state import Instance

MOST_RUNS = 5_000  # kept of each kind: gone well, and not


class RunLog:
    """How runs ended. All are counted, some thousands kept."""

    def __init__(self) -> None:
        # state → how many runs ended so
        self.counts: dict[str, int] = {}
        self.kept: list[RunOutcome] = []
        # how many more are kept that went well, and that did not
        self._room = {True: MOST_RUNS, False: MOST_RUNS}

    def close(self, run: Instance, state: str, t: int | None, fid: int | None, detail: str = "") -> None:
        """A run has ended, at `t` (ns) with the frame `fid`; None where the trace ends first."""
        self.counts[state] = self.counts.get(state, 0) + 1
        good = state == "completed"
        if self._room[good]:
            self._room[good] -= 1
            self.kept.append(run_account(run, state, t, fid, detail))


def run_account(run: Instance, state: str, t: int | None, fid: int | None, detail: str) -> RunOutcome:
    """How a run ended, or stands."""
    end = None if fid is None else int(fid)
    return RunOutcome(run.session.id, run.conn.id, run.labels(), state, run.t, t, int(run.fid or 0), end, detail)
