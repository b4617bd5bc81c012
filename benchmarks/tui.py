"""The terminal interface measured as a user meets it: a real process behind a real pseudo-terminal.

    python -m benchmarks.tui [FRAMES…]          default: 1000000

Makes a recording for each number of frames in a temporary folder, and prints a table; then one of a comparison (`--no-diff`
leaves it out) and one of a recording that grows. `pilot.press` of Textual takes 80 ms by itself, so keys are written to the
terminal and the time to the first byte that is painted is taken.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import orjson

from benchmarks.alternatives import environment
from benchmarks.options import parser_for
from benchmarks.table import FIGURES, Table, publish
from benchmarks.terminal import ROOT, SIZE, Terminal
from wsreplay.model import Connection, Ending
from wsreplay.store import lock
from wsreplay.store.writer import Writer

TYPES = (
    "user_message", "agent_started", "agent_thinking", "tool_executing", "tool_completed", "partial_result", "agent_completed",
)  # fmt: skip
PER_FRAME_NS = 200_000
BATCH = 20_000
ENOUGH_KEYS = 200
MOST_SCANS = 12
STARTS = 9
BESIDE_EMPTY = 1.15  # what may be taken, of the time that an empty application takes
KEY_MS = 50
QUIT_MS = 1000
JUMPS = 20  # to the end and back
SEARCHED_MS = 3000  # a million frames read through
NEAR_MS = 250  # a match in sight
NEEDLE = "needle in the haystack"
DIFF_ROWS = 300_000  # the most that the interface compares
DIFF_ANSWER_MS = 10_000  # both sides' payloads read through
ALIGN_S = 300
EMPTY_APP = """
from textual.app import App
from textual.widgets import Static

class Empty(App):
    def compose(self):
        yield Static("nothing")

