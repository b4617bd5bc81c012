"""Choosing the contract to validate by: a built-in, or a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from wsreplay.model import NO_CONTRACT
from wsreplay.store.paths import typed_path
from wsreplay.tui.screens.filtered_list import Sort
from wsreplay.tui.screens.picker import Picker, PickerItem
from wsreplay.tui.widgets.table import Column

_NOTHING = "no contract: do not validate"
_YOURS = "in use"
# What a contract begins with, and no other YAML.
_CONTRACT = re.compile(rb"^(?:contract|extends)\s*:", re.MULTILINE)
_MOST_BYTES = 100_000


class ContractPicker(Picker["tuple[str, ...]"]):
    """Answers with names of contracts, or None. `current` are those in use; files of `folders` that are contracts are offered
    too."""

    def __init__(self, current: tuple[str, ...], folders: Sequence[Path] = ()) -> None:
        columns = (Column("contract", 30), Column("what it is for", 0))
        sorts = (Sort("kind", lambda _item: 0), Sort("name", lambda item: item.cells[0]))
        super().__init__("Validate with one of these, or type the path of a contract", columns, sorts, "./my-contract.yaml")
        self._current = current
        self._folders = folders

    def on_mount(self) -> None:
        from wsreplay.contract import builtin_names, purpose

        names = {**{name: purpose(name) for name in builtin_names()}, NO_CONTRACT: _NOTHING}
        names |= {name: _YOURS for name in self._current if name not in names}
        known = {typed_path(name).resolve() for name in names}
        names |= {str(path): purpose(str(path)) for path in _contracts_in(self._folders) if path.resolve() not in known}
        self.table.fit_columns({"contract": max(map(len, names))})
        items: list[PickerItem[tuple[str, ...]]] = [PickerItem((name,), (name, words)) for name, words in names.items()]
        self.fill(items, "", at=self._current[:1])

    def check(self, answer: tuple[str, ...]) -> None:
        from wsreplay import contract

        for name in answer:
            contract.load(name)

    def parse(self, text: str) -> tuple[str, ...]:
        from wsreplay import contract

        name = text if text in (*contract.builtin_names(), NO_CONTRACT) else str(typed_path(text))
        self.check((name,))
        return (name,)


def _contracts_in(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in dict.fromkeys(folders):
        for path in sorted(folder.glob("*.y*ml")):
            with suppress(OSError), path.open("rb") as file:
                if _CONTRACT.search(file.read(_MOST_BYTES)):
                    yield path
