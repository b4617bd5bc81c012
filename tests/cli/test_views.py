"""`show`, `ls`, `export`, `import`, `cut`: what users see of a recording."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from commandline import Recorder, chat, run
from named_users import PLACE, write_contract, write_named

from recordings import begin_run, write_messages
from wsreplay.model import Direction, Opcode
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer

CASES = Path(__file__).parents[1] / "decode" / "cases"
SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"


def test_show_prints_frames_by_connection(recording: Path) -> None:
    lines = run("show", recording, 1).out.splitlines()
    assert lines[0] == "── session 1 · connection 1 · bob · /ws"
    assert [line.split()[3] for line in lines[1:]] == [
        "connection_ack", "chat", "agent_started", "agent_thinking", "tool_executing", "agent_completed", "close", "close"
    ]  # fmt: skip


def test_show_filters_and_speaks_json(recording: Path) -> None:
    out = run("show", recording, "--json", "--filter", "type:tool_* user:alice").out
    assert [json.loads(line)["type"] for line in out.splitlines()] == ["tool_executing", "tool_completed"]
    first = json.loads(out.splitlines()[0])
    assert (first["dir"], first["session"], first["opcode"]) == ("s2c", 2, "text")
    assert json.loads(first["data"])["tool_call_id"] == "c1"


def test_show_reads_what_is_not_plain_json(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    run("import", CASES / "socketio.jsonl", "-o", path)
    heading, *lines = run("show", path).out.splitlines()
    assert heading.endswith("/ws · socket.io (guessed)")
    assert lines[4].split()[2:] == ["◀", "agent_started", "37", '{"thread_id":"t"}']
    assert run("show", path, "--raw").out.splitlines()[5].endswith('42["agent_started",{"thread_id":"t"}]')
    (found,) = run("show", path, "--json", "--filter", "type:agent_* thread:t").out.splitlines()
    assert json.loads(found)["events"][0]["type"] == "agent_started"
    refused = run("show", path, "--as", "socketio")
    assert (refused.code, refused.err) == (2, "wsreplay: unknown decoder 'socketio'; did you mean socket.io?\n")


def test_show_writes_bytes_in_hex_with_their_text_beside_them(tmp_path: Path) -> None:
    run("import", CASES / "bin.jsonl", "-o", tmp_path / "a.db")
    lines = [line[54:].strip() for line in run("show", tmp_path / "a.db").out.splitlines()[1:]]
    assert lines[:4] == ["30  |0|", "90  |.|", "20  | |", "0a 05 68 65 6c 6c 6f ff  |..hello.|"]


def test_show_filters_by_findings(recording: Path) -> None:
    out = run("show", recording, "--json", "--filter", "rule:tool").out
    assert {json.loads(line)["session"] for line in out.splitlines()} == {1}


def with_faults(path: Path, recording: Path) -> Path:
    """A copy of a recording: one fault between the first two frames of the second connection, one of the first at its end."""
    path.write_bytes(recording.read_bytes())
    with Recording.open(recording) as reader:
        first, second = list(reader.frames(connections=[2]))[:2]
        end_ns = reader.reached_ns() + 1
    writer = Writer(path)
    writer.add_fault(second.t_ns, "latency", "latency=2s \x1b[31mred", 2, 1, first.id)
    writer.add_fault(end_ns, "reset", "", 1, None)
    writer.close()
    return path


def test_show_says_at_its_time_what_was_injected(recording: Path, tmp_path: Path) -> None:
    path = with_faults(tmp_path / "faulty.db", recording)
    lines = run("show", path).out.splitlines()
    (at,) = [number for number, line in enumerate(lines) if "⚡ injected: latency=2s ␛[31mred" in line]
    heading = max(number for number, line in enumerate(lines[:at]) if line.startswith("──"))
    assert "connection 2" in lines[heading]
    assert "⚡ injected: reset" in lines[-1]
    assert not any("⚡" in line for line in run("show", recording).out.splitlines())
    objects = [json.loads(line) for line in run("show", path, 2, "--json").out.splitlines()]
    assert ["fault" in one for one in objects[:3]] == [False, True, False]
    assert objects[1]["fault"] == {"kind": "latency", "detail": "latency=2s \x1b[31mred", "frame": objects[0]["id"]}
    assert [objects[1][name] for name in ("connection", "session", "dir", "t")] == [2, 2, "s2c", objects[2]["t"]]
    assert sum("fault" in one for one in objects) == 1


def test_a_filter_shows_what_was_injected_into_the_connections_it_shows(recording: Path, tmp_path: Path) -> None:
    path = with_faults(tmp_path / "faulty.db", recording)
    lines = run("show", path, "--filter", "type:tool_completed user:alice").out.splitlines()
    assert [line.count("⚡ injected: latency") for line in lines] == [0, 1, 0]
    assert run("show", path, "--filter", "type:never").out == ""


def test_show_follows_a_recording_that_grows(backend: str, record: type[Recorder], tmp_path: Path) -> None:
    import subprocess

    from commandline import WSREPLAY

    recorder = record(backend, "-l", "0", "-o", tmp_path / "growing.db")
    chat(recorder.url)
    follower = subprocess.Popen(
        [*WSREPLAY, "show", str(tmp_path / "growing.db"), "--follow", "--json"], stdout=subprocess.PIPE, text=True
    )
    assert follower.stdout is not None
    seen = []
    for line in follower.stdout:
        seen.append(json.loads(line)["type"])
        if seen.count("agent_completed") == 1 and "second" not in seen:
            seen.append("second")
            chat(recorder.url, user="bob")
        if seen.count("agent_completed") == 2:
            break
    recorder.stop()
    follower.stdout.close()
    follower.wait(30)
    assert seen.count("agent_started") == 2


def test_show_follows_what_is_injected(backend: str, record: type[Recorder], tmp_path: Path) -> None:
    import subprocess

    from commandline import WSREPLAY

    recorder = record(backend, "-l", "0", "-o", tmp_path / "growing.db", "--fault", "latency=5ms")
    chat(recorder.url)
    follower = subprocess.Popen([*WSREPLAY, "show", tmp_path / "growing.db", "--follow"], stdout=subprocess.PIPE, text=True)
    assert follower.stdout is not None
    heading = ""
    for line in follower.stdout:
        if line.startswith("──"):
            if not heading:
                chat(recorder.url, user="bob")
            heading = line
        if "connection 2" in heading and "⚡ injected: latency" in line:
            break
    else:
        raise AssertionError("nothing of the second connection's faults was shown")
    recorder.stop()
    follower.stdout.close()
    follower.wait(30)


def test_hostile_payloads_do_not_reach_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "hostile.db"
    writer = Writer(path)
    begin_run(writer)
    from wsreplay.model import Connection

    writer.insert_connection(Connection(1, 1, 0, path="/\x1b[2J", user="\u202eeve\x07", status=101))
    writer.add_frames([(1, 1, 5, 1, 1, 1, 40, 0, "a\x1b]0;x\x07", b"\x1b[31m\xe2\x80\xae\r\n\x9b2J")])
    writer.close()
    for command in (["show", path], ["ls", path, "--no-verdict"]):
        out = run(*command).out
        assert not any(ord(character) < 32 and character != "\n" for character in out)
        assert "\u202e" not in out


def test_ls_shows_sessions_with_verdicts(recording: Path) -> None:
    lines = run("ls", recording).out.splitlines()
    assert "violated" in lines[0]
    assert lines[1].split()[:3] == ["✗", "1", "bob"]
    assert lines[1].endswith("tool")
    assert lines[2].split()[:3] == ["✓", "2", "alice"]


def test_ls_and_show_judge_by_the_contract_that_fits() -> None:
    path = SAMPLES / "ag-ui" / "two-runs-at-once.db"
    head, session = run("ls", path).out.splitlines()
    assert head.endswith("violated (ag-ui)") and session.endswith("run")
    assert run("ls", path, "-c", "openai-realtime").out.splitlines()[0].endswith("(openai-realtime)")
    assert "RUN_STARTED" in run("show", path, "--filter", "rule:run").out


def test_ls_says_with_one_sign_that_there_are_only_warnings() -> None:
    path = SAMPLES / "late-delivery.db"
    head, session = run("ls", path).out.splitlines()
    assert head.endswith("▲ satisfied (agent-chat)") and session.split()[:2] == ["▲", "1"]
    listed = json.loads(run("ls", path, "--json").out)
    assert [listed["standing"], listed["sessions"][0]["standing"]] == ["warnings", "warnings"]
    assert listed["sessions"][0]["verdict"] == "satisfied"


def test_ls_speaks_json(recording: Path, tmp_path: Path) -> None:
    (listed,) = map(json.loads, run("ls", recording, "--json").out.splitlines())
    assert (listed["file"], listed["verdict"], listed["contract"]) == (str(recording), "violated", "agent-chat")
    bob, alice = listed["sessions"]
    assert (bob["user"], bob["verdict"], bob["broken"]) == ("bob", "violated", ["tool"]) and alice["verdict"] == "satisfied"
    (connection,) = bob["connections"]
    assert connection["path"] == "/ws" and connection["decoder"]["name"] == "json"
    assert run("ls", "--json", cwd=tmp_path).out == run("ls", "--json", cwd=tmp_path).err == ""
    unjudged = json.loads(run("ls", recording, "--json", "--no-verdict").out)
    assert unjudged["verdict"] is None and unjudged["sessions"][0]["connections"] == bob["connections"]


def test_ls_json_says_what_each_connection_is_read_by(tmp_path: Path) -> None:
    run("import", CASES / "socketio.jsonl", "-o", tmp_path / "a.db")
    (session,) = json.loads(run("ls", tmp_path / "a.db", "--json").out)["sessions"]
    (connection,) = session["connections"]
    assert connection["decoder"] == {"name": "socket.io", "guessed": True, "why": "its first messages"}


def test_ls_of_nothing_says_how_to_begin(tmp_path: Path) -> None:
    outcome = run("ls", cwd=tmp_path)
    assert (outcome.code, outcome.out) == (0, "")
    assert "wsreplay record ws://" in outcome.err


def test_ls_names_what_it_cannot_read_and_lists_the_rest(recording: Path, tmp_path: Path) -> None:
    (tmp_path / "good.db").write_bytes(recording.read_bytes())
    (tmp_path / "bad.db").write_text("no")
    outcome = run("ls", tmp_path)
    assert outcome.code == 3
    assert "bad.db" in outcome.err
    assert "good.db" in outcome.out


def test_import_of_an_export_is_the_same_recording(recording: Path, tmp_path: Path) -> None:
    exported = run("export", recording).out
    assert run("import", "-", "-o", tmp_path / "again.db", stdin=exported).code == 0
    assert run("export", tmp_path / "again.db").out == exported
    tables = ("recording", "connection", "frame", "gap", "hold", "mark", "fault")
    with sqlite3.connect(recording) as a, sqlite3.connect(tmp_path / "again.db") as b:
        for table in tables:
            # `processed` counts the hand-overs of the process that recorded.
            columns = ", ".join(row[1] for row in a.execute(f"PRAGMA table_info({table})") if row[1] != "processed")
            query = f"SELECT {columns} FROM {table} ORDER BY rowid"
            assert a.execute(query).fetchall() == b.execute(query).fetchall(), table
    a.close()
    b.close()


def test_cut_makes_a_small_recording_of_one_session(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "bob.db"
    assert run("cut", recording, 1, "-o", out, "--redact", "$.message").out.strip() == str(out)
    shown = run("show", out, "--json").out
    assert "checkout" not in json.loads(shown.splitlines()[1])["data"]
    assert {json.loads(line)["user"] for line in shown.splitlines()} == {"bob"}
    assert run("validate", out).code == 1


def test_ls_says_that_faults_were_injected(recording: Path, tmp_path: Path) -> None:
    run("mutate", recording, "--fault", "drop:tool_completed", "-o", tmp_path / "mutated.db")
    assert run("ls", tmp_path / "mutated.db").out.splitlines()[0].endswith("⚡ 1 injected")
    assert "injected" not in run("ls", recording).out


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a recording of which only a contract says whose it is, and that breaks the contract."""
    asked = [(Direction.CLIENT_TO_SERVER, Opcode.TEXT, b'{"kind":"ask"}')]
    write_messages(tmp_path / "desk.db", asked, path_asked="/desk?who=ann")
    (tmp_path / "desk.yaml").write_text(
        "contract: desk\nenvelope: {type: $.kind}\nuser: query:who\nrules: [{id: none, absence: [ask]}]\n"
    )
    return tmp_path


