"""`replay`, `diff` and `mutate` as their users have them: processes of their own."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from commandline import WSREPLAY, Outcome, run

from wsreplay.demo.backend import Backend
from wsreplay.demo.tokens import make_token

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"
HEALTHY = str(SAMPLES / "healthy.db")
MESSAGES = Path(__file__).parents[1] / "cli" / "messages"
Record = Callable[[str], Awaitable[Path]]


@contextmanager
def serving(*arguments: object) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A `replay server` that listens, its URL, and the process."""
    process = subprocess.Popen(
        [*WSREPLAY, "replay", "server", "-l", "127.0.0.1:0", *map(str, arguments)], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert " at ws://" in first, first + process.stderr.read()
        yield first.split(" at ")[1].split()[0], process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


async def test_server_and_client_of_one_recording_agree(record: Record, tmp_path: Path) -> None:
    path, again = await record("healthy"), tmp_path / "again.db"
    with serving(path, "--speed", "max", "--once") as (url, process):
        done = run("replay", "client", path, "--to", url, "-o", again, "--speed", "max")
        assert process.wait(20) == 0
    assert done.code == 0
    assert "no difference" in done.out
    assert run("diff", path, again, "--no-findings").code == 0


async def test_a_backend_that_changed_is_exit_code_one(record: Record, tmp_path: Path) -> None:
    path, other = await record("healthy"), await record("missing-event")
    with serving(other, "--speed", "max") as (url, _):
        done = run("replay", "client", path, "--to", url, "-o", tmp_path / "again.db", "--speed", "max", "--timeout", "3s")
    assert done.code == 1
    assert "≠ session 1: expected tool_completed" in done.err
    assert "- " in done.out
    assert "tool_completed" in done.out


async def test_a_load_prints_latencies_and_verdicts(record: Record, tmp_path: Path) -> None:
    path, users, out = await record("healthy"), tmp_path / "users.csv", tmp_path / "load.db"
    users.write_text("name,token\n" + "".join(f"{name},{make_token(name)}\n" for name in ("ann", "bob")))
    async with Backend(pace=0.2) as backend:
        done = await asyncio.to_thread(
            run, "replay", "client", path, "--to", backend.url, "-o", out, "--speed", "max", "--users", 6, "--repeat", 2,
            "--ramp", "100ms", "--data", users, "-H", "Authorization: Bearer {token}", "--query", "who={name}-{n}-{id}",
        )  # fmt: skip
    assert done.code == 0, done.err + done.out
    assert "chat → agent_started" in done.out
    assert "a second, up to " in done.out
    assert "12 connections, 0 lost, 0 mismatches" in done.out
    verdicts, *more = done.out.partition("12 sessions: ")[2].splitlines()
    # Where we were busy ourselves the bound on latency is left undecided, and nothing else is.
    counts = {name: int(number) for number, name in re.findall(r"(\d+) (\w+)", verdicts)}
    assert counts.keys() <= {"satisfied", "inconclusive"} and sum(counts.values()) == 12, done.out
    assert [line.split(":")[0] for line in more] == ["  ? latency"] * ("inconclusive" in counts), done.out
    shown = run("export", out).out
    assert "who=ann-1-" in shown
    assert "who=bob-2-" in shown


async def test_limits_decide_the_exit_code_and_a_duration_how_often_users_begin(record: Record, tmp_path: Path) -> None:
    path, users = await record("healthy"), tmp_path / "users.csv"
    users.write_text("name,token\n" + "".join(f"{name},{make_token(name)}\n" for name in ("ann", "bob")))

    async def play(name: str, backend: Backend, *limits: str) -> Outcome:
        options = [word for limit in limits for word in ("--limit", limit)]
        return await asyncio.to_thread(
            run, "replay", "client", path, "--to", backend.url, "-o", tmp_path / name, "--speed", "max", "--users", 2,
            "--duration", "500ms", "--data", users, "-H", "Authorization: Bearer {token}", *options,
        )  # fmt: skip

    async with Backend(pace=0.2) as backend:
        kept = await play("kept.db", backend, "tool p95<60s", "run max<=60s", "connect p99<60s", "tool search p50<60s")
        broken = await play("broken.db", backend, "tool max<1ns", "tol p95<2s")
    assert kept.code == 0, kept.err + kept.out
    assert kept.out.count("  ✓ limit ") == 4
    assert int(re.findall(r"^([\d,]+) sessions? in", kept.out, re.MULTILINE)[0]) > 2
    assert broken.code == 1
    assert "  ✗ limit tool max<1ns: max was " in broken.out
    assert "  ✗ limit tol p95<2s: nothing was called 'tol'; measured were connect" in broken.out


async def test_a_backend_that_is_not_there_is_not_one_that_misbehaves(record: Record, tmp_path: Path) -> None:
    done = run("replay", "client", await record("healthy"), "--to", "ws://127.0.0.1:1", "-o", tmp_path / "again.db")
    assert (done.code, done.out) == (2, "")
    assert "nothing listens at ws://127.0.0.1:1; nothing was played" in done.err


async def test_a_mutated_recording_differs_and_json_says_how(record: Record, tmp_path: Path) -> None:
    path, out = await record("healthy"), tmp_path / "mutated.db"
    done = run("mutate", path, "--fault", "drop:tool_completed", "-o", out)
    assert (done.code, done.out) == (0, "")
    assert "1 fault → " in done.err
    found = run("diff", f"{path}#1", f"{out}#1", "-f", "json")
    assert found.code == 1
    document = json.loads(found.out)
    assert [one["type"] for one in document["sessions"][0]["differences"] if one["kind"] == "only_a"] == ["tool_completed"]
    assert "tool" in {one["rule"] for one in document["sessions"][0]["findings"]["only_b"]}
    assert run("diff", path, out, "-q").out == ""


async def test_once_is_not_over_before_a_client_came(record: Record) -> None:
    with serving(await record("healthy"), "--once") as (_, process):
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 1
        assert process.stderr is not None
        assert process.stderr.read() == ("stopped before every connection was played: 0 of 1 done\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("replay", "client", "none.db", "--to", "ws://x"), "none.db"),
        (("replay", "client", "none.db", "--to", "ws://x", "--ramp", "2s"), "--users"),
        (("replay", "client", "none.db", "--to", "ws://x", "--limit", "tool p95<2s"), "--users"),
        (("replay", "client", "none.db", "--to", "ws://x", "--users", "2", "--limit", "tool p96<2s"), "is not a limit; write"),
        (("replay", "client", "none.db", "--to", "ws://x", "--users", "2", "--limit", "tool p95<2x"), "2x"),
        (("replay", "client", "none.db", "--to", "ws://x", "--users", "2", "--repeat", "2", "--duration", "1s"), "combined"),
        (("replay", "server", "none.db", "--speed", "fast"), "write 1, 0.5, 20 or max"),
        (("replay", "client", "none.db", "--to", "ws://x", "--set", "$.a"), "PATH=VALUE"),
        (("diff", "none.db", "none.db"), "none.db"),
        (("mutate", "none.db", "--fault", "drop:x", "-o", "out.db"), "none.db"),
        (("mutate", HEALTHY, "--fault", "readdress:chat,key=no,to=x", "-o", "out.db"), "its key is none of message, "),
        (("mutate", "none.db", "--fault", "drop", "-o", "out.db"), "write it like drop:tool_completed"),
        (("record", "ws://x", "--fault", "lag=3"), "unknown fault 'lag'"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(arguments: tuple[str, ...], complaint: str, tmp_path: Path) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.code == 2
    assert complaint in done.err


def test_without_a_contract_the_one_that_fits_says_where_ids_stand(tmp_path: Path) -> None:
    path, out = SAMPLES / "ag-ui" / "good.db", tmp_path / "out.db"
    arguments = ("mutate", path, "--fault", "readdress:TEXT_MESSAGE_END,key=message,to=another", "-o", out)
    chosen = run(*arguments, "-c", "agent-chat")
    assert (chosen.code, out.exists()) == (2, False), "-c is stronger than what fits"
    assert run(*arguments).code == 0
    found = json.loads(run("diff", path, out, "-f", "json").out)
    assert {one["rule"] for one in found["sessions"][0]["findings"]["only_b"]} >= {"text"}


async def test_a_server_plays_by_the_contract_that_fits(tmp_path: Path) -> None:
    path = SAMPLES / "ag-ui" / "good.db"
    with serving(path, "--speed", "max", "--once") as (url, process):
        assert run("replay", "client", path, "--to", url, "-o", tmp_path / "again.db", "--speed", "max").code == 0
        assert process.wait(20) == 0


def test_a_decoder_can_be_named(tmp_path: Path) -> None:
    """Socket.IO that begins too late to be guessed."""
    whole, less = tmp_path / "whole.db", tmp_path / "less.db"
    assert run("import", MESSAGES / "late_socket_io.jsonl", "-o", whole).code == 0
    drop = ("mutate", whole, "--fault", "drop:agent_started", "-o", less)
    assert "has no event for it" in run(*drop).err
    assert "1 fault" in run(*drop, "--as", "socket.io").err
    assert "- 00:00.300 ◀ agent_started" in run("diff", whole, less, "--as", "socket.io").out
    without_contract = run("diff", whole, less, "--as", "socket.io", "-c", "none").out
    assert "- 00:00.300 ◀ agent_started" in without_contract and without_contract.endswith("\n1 difference: 1 event\n")
    assert "agent_started  " not in run("diff", whole, less).out
    with serving(less, "--as", "socket.io", "--speed", "max") as (url, _):
        done = run("replay", "client", whole, "--as", "socket.io", "--to", url, "-o", tmp_path / "again.db", "--timeout", "1s")
    assert done.code == 1 and "≠ session 1: expected agent_started" in done.err


@pytest.mark.parametrize("direction", [("server",), ("client", "--to", "ws://127.0.0.1:1")])
def test_a_decoder_that_there_is_not_is_refused(direction: tuple[str, ...]) -> None:
    name, *rest = direction
    refused = run("replay", name, HEALTHY, *rest, "--as", "socketio")
    assert (refused.code, refused.err) == (2, "wsreplay: unknown decoder 'socketio'; did you mean socket.io?\n")
