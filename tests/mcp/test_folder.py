from __future__ import annotations

import os
from pathlib import Path

import pytest

from wsreplay.errors import ContractError, UsageError
from wsreplay.mcp.folder import RecordingsFolder


def test_recordings_are_named_in_the_folder_and_the_newest_comes_first(folder: Path) -> None:
    newest_first = ["leak.db", "old/graphql.db", "healthy.db", "missing-event.db"]
    for age, name in enumerate(newest_first):
        os.utime(folder / name, (1_000_000 - age, 1_000_000 - age))
    opened = RecordingsFolder(folder)
    assert [opened.name(path) for path in opened.recordings()] == newest_first
    assert opened.recording("old/graphql.db") == folder / "old" / "graphql.db"


OUTSIDE = [
    "../secret.db", "/etc/passwd", "{outside}", "link.db", "old/../../secret.db", "linked/secret.db", "", ".", "a\0b",
    "x" * 9_000,
]  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_that_leads_out_leads_nowhere(folder: Path, name: str) -> None:
    secret = folder.parent / "secret.db"
    secret.write_bytes((folder / "healthy.db").read_bytes())
    (folder / "link.db").symlink_to(secret)
    (folder / "linked").symlink_to(folder.parent)
    opened = RecordingsFolder(folder)
    with pytest.raises(UsageError, match="no recording"):
        opened.recording(name.format(outside=secret) if "{" in name else name)
    assert secret not in [path.resolve() for path in opened.recordings()]


def test_contracts_are_the_users_the_built_ins_and_those_in_the_folder(folder: Path) -> None:
    mine = folder.parent / "mine.yaml"
    mine.write_text("contract: mine\nextends: agent-chat\n")
    (folder / "inside.yaml").write_text("contract: inside\nextends: agent-chat\n")
    opened = RecordingsFolder(folder, (str(mine),))
    names = [None, "", "mine.yaml", "ag-ui", "inside.yaml"]
    contracts = [opened.named_contract(name) for name in names]
    assert [contract and contract.name for contract in contracts] == ["mine", "mine", "mine", "ag-ui", "inside"]
    assert RecordingsFolder(folder).named_contract("") is None
    for name in ("../mine.yaml", str(mine)):
        with pytest.raises(UsageError, match="no contract"):
            RecordingsFolder(folder).named_contract(name)
    with pytest.raises(ContractError, match="no contract 'agent-chta'"):
        opened.named_contract("agent-chta")


def test_a_folder_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        RecordingsFolder(tmp_path / "nowhere")
