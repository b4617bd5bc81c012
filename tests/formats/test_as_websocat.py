"""A session's client as a script that really runs: against the recording's own backend, by `wsreplay send` and by websocat."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from math import inf
from pathlib import Path

import pytest

from recordings import begin_run
from wsreplay.contract import load
from wsreplay.errors import UsageError
from wsreplay.formats import as_websocat
from wsreplay.model import FIN, MASKED, Connection, Direction, Ending, Opcode
from wsreplay.replay.player import Pace
from wsreplay.replay.server import ReplayServer, ServerOptions
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.trace.sessions import stitch
from wsreplay.units import MILLISECOND, SECOND

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"
HOSTILE = "it's \"$(touch stolen)\" `touch stolen` %s %d \\n ; } | rm \u202e\x1b[31m \t é 東京"


def script_of(path: Path) -> str:
    with Recording.open(path) as recording:
        return as_websocat.script(recording, stitch(recording.connections())[0])


async def run_against(
    recording: Path, script: str, folder: Path, with_websocat: bool, path: str = "/ws"
) -> tuple[str, list[str]]:
    """Run a script against the played backend: what it printed, and where it departed from the recorded client."""
    programs = folder / "bin"
    programs.mkdir()
    wsreplay = programs / "wsreplay"
    wsreplay.write_text(f'#!/bin/sh\nexec {sys.executable} -m wsreplay "$@"\n')
    wsreplay.chmod(0o755)
    for name in ("sleep", "sh", *(["websocat"] if with_websocat else [])):
        (programs / name).symlink_to(str(shutil.which(name)))
    (folder / "talk.sh").write_text(script)
    async with ReplayServer(recording, load("none"), ServerOptions(pace=Pace(inf))) as server:
        running = await asyncio.create_subprocess_exec(
            "sh", "talk.sh", f"{server.url}{path}", cwd=folder, env=os.environ | {"PATH": str(programs)},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await asyncio.wait_for(running.communicate(), 60)
        return printed.decode(), [str(mismatch) for mismatch in server.mismatches]


@pytest.mark.parametrize(
    "with_websocat",
    [False, pytest.param(True, marks=pytest.mark.skipif(shutil.which("websocat") is None, reason="needs websocat"))],
)
@pytest.mark.parametrize(("name", "path"), [
    ("healthy.db", "/ws"), pytest.param("graphql-transport-ws/good.db", "/graphql", marks=pytest.mark.campaign),
])
async def test_the_script_says_what_the_client_said(tmp_path: Path, name: str, path: str, with_websocat: bool) -> None:
    printed, mismatches = await run_against(SAMPLES / name, script_of(SAMPLES / name), tmp_path, with_websocat, path)
    assert mismatches == []
    assert "agent_completed" in printed or "complete" in printed, printed


def talk(path: Path, *messages: tuple[int, str | bytes]) -> Path:
    writer = Writer(path)
    run = begin_run(writer)
    writer.insert_connection(Connection(1, run, 0, 90 * SECOND, path="/ws", user=HOSTILE, ending=Ending.CLEAN))
    for number, (t_ns, message) in enumerate(messages, 1):
        payload, opcode = (message, Opcode.BINARY) if isinstance(message, bytes) else (message.encode(), Opcode.TEXT)
        writer.add_frames(
            [(1, number, t_ns, Direction.CLIENT_TO_SERVER, opcode, FIN | MASKED, len(payload) + 6, 0, None, payload)]
        )
    writer.close()
    return path


async def test_nothing_from_the_wire_is_a_command_and_all_of_it_arrives(tmp_path: Path) -> None:
    path = talk(tmp_path / "hostile.db", (1, HOSTILE))
    script = script_of(path).replace("sleep 90", "sleep 1").replace("sleep 60", "sleep 1")
    _, mismatches = await run_against(path, script, tmp_path, False)
    assert mismatches == [] and not (tmp_path / "stolen").exists()
    assert "\x1b" not in script and "\u202e" not in script and "東京" in script


def test_pauses_are_as_recorded_but_for_the_longest(tmp_path: Path) -> None:
    script = script_of(talk(tmp_path / "a.db", (250 * MILLISECOND, "a"), (80 * SECOND, "b")))
    assert [line.strip() for line in script.splitlines() if "sleep" in line] == ["sleep 0.250", "sleep 60.000", "sleep 10.000"]


def test_what_a_line_cannot_carry_is_said(tmp_path: Path) -> None:
    script = script_of(talk(tmp_path / "a.db", (1, '{"a":\n1}'), (2, "two\nlines"), (3, b"\x00\xff")))
    assert "printf '%s\\n' '{\"a\": 1}'" in script
    assert script.count("is left out: a line cannot carry it") == 2


def test_a_session_that_was_refused_has_nothing_to_say(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "refused.db")
    writer.insert_connection(Connection(1, begin_run(writer), 0, 9, ending=Ending.REFUSED, status=403))
    writer.close()
    with pytest.raises(UsageError, match="was refused"):
        script_of(tmp_path / "refused.db")