def test_users_are_named_where_a_contract_or_an_option_says(desk: Path) -> None:
    assert run("ls", "desk.db", "-c", "desk.yaml", "--no-verdict", cwd=desk).out.splitlines()[1].split()[1] == "ann"
    for options in (["-c", "desk.yaml"], ["--user", "query:who"]):
        shown = run("show", "desk.db", "--filter", "user:ann", *options, cwd=desk).out.splitlines()
        assert len(shown) == 2 and " · ann · /desk" in shown[0]
    assert run("show", "desk.db", "--user", "query:nobody", cwd=desk).out.startswith("── session 1 · connection 1 · /desk")
    assert "· ann ·" in run("diff", "desk.db", "desk.db", "-c", "desk.yaml", cwd=desk).out


def test_what_is_to_be_typed_next_names_the_contract_too(desk: Path) -> None:
    lines = run("validate", "desk.db", "-c", "desk.yaml", "--user", "query:x", cwd=desk).out.splitlines()
    assert lines[-2:] == [
        "  look closer: wsreplay tui desk.db -c desk.yaml --user query:x",
        "               wsreplay show desk.db 1 -c desk.yaml --user query:x",
    ]


def test_users_named_in_messages_and_session_numbers_are_the_same_in_all_views(tmp_path: Path) -> None:
    write_named(tmp_path / "a.db")
    write_contract(tmp_path)

    def said(*command: str) -> list[str]:
        return run(*command, "-c", "hello.yaml", cwd=tmp_path).out.splitlines()

    assert said("show", "a.db", "--filter", "user:zoe sev>=error")[0] == "── session 2 · connection 3 · zoe · /ws"
    assert {json.loads(line).get("connection") for line in said("show", "a.db", "2", "--json")} == {2, 3}
    users = json.loads("".join(said("stats", "a.db", "--json")))["users"]
    assert {entry["user"]: entry["count"] for entry in users} == {"mia": 2, "zoe": 5}
    assert json.loads("".join(said("stats", "a.db", "2", "--json")))["count"] == 5
    assert [line.split()[:3] for line in said("ls", "a.db")[1:]] == [["✓", "1", "mia"], ["✗", "2", "zoe"]]
    assert [line.split()[:2] for line in said("ls", "a.db", "--no-verdict")[1:]] == [["1", "mia"], ["2", "zoe"]]
    report = said("validate", "a.db")
    assert report[1].startswith("session 2 · user zoe · /ws · 2 connections")
    assert "✓ 1 other session without a finding" in report
    headings = [line.split()[2:5] for line in said("diff", "a.db", "a.db") if line.startswith("──")]
    assert headings == [["1", "·", "mia"], ["2", "·", "zoe"]]
    refused = run("export", "a.db#3", "-f", "pytest", "-o", "test_a.py", "-c", "hello.yaml", cwd=tmp_path)
    assert (refused.code, "has no session 3: it has sessions 1 to 2" in refused.err) == (2, True)


