"""What a user types for a path is a path, or one sentence about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsreplay.errors import UsageError
from wsreplay.store.paths import reachable, typed_path


def test_nothing_need_be_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not typed_path(str(tmp_path / "none" / "a.db")).exists()
    assert not typed_path(str(tmp_path / "file" / "a.db")).exists()
    assert typed_path("~") == Path.home()


@pytest.mark.parametrize(
    ("text", "says"),
    [("~nobody-here/a.db", "write the path without ~"), ("x" * 300, "File name too long"), ("a\0b", "is not a path")],
)
def test_what_cannot_be_a_path_is_said(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        typed_path(text)


def test_what_cannot_be_looked_at_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UsageError, match="cannot be reached: Too many levels"):
        reachable(tmp_path / "loop")

    def closed(_path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", closed)  # root may look anywhere
    with pytest.raises(UsageError, match="Permission denied"):
        reachable(tmp_path / "a.db")
