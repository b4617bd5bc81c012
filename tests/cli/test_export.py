"""Sessions handed over: what is written, and what is asked first."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import run

from recordings import write_messages
from wsreplay.model import Direction, Opcode

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"


def test_a_test_and_its_cassette_are_written_where_it_is_said(tmp_path: Path) -> None:
    out = tmp_path / "test_healthy.py"
    outcome = run("export", SAMPLES / "healthy.db", "-f", "pytest", "-o", out)
    assert outcome.code == 0 and outcome.out.split() == [str(out), str(tmp_path / "cassettes" / "healthy.db")]
    assert all(Path(path).exists() for path in outcome.out.split())
    again = run("export", SAMPLES / "healthy.db", "-f", "pytest", "-o", out)
    assert again.code == 2 and again.err == f"wsreplay: {out} exists: choose another name\n"


def test_a_script_goes_to_standard_output(tmp_path: Path) -> None:
    assert run("export", SAMPLES / "healthy.db", "-f", "websocat").out.startswith("#!/bin/sh\n")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["healthy.db", "-f", "pytest"], "name the test with -o tests/test_NAME.py"),
        (["leak.db", "-f", "pytest", "-o", "test_x.py"], "and this format exports one: choose it, as in leak.db#1"),
        (["leak.db", "-f", "websocat"], "and this format exports one"),
        (["leak.db#3", "-f", "websocat"], "has no session 3"),
    ],
)
def test_what_is_not_clear_is_asked_for(arguments: list[str], why: str) -> None:
    outcome = run("export", *arguments, cwd=SAMPLES)
    assert outcome.code == 2 and why in outcome.err and not (SAMPLES / "test_x.py").exists()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "assert not tap.complaints()"),
        (["-c", "none"], "assert not tap.complaints()"),
        (["-c", "agent-chat"], "CONTRACT = 'agent-chat'"),
    ],
)
def test_a_test_of_a_protocol_that_no_contract_fits_is_judged_by_the_one_that_is_named(
    tmp_path: Path, arguments: list[str], line: str
) -> None:
    strange, out = tmp_path / "strange.db", tmp_path / "test_strange.py"
    write_messages(strange, [(Direction.CLIENT_TO_SERVER, Opcode.TEXT, b'{"kind":"ask"}')])
    assert run("export", strange, "-f", "pytest", "-o", out, *arguments).code == 0
    text = out.read_text()
    assert line in text and ("tap.assert_valid()" in text) == ("CONTRACT" in line)


def test_a_contract_that_does_not_exist_is_said_before_a_test_is_written(tmp_path: Path) -> None:
    out = tmp_path / "test_x.py"
    outcome = run("export", SAMPLES / "healthy.db", "-f", "pytest", "-o", out, "-c", "nothing.yaml")
    assert outcome.code == 2 and "nothing.yaml" in outcome.err and not out.exists()
