"""Wheel and sdist: what is in them, what they say of themselves, and that the wheel works where there is no checkout."""

from __future__ import annotations

import email
import os
import re
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import wsreplay
from wsreplay.cli.help import TOPICS

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(900), pytest.mark.xdist_group("packaging")]

Run = Callable[..., str]


def interpreter(version: str) -> str | None:
    """A Python of this minor version: the running one, one on the path, or one of pyenv's."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return str(Path(sys.executable).resolve())
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    ours = sorted(pyenv.glob(f"versions/{version}.*/bin/python"))
    found = shutil.which(f"python{version}")
    if ours:
        return str(ours[-1])
    return found


def sdist_names(sdist: Path) -> set[str]:
    with tarfile.open(sdist) as archive:
        return {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}


def metadata(wheel: Path) -> email.message.Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path, tracked: set[str]) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    pages = {f"wsreplay/pages/{page.partition('#')[0]}" for page, _ in TOPICS.values()}
    assert names == {name for name in tracked if name.startswith("wsreplay/")} | pages


def test_the_sdist_holds_what_is_needed_to_build_and_test(sdist: Path, tracked: set[str]) -> None:
    names = sdist_names(sdist)
    assert names - tracked == {"PKG-INFO"}
    for folder in ("wsreplay/", "tests/", "tools/", "examples/", "docs/", "benchmarks/"):
        assert {name for name in tracked if name.startswith(folder)} <= names, folder
    assert {"README.md", "LICENSE", "CHANGELOG.md", "Makefile", "pyproject.toml", "mkdocs.yml"} <= names
    assert {"action.yml", "Dockerfile", ".pre-commit-hooks.yaml"} <= names


def test_no_file_names_the_machine_it_was_built_on(sdist: Path, root: Path) -> None:
    places = [str(root).encode() + b"/", str(Path.home()).encode() + b"/"]
    with tarfile.open(sdist) as archive:
        for member in archive.getmembers():
            if (file := archive.extractfile(member)) is not None:
                data = file.read()
                assert not [place for place in places if place in data], member.name


def test_twine_accepts_both(wheel: Path, sdist: Path, run: Run) -> None:
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)


def test_the_metadata_says_what_the_package_is(wheel: Path) -> None:
    said = metadata(wheel)
    assert said["Name"] == "wsreplay"
    assert said["Version"] == wsreplay.__version__
    assert said["License-Expression"] == "MIT"
    assert said["Requires-Python"] == ">=3.11"
    assert said["Description-Content-Type"] == "text/markdown"
    assert "Typing :: Typed" in said.get_all("Classifier", [])


def test_the_page_of_the_package_has_no_link_that_leads_nowhere(wheel: Path) -> None:
    page = metadata(wheel).get_payload()
    assert isinstance(page, str)
    assert page.startswith("# wsreplay") and page.rstrip().endswith("Licence: MIT.")
    assert [text for text in re.findall(r"!?\[[^]]*\]\([^)]*\)", page) if "](https://" not in text] == []
    assert "<!--" not in page


def test_what_the_dockerfile_copies_makes_the_same_wheel(wheel: Path, root: Path, tmp_path: Path, run: Run) -> None:
    source = tmp_path / "source"
    for line in (root / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY "):
            *names, _ = line.split()[1:]
            for name in names:
                if (root / name).is_dir():
                    shutil.copytree(root / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    source.mkdir(exist_ok=True)
                    shutil.copy(root / name, source)
    run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path / "dist", source, cwd=tmp_path)
    (built,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(built) as ours, zipfile.ZipFile(wheel) as released:
        assert set(ours.namelist()) == set(released.namelist())


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_a_fresh_environment_runs_the_wheel(version: str, wheel: Path, tmp_path: Path, run: Run) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    run(python, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    bin_, work = tmp_path / "venv" / "bin", tmp_path / "work"
    work.mkdir()
    run(bin_ / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, cwd=work)
    assert "No broken requirements" in run(bin_ / "python", "-m", "pip", "check", cwd=work)
    assert run(bin_ / "wsreplay", "--version", cwd=work) == f"wsreplay {wsreplay.__version__}\n"
    assert run(bin_ / "python", "-c", "import wsreplay; print(wsreplay.__file__)", cwd=work).startswith(str(tmp_path))
    said = run(bin_ / "wsreplay", "demo", "-o", "demo.db", cwd=work)
    assert "missing-event" in said
    assert "# Filter language" in run(bin_ / "wsreplay", "help", "filters", cwd=work)
    run(bin_ / "wsreplay", "ls", "demo.db", cwd=work)
    for command in ("record", "tui", "validate", "contract"):
        assert run(bin_ / "wsreplay", command, "--help", cwd=work).startswith(f"Usage: wsreplay {command}")
    report = f"{bin_}/wsreplay validate demo.db -f html -o demo.html -f json -o demo.json; test $? = 1"
    run("bash", "-c", report, cwd=work)
    assert (work / "demo.html").read_text().startswith("<!doctype html>")


def test_every_file_of_data_is_in_the_wheel(wheel: Path, root: Path) -> None:
    data = {path.suffix for path in (root / "wsreplay").rglob("*") if path.is_file()} - {".py", ".pyc"}
    with zipfile.ZipFile(wheel) as archive:
        assert data <= {Path(name).suffix for name in archive.namelist()} | {""}
