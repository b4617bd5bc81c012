"""What a contributor reads and fills in: it names what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("CONTRIBUTING.md", "SECURITY.md")
FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / name).read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_targets_and_folders_that_contributors_are_told_of_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"^    make (\w+)", text, re.M)) <= targets
    folders = re.findall(r"`(\w+)/`", "".join(re.findall(r"^\| .*$", text, re.M)))
    assert len(folders) > 15
    assert [folder for folder in folders if not (ROOT / "wsreplay" / folder).is_dir()] == []


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_forms_are_as_the_host_wants_them(path: Path) -> None:
    """The keys and types of GitHub's form schema."""
    form: dict[str, Any] = yaml.safe_load(path.read_text())
    assert {"name", "description", "body"} <= form.keys() <= {"name", "description", "labels", "body"}
    ids = [part["id"] for part in form["body"] if part["type"] != "markdown"]
    assert len(set(ids)) == len(ids) > 0
    for part in form["body"]:
        assert part["type"] in {"markdown", "textarea", "input", "dropdown", "checkboxes"}
        if part["type"] == "markdown":
            assert part["attributes"].keys() == {"value"}
        else:
            assert part["attributes"]["label"]
        assert (part["type"] == "dropdown") == ("options" in part["attributes"])
    assert any(part.get("validations", {}).get("required") for part in form["body"])


def test_the_release_workflow_trusts_no_token_and_runs_what_there_is() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
    jobs = workflow["jobs"]
    assert workflow["permissions"] == {}
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["environment"] == "pypi"
    assert jobs["publish"]["needs"] == "build"
    assert "secrets." not in str(workflow)
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert runs == ['python tools/release.py "$TAG"', "make package"]
    assert all("${{" not in run for run in runs)  # a tag's name is no code
