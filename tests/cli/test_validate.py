"""`wsreplay validate`: verdicts, exit codes, reports, baselines, and judging while a recording grows."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import Recorder, chat, run

from wsreplay.report import FORMATS

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"


def test_a_violation_is_told_with_its_place_and_exits_1(recording: Path) -> None:
    outcome = run("validate", recording)
    assert outcome.code == 1
    lines = outcome.out.splitlines()
    head = " ".join(outcome.out.partition("\nsession 1")[0].split())
    assert head == f"WEBSOCKET EVENT VALIDATION REPORT {recording} contract agent-chat v1"
    missing = next(number for number, line in enumerate(lines) if "◆ missing" in line)
    assert "tool_completed" in lines[missing]
    assert "agent_completed" in lines[missing + 1]
    assert any(line.strip().startswith("✗ tool ") for line in lines)
    assert any("also broken as a result: worked" in line for line in lines)
    assert "\x1b" not in outcome.out


def test_all_spans_are_told_where_they_are_asked_for(recording: Path) -> None:
    (file,) = json.loads(run("validate", recording, "-f", "json", "--spans").out)["files"]
    (tool,) = [span for span in file["spans"] if span["state"] != "completed"]
    assert (tool["span"], tool["label"], tool["state"]) == ("tool", "search", "cut")
    assert tool["parent"] in [run["id"] for run in file["runs"]]
    (brief,) = json.loads(run("validate", recording, "-f", "json").out)["files"]
    assert "spans" not in brief and brief["run_counts"] == file["run_counts"] == file["span_counts"]["run"]
    outcome = run("validate", recording, "--spans")
    assert (outcome.code, outcome.err) == (2, "wsreplay: --spans needs -f json\n")


def test_the_json_verdict_says_the_same(recording: Path) -> None:
    verdict = json.loads(run("validate", recording, "-f", "json").out)
    assert (verdict["version"], verdict["verdict"]) == (2, "violated")
    finding = next(one for one in verdict["files"][0]["findings"] if one["rule"] == "tool")
    assert finding["expected"] == ["tool_completed", "tool_error"]
    assert finding["slice"]["tool"] == "c1"
    assert finding["seen"] == "agent_completed"


def test_a_clean_session_exits_0(recording: Path, tmp_path: Path) -> None:
    run("cut", recording, 2, "-o", tmp_path / "alice.db")
    assert run("validate", tmp_path / "alice.db").code == 0
    strict = run("validate", tmp_path / "alice.db", "--strict")
    assert strict.code == 1, "a vacuous rule fails under --strict"
    assert "typing never applied, which fails under --strict" in strict.out
    vacuous = "3 rules vacuous: typing, failure-is-said, reconnect"
    assert strict.err == f"--strict fails {tmp_path / 'alice.db'} for {vacuous}\n"
    known = tmp_path / "known.json"
    assert run("validate", tmp_path / "alice.db", "--strict", "--write-baseline", known).code == 1
    assert run("validate", tmp_path / "alice.db", "--strict", "--baseline", known).code == 0
    full = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m wsreplay validate {tmp_path / 'alice.db'} > /dev/full"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (full.returncode, full.stderr) == (3, "wsreplay: the output cannot be written: No space left on device\n")


def test_nothing_to_judge_is_never_green(backend: str, record: type[Recorder], tmp_path: Path) -> None:
    record(backend, "-l", "0", "-o", tmp_path / "empty.db").url  # noqa: B018 -- waits until it listens
    assert run("validate", tmp_path / "empty.db").code == 3


def test_several_reports_at_once(recording: Path, tmp_path: Path) -> None:
    chosen = [part for form in FORMATS for part in ("-f", form, "-o", tmp_path / f"report.{form}")]
    outcome = run("validate", recording, *chosen)
    assert (outcome.code, outcome.out) == (1, "")
    assert {path.name for path in tmp_path.iterdir()} == {f"report.{form}" for form in FORMATS}
    assert all("tool_completed" in path.read_text() for path in tmp_path.iterdir())


def test_two_reports_do_not_mix_on_standard_output(recording: Path, tmp_path: Path) -> None:
    outcome = run("validate", recording, "-f", "json", "-f", "junit", "-f", "html", "-o", tmp_path / "x")
    assert outcome.code == 2
    assert "-f json and -f junit would both go to standard output" in outcome.err


def test_an_output_belongs_to_the_format_before_it(recording: Path, tmp_path: Path) -> None:
    names = ("ci.xml", "ci.md")
    xml, markdown = (tmp_path / name for name in names)
    outcome = run("validate", recording, "-f", "junit", "-o", xml, "-f", "github", "-f", "markdown", "-o", markdown)
    assert outcome.out.startswith("::")
    assert xml.read_text().startswith("<?xml")
    assert markdown.read_text().startswith("#")


def test_a_baseline_accepts_what_is_known(recording: Path, tmp_path: Path) -> None:
    known = tmp_path / "known.json"
    assert run("validate", recording, "--write-baseline", known).code == 1
    accepted = run("validate", recording, "--baseline", known)
    assert accepted.code == 0
    assert "0 new, 1 known, 0 gone" in accepted.err
    run("cut", recording, 2, "-o", tmp_path / "alice.db")
    assert "0 new, 0 known, 1 gone" in run("validate", tmp_path / "alice.db", "--baseline", known).err


def test_a_folder_is_all_its_recordings_and_jobs_agree(recording: Path, tmp_path: Path) -> None:
    for name in ("a.db", "b.db"):
        (tmp_path / name).write_bytes(recording.read_bytes())
    alone = json.loads(run("validate", tmp_path, "-f", "json").out)
    together = json.loads(run("validate", tmp_path, "-f", "json", "-j", 2).out)
    assert alone == together
    assert [Path(one["file"]).name for one in alone["files"]] == ["a.db", "b.db"]


def test_each_recording_is_judged_by_the_contract_that_fits_it(tmp_path: Path) -> None:
    for source in ("ag-ui/good.db", "graphql-transport-ws/second-init.db", "missing-event.db", "openai-realtime/good.db"):
        shutil.copy(SAMPLES / source, tmp_path / source.replace("/", "-"))
    (tmp_path / "a-broken.db").write_bytes(b"no recording")
    outcome = run("validate", tmp_path, "-f", "json")
    verdict = json.loads(outcome.out)
    judged = [(Path(one["file"]).name, one.get("contract", {}).get("name"), one["verdict"]) for one in verdict["files"]]
    assert judged == [
        ("a-broken.db", None, "error"),
        ("ag-ui-good.db", "ag-ui", "satisfied"),
        ("graphql-transport-ws-second-init.db", "graphql-transport-ws", "violated"),
        ("missing-event.db", "agent-chat", "violated"),
        ("openai-realtime-good.db", "openai-realtime", "satisfied"),
    ]
    assert outcome.code == 3
    assert json.loads(run("validate", tmp_path, "-f", "json", "-j", 2).out) == verdict


def test_a_contract_that_is_named_judges_whatever_was_recorded() -> None:
    path = SAMPLES / "ag-ui" / "two-runs-at-once.db"
    assert all("contract ag-ui v" in run("validate", path, *options).out for options in ([], ["--follow"]))
    named = run("validate", path, "-c", "openai-realtime", "-c", "ag-ui", "-f", "json")
    assert [one["contract"]["name"] for one in json.loads(named.out)["files"]] == ["openai-realtime", "ag-ui"]


@pytest.mark.parametrize("form", FORMATS)
def test_every_report_names_the_contract_that_was_chosen(form: str) -> None:
    assert "ag-ui" in run("validate", "two-runs-at-once.db", "-f", form, cwd=SAMPLES / "ag-ui").out


def test_what_was_chosen_can_be_kept_and_accepted(tmp_path: Path) -> None:
    path, known = tmp_path / "talk.db", tmp_path / "known.json"
    shutil.copy(SAMPLES / "ag-ui" / "two-runs-at-once.db", path)
    assert run("validate", path, "--save", "--write-baseline", known).code == 1
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT DISTINCT contract FROM finding").fetchall() == [("ag-ui",)]
    accepted = run("validate", path, "--baseline", known)
    assert (accepted.code, accepted.err) == (0, "against the baseline: 0 new, 1 known, 0 gone\n")


def test_one_unreadable_file_is_said_and_the_rest_judged(recording: Path, tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(recording.read_bytes())
    (tmp_path / "b.db").write_bytes(recording.read_bytes()[:5000])
    outcome = run("validate", tmp_path)
    assert outcome.code == 3
    assert "b.db" in outcome.out + outcome.err
    assert "tool_completed never came" in outcome.out or "tool_completed or tool_error never came" in outcome.out


def test_save_keeps_the_findings_and_nothing_else_is_written_without_it(recording: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_bytes(recording.read_bytes())
    run("validate", copy)
    assert copy.read_bytes() == recording.read_bytes()
    for _ in range(2):
        run("validate", copy, "--save")
    with sqlite3.connect(copy) as db:
        rows = db.execute("SELECT contract, json_extract(body, '$.rule') FROM finding ORDER BY id").fetchall()
    db.close()
    assert ("agent-chat", "tool") in rows
    assert len(rows) == len(set(rows))


def test_findings_are_printed_while_it_is_recorded(backend: str, record: type[Recorder], tmp_path: Path) -> None:
    recorder = record(backend, "-l", "0", "-o", tmp_path / "live.db", "-c", "agent-chat")
    chat(recorder.url, "missing-event", "bob")
    chat(recorder.url, "healthy", "alice")
    recorder.wait_for_followers(tmp_path / "live.db")
    outcome = recorder.stop()
    assert outcome.code == 1 and f"tui {tmp_path / 'live.db'} -c agent-chat " in outcome.err
    finding, report = outcome.out.split("WEBSOCKET EVENT VALIDATION REPORT", 1)
    assert "never came" in finding
    offline = run("validate", tmp_path / "live.db", "-c", "agent-chat")
    assert report.strip() == offline.out.split("WEBSOCKET EVENT VALIDATION REPORT", 1)[1].strip()


@pytest.mark.parametrize("text", ["", "contract: x\nrules: [{id: a, respnse: [a, b]}]\n", "{", "contract: [1]"])
def test_a_contract_with_a_mistake_names_its_place(text: str, recording: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    outcome = run("validate", recording, "-c", tmp_path / "mine.yaml")
    assert outcome.code == 2
    assert "mine.yaml" in outcome.err
