from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from wsreplay.errors import EXIT_USAGE
from wsreplay.extras import MissingExtra, require

ROOT = Path(__file__).parents[1]


def test_what_is_installed_is_imported() -> None:
    assert require("metrics", "json.decoder", "json", purpose="--metrics").__name__ == "json.decoder"


def test_what_is_missing_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(MissingExtra) as caught:
        require("metrics", "json", "wsreplay_has_no_such_package.inside", purpose="--metrics")
    assert str(caught.value) == (
        "--metrics needs wsreplay_has_no_such_package, which is not installed: pip install 'wsreplay[metrics]'"
    )
    assert caught.value.exit_code == EXIT_USAGE


def test_a_package_that_is_there_and_broken_is_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_here.py").write_text("import wsreplay_has_no_such_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="wsreplay_has_no_such_package"):
        require("metrics", "broken_here", purpose="--metrics")


def test_every_extra_is_tested_with_its_packages_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    dev = {line for line in (*groups["dev"], *groups["campaign"]) if isinstance(line, str)}
    for extra, packages in project["project"]["optional-dependencies"].items():
        assert set(packages) <= dev, extra