def test_an_option_names_users_in_messages_without_a_contract(tmp_path: Path) -> None:
    write_named(tmp_path / "a.db")
    shown = run("show", "a.db", "--user", PLACE, "--filter", "user:zoe", cwd=tmp_path).out
    assert [line for line in shown.splitlines() if line.startswith("──")] == [
        "── session 2 · connection 2 · zoe · /ws", "── session 2 · connection 3 · zoe · /ws"
    ]  # fmt: skip


@pytest.mark.parametrize("named_by", [("-c", "hello.yaml"), ("--user", PLACE)], ids=["the contract", "the reader"])
def test_a_session_that_is_taken_out_has_the_number_that_reports_give_it(tmp_path: Path, named_by: tuple[str, str]) -> None:
    write_named(tmp_path / "a.db")
    write_contract(tmp_path)

    def said(*command: str) -> str:
        outcome = run(*command, *named_by, cwd=tmp_path)
        assert outcome.code == 0, outcome.err
        return outcome.out

    said("cut", "a.db#2", "-o", "cut.db")
    with Recording.open(tmp_path / "cut.db") as cut:
        assert [(connection.id, connection.user) for connection in cut.connections()] == [(2, None), (3, None)]
    lines = [json.loads(line) for line in said("export", "a.db#2").splitlines()[1:]]
    assert {line["connection"]: line["open"]["user"] for line in lines if "open" in line} == {2: None, 3: None}
    assert len(json.loads(said("export", "a.db", "2", "-f", "har"))["log"]["entries"]) == 2
    assert "session 2 of a.db (zoe, /ws)" in said("export", "a.db#2", "-f", "websocat")
    assert [line.split()[:2] for line in said("ls", "a.db", "--no-verdict").splitlines()[1:]] == [["1", "mia"], ["2", "zoe"]]
    assert "── session 2 · zoe" in said("diff", "a.db#2", "a.db#2")
    for command in (("cut", "a.db", "3", "-o", "none.db"), ("export", "a.db#3"), ("diff", "a.db#3", "a.db#3")):
        refused = run(*command, *named_by, cwd=tmp_path)
        assert (refused.code, "has no session 3: it has sessions 1 to 2" in refused.err) == (2, True), command


