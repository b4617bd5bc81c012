"""The recordings and contracts of one folder, by their names in it. A name that leads out of the folder leads nowhere."""

from __future__ import annotations

import os
from pathlib import Path

from wsreplay.contract import Contract, builtin_names, load
from wsreplay.contract.users import sessions_of
from wsreplay.errors import ContractError, UsageError
from wsreplay.model import NO_CONTRACT, Session
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import AS_RECORDED, ReadAs
from wsreplay.validator.select import select_contracts


class RecordingsFolder:
    """`contracts` are files or built-ins that the user named: the first of them judges where nobody names one. `read_as` is how
    the user says that recordings are read."""

    def __init__(self, root: Path, contracts: tuple[str, ...] = (), read_as: ReadAs = AS_RECORDED) -> None:
        """Raises UsageError where no such folder, ContractError for a contract that cannot be used."""
        if not root.is_dir():
            raise UsageError(f"{root} is not a folder")
        self.root = root.resolve()
        self.contracts = {Path(name).name: load(name) for name in contracts}
        self._read_as = read_as

    def recordings(self) -> list[Path]:
        """All recordings in it, those that changed last first."""
        paths = [path for path in sorted(self.root.rglob("*.db")) if path.is_file() and self._is_inside(path)]
        return sorted(paths, key=lambda path: -path.stat().st_mtime_ns)

    def name(self, path: Path) -> str:
        """How a recording is named in answers, and asked for."""
        return str(path.relative_to(self.root)).encode("utf-8", "replace").decode()

    def recording(self, name: str) -> Path:
        """The file of a recording. Raises UsageError."""
        return self._inside(name, "recording")

    def contract(self, name: str, recording: Recording) -> Contract:
        """As `named_contract`, or else the one that fits a recording."""
        chosen = self.named_contract(name) or select_contracts(recording, decoder=self._read_as.decoder)[0]
        return chosen.read_as(self._read_as)

    def sessions(self, recording: Recording, contract: str = "") -> list[Session]:
        """Those of a recording, by the contract of this name."""
        return sessions_of(recording, self.named_contract(contract), self._read_as.users, self._read_as.decoder)

    def reading_contract(self, name: str, recording: Recording) -> Contract | None:
        """What says how to read a recording: a contract that is named, or what fits with what the user says. None: nothing."""
        is_named = self._read_as != AS_RECORDED or self.named_contract(name) is not None
        return self.contract(name, recording) if is_named else None

    def named_contract(self, name: str) -> Contract | None:
        """A contract: one of the user's, a built-in, or a file in the folder; without a name the user's first. None: there is
        none. Raises UsageError."""
        if not name:
            return next(iter(self.contracts.values()), None)
        if name in self.contracts:
            return self.contracts[name]
        if name == NO_CONTRACT or name in builtin_names():
            return load(name)
        if not name.endswith((".yaml", ".yml")):
            raise ContractError(f"no contract {name!r}; there are {', '.join([*self.contracts, *builtin_names()])}")
        return load(str(self._inside(name, "contract")))

    def _inside(self, name: str, kind: str) -> Path:
        try:
            path = self.root / name
            if self._is_inside(path) and path.is_file():
                return path
        except (OSError, ValueError):  # too long, or with a NUL
            pass
        raise UsageError(f"no {kind} {name!r} in this folder")

    def _is_inside(self, path: Path) -> bool:
        """Whether it lies in the folder, with links followed."""
        return os.path.commonpath([self.root, path.resolve()]) == str(self.root)
