"""A session as a test that really runs: the written file, by a pytest of its own."""

from __future__ import annotations

import ast
import json
import os
import resource
import runpy
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings import begin_run, write_messages
from wsreplay.errors import UsageError, WsreplayError
from wsreplay.formats import as_pytest
from wsreplay.model import FIN, MASKED, Connection, Direction, Ending, Opcode
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.trace.sessions import stitch

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"
HOSTILE = "\"\"\"'''\\\n#\u202e\x1b[31m"


def hand_over(sample: Path, out: Path, contract: str | Path | None = None) -> list[Path]:
    with Recording.open(sample) as recording:
        return as_pytest.write(recording, stitch(recording.connections())[0], out, contract)


def run_pytest(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder, folder]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, cwd=folder, env=environment)


@pytest.mark.parametrize(
    ("sample", "failed"),
    [
        ("missing-event", "tool_completed or tool_error never came"),
        pytest.param("healthy", "", marks=pytest.mark.campaign),
        pytest.param("lost-connection", "never came", marks=pytest.mark.campaign),
        pytest.param("dropped-connection", "", marks=pytest.mark.campaign),
    ],
)
def test_the_test_finds_what_the_recording_holds(tmp_path: Path, sample: str, failed: str) -> None:
    test = tmp_path / "test_what_was_seen.py"
    assert hand_over(SAMPLES / f"{sample}.db", test) == [test, tmp_path / "cassettes" / "what_was_seen.db"]
    outcome = run_pytest(tmp_path)
    assert ("1 passed" in outcome.stdout, "1 failed" in outcome.stdout) == (not failed, bool(failed)), outcome.stdout
    assert failed in outcome.stdout and "departs" not in outcome.stdout


def test_messages_of_another_protocol_are_waited_for_by_what_they_say(tmp_path: Path) -> None:
    hand_over(SAMPLES / "graphql-transport-ws" / "good.db", tmp_path / "test_query.py")
    outcome = run_pytest(tmp_path)
    assert "1 passed" in outcome.stdout, outcome.stdout


def test_the_files_are_the_owners_alone_and_replace_none(tmp_path: Path) -> None:
    written = hand_over(SAMPLES / "healthy.db", tmp_path / "test_x.py")
    assert [stat.S_IMODE(path.stat().st_mode) for path in written] == [0o600, 0o600]
    with pytest.raises(UsageError, match=r"test_x\.py exists: choose another name"):
        hand_over(SAMPLES / "healthy.db", tmp_path / "test_x.py")
    written[0].unlink()
    with pytest.raises(UsageError, match=r"x\.db exists: choose another name"):
        hand_over(SAMPLES / "healthy.db", tmp_path / "test_x.py")
    shutil.rmtree(tmp_path / "cassettes")
    (tmp_path / "cassettes").write_text("")
    with pytest.raises(UsageError, match="cassettes cannot be created"):
        hand_over(SAMPLES / "healthy.db", tmp_path / "test_x.py")


@pytest.mark.parametrize("refused", ["test_x.py", "x.db"])
def test_where_the_disk_is_full_nothing_stays(tmp_path: Path, refused: str) -> None:
    recording, out = tmp_path / "many.db", tmp_path / "out"
    out.mkdir()
    message = json.dumps({"type": "a", "text": "\x85" * 500_000}, ensure_ascii=False)  # in a test it takes twice as much
    write_messages(recording, [(Direction.CLIENT_TO_SERVER, Opcode.TEXT, message.encode())])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_950_000 if refused == "test_x.py" else 10_000, hard))
    try:
        with pytest.raises(WsreplayError, match=f"{refused} cannot be written: "):
            hand_over(recording, out / "test_x.py")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(out.iterdir()) == []


def test_a_contract_that_was_chosen_judges_it(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    contract = tmp_path / "contracts" / "mine.yaml"
    (test, _) = hand_over(SAMPLES / "healthy.db", tmp_path / "tests" / "test_x.py", contract)
    text = test.read_text()
    assert "CONTRACT = Path(__file__).parent / '../contracts/mine.yaml'\n" in text and text.count(", contract=CONTRACT") == 2
    place = runpy.run_path(str(test))["CONTRACT"]
    assert place.resolve() == contract.resolve()
    (test, _) = hand_over(SAMPLES / "healthy.db", tmp_path / "test_y.py", "ag-ui")
    assert "CONTRACT = 'ag-ui'\n" in test.read_text()


def hostile_recording(path: Path, message: bytes) -> Path:
    writer = Writer(path)
    run = begin_run(writer)
    facts = {"path": f"/{HOSTILE}", "user": HOSTILE, "subprotocol": HOSTILE}
    writer.insert_connection(Connection(1, run, 0, 9, ending=Ending.CLEAN, **facts))
    for number, (direction, flags, payload) in enumerate(
        [(Direction.SERVER_TO_CLIENT, FIN, json.dumps({"type": HOSTILE}).encode()),
         (Direction.CLIENT_TO_SERVER, FIN | MASKED, message)], 1,
    ):  # fmt: skip
        type_ = HOSTILE if number == 1 else None
        writer.add_frames([(1, number, number, direction, Opcode.TEXT, flags, len(payload) + 6, 0, type_, payload)])
    writer.close()
    return path


def test_nothing_from_the_wire_is_code(tmp_path: Path) -> None:
    path = hostile_recording(tmp_path / "hostile.db", HOSTILE.encode())
    (test, _) = hand_over(path, tmp_path / "test_hostile.py")
    text = test.read_text()
    tree = ast.parse(text)
    assert [type(node) for node in tree.body] == [
        ast.Expr, ast.Import, ast.ImportFrom, ast.Assign, ast.FunctionDef, ast.AsyncFunctionDef
    ]  # fmt: skip
    constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert constants.count(HOSTILE) == 4  # user, subprotocol, the type that is waited for, the message
    assert "\x1b" not in text and "\u202e" not in text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5,
)


@given(VALUES)
def test_a_message_is_written_so_that_it_says_the_same(value: object) -> None:
    document = {"a": value}
    assert ast.literal_eval(as_pytest.literal(json.dumps(document))) == document
    assert ast.literal_eval(as_pytest.literal(json.dumps(value))) in (value, json.dumps(value))


@pytest.mark.parametrize(
    "payload", ['{"a":1,"a":2}', "{broken", '{"a":1e999}', '{"a":NaN}', '{"a":' * 500 + "1" + "}" * 500, "[1]", b"\x00"]
)
def test_what_a_dict_would_not_say_is_written_as_it_is(payload: str | bytes) -> None:
    assert ast.literal_eval(as_pytest.literal(payload)) == payload


def test_a_session_that_was_refused_has_nothing_to_say(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "refused.db")
    writer.insert_connection(Connection(1, begin_run(writer), 0, 9, ending=Ending.REFUSED, status=403))
    writer.close()
    with pytest.raises(UsageError, match="was refused"):
        hand_over(tmp_path / "refused.db", tmp_path / "test_x.py")
    assert not (tmp_path / "cassettes").exists()
