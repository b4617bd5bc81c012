"""How the runs of agents ended."""

from __future__ import annotations

from wsreplay.validator.findings import RunAccount
from wsreplay.validator.state.state import Instance

MOST_ACCOUNTS = 5_000  # kept of each kind: gone well, and not


class Accounts:
    """How runs ended. All are counted, some thousands kept."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.kept: list[RunAccount] = []
        self._room = {True: MOST_ACCOUNTS, False: MOST_ACCOUNTS}

    def close(self, run: Instance, state: str, t: int | None, fid: int | None, detail: str = "") -> None:
        self.counts[state] = self.counts.get(state, 0) + 1
        good = state == "completed"
        if self._room[good]:
            self._room[good] -= 1
            self.kept.append(account(run, state, t, fid, detail))


def account(run: Instance, state: str, t: int | None, fid: int | None, detail: str) -> RunAccount:
    return RunAccount(run.session.id, run.conn.id, run.labels(), state, run.t, t, run.fid or 0, fid, detail)