Empty().run()
"""


class Story:
    """Rows of a chat that goes on for ever: 200-byte frames, seven to a run."""

    def __init__(self, connection: int = 1, last: int = 0) -> None:
        """Of one connection; the content of its frame number `last` is `NEEDLE`."""
        self._random = random.Random(7)
        self._offsets = [0, 0]
        self._connection, self._last = connection, last
        self.count = 0

    def rows(self, count: int) -> list[tuple[object, ...]]:
        rows: list[tuple[object, ...]] = []
        for number in range(self.count, self.count + count):
            place = number % len(TYPES)
            direction = 1 if place else 0
            run = number // len(TYPES)
            payload = orjson.dumps({
                "type": TYPES[place], "thread_id": f"t{run % 50}", "run_id": f"r{run}", "tool_call_id": f"c{run}",
                "tool_name": "search",
                "content": NEEDLE if number + 1 == self._last else "lorem ipsum dolor sit amet "[: self._random.randint(4, 27)],
            })  # fmt: skip
            length = len(payload) + (2 if direction else 6)
            t_ns, offset = 1_000_000 + number * PER_FRAME_NS, self._offsets[direction]
            rows.append((self._connection, number + 1, t_ns, direction, 1, 1, length, offset, TYPES[place], payload))
            self._offsets[direction] += length
        self.count += count
        return rows


def begin(path: Path, connections: int = 1) -> tuple[Writer, int]:
    writer = Writer(path)
    run = writer.insert_run(
        started_at="2026-11-20T10:00:00Z", start_ns=0, upstream="ws://127.0.0.1:9000", listen="127.0.0.1:8765",
        version="0", options={},
    )  # fmt: skip
    for number in range(1, connections + 1):
        writer.insert_connection(Connection(number, run, 0, path="/ws", user=f"u{number}", status=101))
    return writer, run


def make(path: Path, frames: int, connections: int = 1) -> None:
    """So many frames on each connection, each of which is a session."""
    writer, run = begin(path, connections)
    end = frames * PER_FRAME_NS + 2_000_000
    for connection in range(1, connections + 1):
        story = Story(connection, frames)
        while story.count < frames:
            writer.add_frames(story.rows(min(BATCH, frames - story.count)))  # type: ignore[arg-type]
            writer.commit()
        writer.update_connection(connection, closed_ns=end, ending=str(Ending.CLEAN), close_code=1000, closed_by="client")
    writer.update_run(run, ended_ns=end, reached_ns=end)
    writer.close()


@dataclass
class Line:
    """A figure; without a budget it is what another is compared with."""

    what: str
    value: float
    budget: float | None
    unit: str

    def row(self) -> list[str]:
        if self.budget is None:
            return [self.what, self._said(self.value), "–", ""]
        return [self.what, self._said(self.value), self._said(self.budget), "yes" if self.value <= self.budget else "NO"]

    def _said(self, figure: float) -> str:
        return f"{figure:.2f}×" if self.unit == "×" else f"{figure:,.1f} {self.unit}".replace(".0 ", " ")


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[18]


def interface(path: Path) -> Terminal:
    """As a user starts it: by the script beside the interpreter."""
    return Terminal(str(Path(sys.executable).with_name("wsreplay")), "tui", str(path))


def started(terminal: Terminal, needle: bytes) -> tuple[float, float]:
    """Milliseconds until a text is painted, and of processor time."""
    taken = terminal.until(needle) * 1000, terminal.cpu_s() * 1000
    terminal.drain(0.2, 1)
    terminal.quit()
    return taken


def first_row(path: Path) -> list[Line]:
    """Beside an empty Textual app that is started in turn with ours: what a machine does beside it slows both down."""
    ours, empty = [], []
    for _ in range(STARTS):
        empty.append(started(Terminal("-c", EMPTY_APP), b"nothing"))
        ours.append(started(interface(path), b"agent_started"))
    wall, cpu = ([pair[which] for pair in ours] for which in (0, 1))
    empty_wall, empty_cpu = ([pair[which] for pair in empty] for which in (0, 1))
    return [
        Line(f"start → first row (median of {STARTS})", statistics.median(wall), 300, "ms"),
        Line("  of it processor time", statistics.median(cpu), 300, "ms"),
        Line("an empty Textual app, started in turn with it", statistics.median(empty_wall), None, "ms"),
        Line("  of it processor time", statistics.median(empty_cpu), None, "ms"),
        Line("first row beside the empty app", statistics.median(wall) / statistics.median(empty_wall), BESIDE_EMPTY, "×"),
        Line("  processor time beside its", statistics.median(cpu) / statistics.median(empty_cpu), BESIDE_EMPTY, "×"),
    ]


def keys(terminal: Terminal, count: int, choices: str) -> list[float]:
    picked = random.Random(3)
    return [terminal.key(picked.choice(choices)) * 1000 for _ in range(count)]


def filter(terminal: Terminal, text: str) -> None:
    """Ask for what is nowhere, so that all of the recording is read; the scan begins with the enter at the end."""
    os.write(terminal.fd, b"/")
    terminal.drain(0.1, 0.3)
    terminal.key_until(f"{text}\r", b"0 of ")  # by then the keys are the list's again


def keys_while_scanning(terminal: Terminal) -> list[float]:
    """Keys from the start of a scan to its end, over as many scans as it takes.

    The old rows stay until a scan ends, and the foot counts: a key is done when it says the row's number. The bar is painted
    ten times a second meanwhile, so the first byte would not be the key's. Once a scan has ended there are no rows any more.
    """
    taken: list[float] = []
    for number in range(MOST_SCANS):
        row = 1
        terminal.key("g", 0.5)
        filter(terminal, f'"never there {number}" | /x{number}y+z/')
        while row < 5000:
            row += 1
            seconds, painted = terminal.key_until("j", f" {row:,}/".encode(), b"no frame matches")
            if painted == b"no frame matches":
                break
            taken.append(seconds * 1000)
        os.write(terminal.fd, b"\x1b")
        terminal.drain(0.3, 2)
        if len(taken) >= ENOUGH_KEYS:
            break
    return taken


def jumps(terminal: Terminal, frames: int) -> Line:
    """To the last frame and back to the first: the foot says the row's number."""
    taken = []
    for _ in range(JUMPS):
        for key, row in (("G", frames), ("g", 1)):
            seconds, _painted = terminal.key_until(key, f" {row:,}/".encode())
            taken.append(seconds * 1000)
            terminal.drain(0.05, 1)
    return Line(f"jump to the end, or back → its row, p95 of {len(taken)}", p95(taken), KEY_MS, "ms")