def test_cut_without_a_session_asks_for_one(tmp_path: Path) -> None:
    write_named(tmp_path / "a.db")
    refused = run("cut", "a.db", "-o", "cut.db", cwd=tmp_path)
    assert (refused.code, refused.err) == (2, "wsreplay: which session? name it, as in a.db#1\n")


@pytest.mark.parametrize("name", ["missing-event.db", "lost-connection.db", "leak.db"])
def test_a_session_lasted_as_long_in_every_view(name: str) -> None:
    path = SAMPLES / name
    (listed,) = map(json.loads, run("ls", path, "--json").out.splitlines())
    for session, line in zip(listed["sessions"], run("ls", path).out.splitlines()[1:], strict=True):
        number, lasted = session["session"], line.split()[4]
        assert f" in {lasted} " in run("stats", path, number).out.splitlines()[0]
        heads = [line for line in run("validate", f"{path}#{number}").out.splitlines() if line.startswith("session ")]
        assert [f" · {lasted} · " in head for head in heads] == [True]
        counted = json.loads(run("stats", path, number, "--json").out)["duration"]
        assert counted == pytest.approx(session["duration"])


def test_the_last_line_counts_the_session_that_was_asked_for() -> None:
    path = SAMPLES / "leak.db"
    for number in (1, 2):
        lines = run("validate", f"{path}#{number}").out.splitlines()
        events = next(line for line in lines if line.startswith("session ")).split(" · ")[4].split(" of ")[0]
        assert any(line.endswith(f" · {events} in session {number}") for line in lines)
    assert run("validate", f"{path}#1", "-f", "html").out.count("<article id") == 1
