"""The dashboard, the alert rules and the compose file speak of metrics and options that there are."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.exposition import generate_latest

from wsreplay.cli.record import command
from wsreplay.stats.totals import RecordingTotals
from wsreplay.stats.watch import RecordingWatch
from wsreplay.telemetry.metrics import registry_of
from wsreplay.telemetry.status import RelayStatus

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "observability"
FILES = sorted(path.name for path in FOLDER.iterdir())


def read_yaml(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text())


@pytest.fixture(scope="module")
def names() -> set[str]:
    """The metrics that there are."""
    with RecordingWatch(ROOT / "recordings" / "samples" / "missing-event.db") as watch:
        watch.look()
        totals: RecordingTotals = watch.totals
    text = generate_latest(registry_of(lambda: (totals, RelayStatus()))).decode()
    return {re.split(r"[{ ]", line)[0] for line in text.splitlines() if not line.startswith("#")}


@pytest.mark.parametrize("name", ["alerts.yml", "alerts-test.yml", "dashboard.json"])
def test_every_metric_that_is_named_is_there(name: str, names: set[str]) -> None:
    named = set(re.findall(r"\bwsreplay_\w+", (FOLDER / name).read_text()))
    assert named
    assert named <= names


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool, of Debian's prometheus")
@pytest.mark.parametrize(
    "arguments", ["check rules alerts.yml", "test rules alerts-test.yml", "check config prometheus.yml"]
)
def test_promtool_is_content(arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments.split()], cwd=FOLDER, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested() -> None:
    alerts = {rule["alert"] for group in read_yaml("alerts.yml")["groups"] for rule in group["rules"]}
    fired = {
        case["alertname"] for test in read_yaml("alerts-test.yml")["tests"] for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }  # fmt: skip
    assert alerts == fired


def test_panels_do_not_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads((FOLDER / "dashboard.json").read_text())["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_the_compose_file_calls_what_there_is_and_mounts_files_that_are_there() -> None:
    services = read_yaml("compose.yaml")["services"]
    words = shlex.split(services["wsreplay"]["command"])
    assert words[0] == "record"
    context = command.make_context("record", words[1:])
    assert context.params["metrics"] == ("0.0.0.0", 9464)
    mounts = [volume for service in services.values() for volume in service.get("volumes", ()) if volume.startswith("./")]
    assert len(mounts) == 5
    assert all(volume.split(":")[0].removeprefix("./") in FILES for volume in mounts)
    port = read_yaml("prometheus.yml")["scrape_configs"][0]["static_configs"][0]["targets"][0].rpartition(":")[2]
    assert port == "9464"