def searches(terminal: Terminal, frames: int) -> list[Line]:
    """For what only the last frame holds, so that all of the recording is read; then for what the next frames hold."""
    terminal.key("g", 0.5)
    far = _search(terminal, NEEDLE, f" {frames:,}/".encode())
    terminal.key("g", 0.5)
    terminal.drain()
    taken = []
    _search(terminal, "partial_result", b"found partial_result")
    terminal.drain(1.0, 10)
    for number in range(1, JUMPS):
        seconds, _painted = terminal.key_until("n", f" {6 + 7 * number:,}/".encode(), seconds=30)
        taken.append(seconds * 1000)
    return [
        Line("search through all frames → the last, a million", far * 1e6 / frames, SEARCHED_MS, "ms"),
        Line("next match, a few frames on, median", statistics.median(taken), NEAR_MS, "ms"),
    ]


def _search(terminal: Terminal, text: str, shows: bytes) -> float:
    """Milliseconds from the enter after the text until something is shown."""
    terminal.key_until("\x06", b"find")
    terminal.drain(0.1, 0.3)
    return terminal.key_until(f"{text}\r", shows, seconds=120)[0] * 1000


def quits(path: Path) -> Line:
    """As soon as the first row is there: by then much is about to begin."""
    taken = []
    for _ in range(STARTS):
        terminal = interface(path)
        terminal.until(b"agent_started")
        taken.append(terminal.quit() * 1000)
    return Line(f"quit → exit, at the first row (median of {STARTS})", statistics.median(taken), QUIT_MS, "ms")


def measure(path: Path, frames: int) -> list[Line]:
    lines = first_row(path)
    terminal = interface(path)
    terminal.until(b"agent_started")
    terminal.drain()
    lines.append(Line("key → first byte, p95, while validating", p95(keys(terminal, 150, "jjjk")), KEY_MS, "ms"))
    lines.append(jumps(terminal, frames))
    scanning = keys_while_scanning(terminal)
    lines.append(Line(f"key → its row, p95 of {len(scanning)}, while a filter scans", p95(scanning), KEY_MS, "ms"))
    lines += searches(terminal, frames)
    os.write(terminal.fd, b"\x1b")
    terminal.drain(0.3, 2)
    for key in ("G", "g", *"123456789", *["\x04"] * 60, "G", *["\x15"] * 60, "]", "["):
        terminal.key(key, 0.3)
    terminal.drain()
    lines.append(Line("memory after a tour of the recording", terminal.memory_mb(), 100, "MB"))
    filter(terminal, '"never there" | /xyz+/')
    time.sleep(0.05)
    lines.append(Line("quit → exit, while a filter scans", terminal.quit() * 1000, QUIT_MS, "ms"))
    lines.append(quits(path))
    return lines


