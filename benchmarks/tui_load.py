"""The terminal interface while much goes on: how long its event loop computes at a stretch, in which no key is taken.

    python -m benchmarks.tui_load [SCENE…]          default: all

A folder of 2,000 recordings that are validated one after another; 2,000 sessions of which 1,000 have a finding; the same while
they are recorded; a run with 500 tools at once; 30,000 findings. Keys are pressed all the while. Processor time is counted,
since a busy machine takes longer for anything.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from benchmarks.table import Table
from benchmarks.terminal import ROOT, Terminal
from benchmarks.tui import Line
from tests.support.sample_chat import many_findings
from wsreplay.model import Connection, Ending
from wsreplay.store import lock
from wsreplay.store.writer import Writer

SAMPLES = ROOT / "recordings" / "samples"
RECORDINGS, SESSIONS = 2_000, 2_000
TOOLS, ASKED = 500, 7_500  # each with four findings
LONGEST_MS = 100
MS = 1_000_000
_APART_NS = 10 * MS  # one session begins after another
_PAUSE_S = 0.05  # between keys
_ANSWERED_S = 1.0
ESCAPE, _ALONE_S = "\x1b", 0.3  # what follows sooner would be one key with it
_LIVE_S = 20
_QUITS_S = 90  # on a busy machine
_NOTHING = "\x0c"  # a key that does nothing
LIST_KEYS = ("j", "j", "j", "k", "s", "]", "G", "g", "/", "u", "7", "\r", ESCAPE, "]", "[", "\x04", "\x15")
FRAME_KEYS = ("j", "j", "]", "[", "%", "G", "g", "\t", "\t", "\x04", "\x15", "5", "k")
FINDINGS_KEYS = ("j", "j", "k", " ", " ", "G", "g", "s", "\x04", "\x15")
WATERFALL_KEYS = ("j", "j", "\x04", "\x15", "G", "g", "s", "I", "]", "[", "x", "X", "+", "d", "a", "_", "z", "l", "h")


class Sessions:
    """Writes chats of one user each; in every second one a tool never ends."""

    def __init__(self, path: Path) -> None:
        self._writer = Writer(path)
        self._run = self._writer.insert_run(
            started_at="2026-11-20T10:00:00Z", start_ns=0, upstream="ws://127.0.0.1:9000", listen="ws://127.0.0.1:8765",
            version="0", options={},
        )  # fmt: skip
        self.count = 0
        # When the last of them ended, ns.
        self._reached_ns = 0

    def add(self, sessions: int) -> None:
        for _ in range(sessions):
            self._add()
        self._writer.update_run(self._run, reached_ns=self.count * _APART_NS)
        self._writer.commit()

    def _add(self) -> None:
        number = self.count + 1
        ids = {"thread_id": f"t{number}", "run_id": f"r{number}"}
        tool = ids | {"tool_call_id": f"c{number}", "tool_name": "search"}
        events: list[dict[str, object]] = [
            {"type": "connection_ack"}, {"type": "chat", "thread_id": f"t{number}", "content": "Why is the checkout slow?"},
            {"type": "agent_started", **ids}, {"type": "agent_thinking", **ids}, {"type": "tool_executing", **tool},
            {"type": "tool_completed", **tool}, {"type": "agent_completed", **ids},
        ]  # fmt: skip
        if number % 2:
            del events[5]
        self.say(events)

    def say(self, events: Iterable[dict[str, object]]) -> None:
        """A session in which this is said, an event a millisecond; what is not a `chat` comes from the server."""
        self.count += 1
        number, begun = self.count, self.count * _APART_NS
        offsets, rows, seq = [0, 0], [], 0
        for seq, event in enumerate(events, 1):
            direction, payload = int(event["type"] != "chat"), orjson.dumps(event)
            length = len(payload) + (2 if direction else 6)
            rows.append((number, seq, begun + seq * MS, direction, 1, 1, length, offsets[direction], event["type"], payload))
            offsets[direction] += length
        self._writer.insert_connection(Connection(number, self._run, begun, path="/ws", user=f"user{number}", status=101))
        self._writer.add_frames(rows)  # type: ignore[arg-type]
        self._writer.update_connection(
            number, closed_ns=begun + (seq + 2) * MS, ending=str(Ending.CLEAN), close_code=1000, closed_by="client"
        )

        self._reached_ns = begun + (seq + 2) * MS

    def close(self) -> None:
        self._writer.update_run(self._run, ended_ns=self._reached_ns, reached_ns=self._reached_ns)
        self._writer.close()


def write_live(path: str, sessions: int) -> None:
    """So many sessions in `_LIVE_S`, ten times a second some."""
    made = Sessions(Path(path))
    made.add(sessions // 2)
    begun = time.monotonic()
    for tick in range(_LIVE_S * 10):
        time.sleep(max(0.0, begun + tick / 10 - time.monotonic()))
        made.add(sessions // 2 // (_LIVE_S * 10))
    time.sleep(2)
    made.close()


class Watched:
    """The interface behind a terminal, with how long its event loop computed at a stretch."""

    def __init__(self, path: Path, out: Path, *options: str) -> None:
        self._out = out
        os.environ["PYTHONPATH"] = str(ROOT)
        self.terminal = Terminal("-m", "benchmarks.held", str(out), "tui", str(path), *options)

    def press(self, keys: Iterator[str], until: Callable[[], bool]) -> None:
        """Press keys in turn until something is so."""
        while not until():
            pressed = next(keys)
            os.write(self.terminal.fd, pressed.encode())
            self.terminal.read(_ANSWERED_S)  # on a busy machine keys would gather
            due = time.monotonic() + (_PAUSE_S if pressed != ESCAPE else _ALONE_S)
            while (left := due - time.monotonic()) > 0:
                self.terminal.read(left)

    def longest_ms(self) -> list[float]:
        """Ends the interface; the stretches in ms, longest first."""
        self.terminal.quit(patience_s=_QUITS_S)
        stretches = json.loads(self._out.read_text())
        if os.environ.get("WSREPLAY_HELD_TRACE"):
            for stretch in stretches[:6]:
                print(f"{stretch['ms']:.0f} ms", *stretch["seen"], sep="\n    ", file=sys.stderr)
        return [stretch["ms"] for stretch in stretches]


def for_seconds(seconds: float) -> Callable[[], bool]:
    limit = time.monotonic() + seconds
    return lambda: time.monotonic() >= limit


def lines(what: str, stretches: list[float]) -> list[Line]:
    return [
        Line(f"{what}: longest stretch", stretches[0], LONGEST_MS, "ms"),
        Line("  the ten longest, median", statistics.median(stretches[:10]), None, "ms"),
    ]


def folder(scratch: Path) -> list[Line]:
    """2,000 recordings, validated while one moves, filters and sorts."""
    recordings = scratch / "recordings"
    recordings.mkdir()
    for number, sample in zip(range(RECORDINGS), itertools.cycle(sorted(SAMPLES.glob("*.db"))), strict=False):
        shutil.copy2(sample, recordings / f"{number:03}-{sample.name}")
    watched = Watched(recordings, scratch / "folder.json")
    watched.terminal.until(b"recordings")
    watched.press(itertools.cycle(LIST_KEYS), for_seconds(25))
    return lines(f"{RECORDINGS:,} recordings", watched.longest_ms())


def sessions(scratch: Path) -> list[Line]:
    """2,000 sessions, validated meanwhile; then the frames, the findings, the waterfall of one."""
    path = scratch / "sessions.db"
    made = Sessions(path)
    made.add(SESSIONS)
    made.close()
    watched = Watched(path, scratch / "sessions.json")
    watched.terminal.until(b"sessions")
    _visit(watched)
    return lines(f"{SESSIONS:,} sessions", watched.longest_ms())


def live(scratch: Path) -> list[Line]:
    """The same while they are recorded: 50 sessions a second, half of them with a finding."""
    path = scratch / "live.db"
    held = lock.acquire(path)
    call = f"from benchmarks import tui_load; tui_load.write_live({str(path)!r}, {SESSIONS})"
    writer = subprocess.Popen([sys.executable, "-c", call], env=os.environ | {"PYTHONPATH": str(ROOT)})
    try:
        wal = Path(f"{path}-wal")
        while not wal.exists() or wal.stat().st_size < 1_000_000:
            time.sleep(0.05)
        watched = Watched(path, scratch / "live.json")
        watched.terminal.until(b"sessions")
        _visit(watched)
    finally:
        writer.wait()
        held.release()
    return lines(f"{SESSIONS:,} sessions while they are recorded", watched.longest_ms())


def spans(scratch: Path) -> list[Line]:
    """A run with 500 tools at once, of which every ninth never ends: the waterfall."""
    path = scratch / "spans.db"
    made = Sessions(path)
    made.say(_tools_at_once())
    made.close()
    watched = Watched(path, scratch / "spans.json")
    watched.terminal.until(b"tool_executing")
    _visit(watched, ((), FRAME_KEYS, ""), ("w", WATERFALL_KEYS, ""), ("\r", FRAME_KEYS, ""), ("S", ("j", "s"), "q"))
    return lines(f"{TOOLS} tools at once", watched.longest_ms())


def _tools_at_once() -> Iterator[dict[str, object]]:
    ids = {"thread_id": "t", "run_id": "r"}
    calls = [ids | {"tool_call_id": f"c{number}", "tool_name": f"tool{number % 7}"} for number in range(TOOLS)]
    yield {"type": "chat", "thread_id": "t", "content": "Ask everybody"}
    yield {"type": "agent_started", **ids}
    yield {"type": "agent_thinking", **ids}
    yield from ({"type": "tool_executing", **call} for call in calls)
    yield from ({"type": "tool_completed", **calls[number * 37 % TOOLS]} for number in range(TOOLS) if number % 9)
    yield {"type": "agent_completed", **ids}


def findings(scratch: Path) -> list[Line]:
    """30,000 findings in one session: frames, their list, a filter for them."""
    path, contract = many_findings(scratch, ASKED)
    watched = Watched(path, scratch / "findings.json", "-c", str(contract))
    watched.terminal.until(b"15,000")
    filtered = (*"/sev>=error\r", "j", "]", "G", "g", ESCAPE)
    _visit(watched, ((), FRAME_KEYS, ""), ("v", FINDINGS_KEYS, "q"), ((), filtered, ESCAPE), ("w", WATERFALL_KEYS, "q"))
    return lines(f"{4 * ASKED:,} findings", watched.longest_ms())


Visit = tuple[Iterable[str], Iterable[str], Iterable[str]]
"""The keys that lead to a screen, those that are pressed there again and again, and those that lead back."""
VISITS: tuple[Visit, ...] = ((), LIST_KEYS, ""), ("a", FRAME_KEYS, "q"), ("v", FINDINGS_KEYS, "q"), ("S", ("j", "k"), "q")


def _visit(watched: Watched, *visits: Visit) -> None:
    """Screens, five seconds each: by default the list of sessions, all frames, their findings, statistics, and back."""
    visits = visits or VISITS
    for open_, keys, back in visits:
        watched.press(itertools.chain(open_, itertools.cycle(keys)), for_seconds(_LIVE_S / len(visits)))
        watched.press(itertools.cycle([*back, _NOTHING]), for_seconds(0.1))


SCENES = {"folder": folder, "sessions": sessions, "live": live, "spans": spans, "findings": findings}


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """With no verdict remembered."""
    with tempfile.TemporaryDirectory(prefix="wsreplay-bench-") as folder_:
        os.environ["WSREPLAY_CACHE"] = ""
        yield Path(folder_)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("scenes", nargs="*", default=list(SCENES), help=f"of {', '.join(SCENES)}; default: all")
    arguments = parser.parse_args()
    if unknown := set(arguments.scenes) - set(SCENES):
        parser.error(f"there is no scene {', '.join(sorted(unknown))}; there are {', '.join(SCENES)}")
    table = Table("The interface while much goes on", ["", "measured", "budget", "kept"])
    with scratch_folder() as scratch:
        for scene in arguments.scenes:
            table.rows += [line.row() for line in SCENES[scene](scratch)]
    print(table.text(), flush=True)


if __name__ == "__main__":
    main()