def diff_filter(path: Path) -> list[Line]:
    """Two sessions of as many frames as are compared at most, and a word that is in no row: every payload is looked into.

    Keys are pressed until the answer is there; the first byte after each is its.
    """
    terminal = interface(path)
    terminal.until(b"2 sessions")
    terminal.drain()
    terminal.key_until("D", b"Compare session", seconds=30)
    terminal.drain(0.5, 5)
    begun = time.perf_counter()
    terminal.key_until("\r", f"{DIFF_ROWS + 2:,} same".encode(), seconds=ALIGN_S)  # and their begin and end
    aligned = time.perf_counter() - begun
    terminal.drain()
    os.write(terminal.fd, b"/")
    terminal.drain(0.2, 1)
    begun, seen, taken = time.perf_counter(), b"", []
    os.write(terminal.fd, b"zzz\r")
    answer = f"0 of {DIFF_ROWS + 2:,}".encode()
    while time.perf_counter() - begun < ALIGN_S:
        pressed = time.perf_counter()
        os.write(terminal.fd, b"j")
        painted = terminal.read(5)
        taken.append((time.perf_counter() - pressed) * 1000)
        while more := terminal.read(0.06):
            painted += more
        seen = (seen + painted)[-(1 << 16) :]
        if answer in seen or b"No row has these words" in seen:
            break
    taken_ms = (time.perf_counter() - begun) * 1000
    return [
        Line("two sessions compared", aligned, None, "s"),
        Line("filter of the comparison → its answer", taken_ms, DIFF_ANSWER_MS, "ms"),
        Line(f"  key → first byte meanwhile, p95 of {len(taken)}", p95(taken), KEY_MS, "ms"),
        Line("quit → exit, from the comparison", terminal.quit() * 1000, QUIT_MS, "ms"),
    ]


def follow(path: Path, seconds: float = 8, per_tick: int = 500) -> Line:
    """5,000 frames a second into a file that is followed, written by another process."""
    held = lock.acquire(path)
    call = f"import tui; tui.write_live({str(path)!r}, {seconds + 4}, {per_tick})"
    writer = subprocess.Popen([sys.executable, "-c", call], env=os.environ | {"PYTHONPATH": f"{ROOT}:{Path(__file__).parent}"})
    try:
        wal = Path(f"{path}-wal")
        while not wal.exists() or wal.stat().st_size < 100_000:
            time.sleep(0.05)
        terminal = interface(path)
        terminal.until(b"FOLLOW")
        terminal.drain(0.05, 2)
        before, begun = terminal.cpu_s(), time.perf_counter()
        while time.perf_counter() - begun < seconds:
            terminal.read(0.1)
        share = (terminal.cpu_s() - before) / (time.perf_counter() - begun) * 100
        terminal.quit()
    finally:
        writer.wait()
        held.release()
    return Line("following 5,000 frames/s, share of a core", share, 30, "%")


def write_live(path: str, seconds: float, per_tick: int) -> None:
    writer, run = begin(Path(path))
    story = Story()
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        writer.add_frames(story.rows(per_tick))  # type: ignore[arg-type]
        writer.update_run(run, reached_ns=story.count * PER_FRAME_NS)
        writer.commit()
        time.sleep(max(0.0, begun + story.count / per_tick / 10 - time.monotonic()))
    writer.close()


def main() -> None:
    parser = parser_for("benchmarks.tui", __doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("frames", nargs="*", type=int, default=[1_000_000])
    parser.add_argument("--no-diff", action="store_true", help="leave the comparison out, which takes minutes")
    arguments = parser.parse_args()
    tables = []
    header = ["", "measured", "budget", "kept"]
    with tempfile.TemporaryDirectory(prefix="wsreplay-bench-") as folder:
        for frames in arguments.frames:
            path = Path(folder) / f"{frames}.db"
            make(path, frames)
            size = f"{path.stat().st_size / 1e6:,.0f} MB"
            table = Table(f"The interface on {frames:,} frames, {size}, terminal {SIZE[1]} × {SIZE[0]}", header)
            table.rows += [line.row() for line in measure(path, frames)]
            tables.append(table)
            print(table.text(), "\n", flush=True)
            path.unlink()
        if not arguments.no_diff:
            path = Path(folder) / "two.db"
            make(path, DIFF_ROWS, connections=2)
            tables.append(
                Table(f"Two sessions of {DIFF_ROWS:,} frames compared", header, [line.row() for line in diff_filter(path)])
            )
            print(tables[-1].text(), "\n", flush=True)
        tables.append(Table("The interface while frames come in", header, [follow(Path(folder) / "live.db").row()]))
        print(tables[-1].text(), flush=True)
    if arguments.publish:
        publish(FIGURES, "tui", tables, environment())


if __name__ == "__main__":
    main()
