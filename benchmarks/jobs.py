"""How many keys the jobs of a user take in the terminal interface, in a real terminal.

    python -m benchmarks.jobs

Makes a folder of 20 recordings, starts `wsreplay tui` in tmux for each job, presses the keys and waits for what answers it.
Typed characters count as keys; those that are typed into the user's editor do not.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

from benchmarks.table import Table
from benchmarks.terminal import ROOT
from tests.support.terminal import Tmux
from wsreplay.store import lock

SAMPLES = ROOT / "recordings" / "samples"
FILES = 20
FAILED = ("missing-event", "slow-tool")
CONTRACT = ROOT / "wsreplay" / "contract" / "builtin" / "agent-chat.yaml"
# What stands in for the user's editor: it changes the budget of tools, at whatever line it is opened.
EDITOR = "#!/bin/sh\nsed -i 's/  within: 10s/  within: 12s/' \"$2\"\n"
LIVE_S, PER_TICK = 20, 5


@dataclass(frozen=True)
class Job:
    """`target` is opened, with `options`; then come steps: keys, side by side with spaces, or a text to be typed (`=…`), and
    what shows that they did what they are for: words that all have to be there, with ` & ` between them."""

    name: str
    target: str
    steps: tuple[tuple[str, str], ...]
    options: tuple[str, ...] = ()

    @property
    def keys(self) -> int:
        """How many keys are pressed."""
        return sum(len(step) - 1 if step.startswith("=") else len(step.split()) for step, _ in self.steps)


JOBS = (
    Job("why a chat failed, from a folder of 20", "", (
        ("", "2 with findings & (search) never came & slow-tool.db · alice"), ("]", "missing-event.db · alice"),
        ("Enter", "session 1 · alice & missing: tool_completed"))),
    Job("which tool was slow, from the folder", "", (
        ("", "2 with findings & too late & slow-tool.db · alice"), ("Enter", "session 1 · alice"),
        ("w", "waterfall ─ & 10.33s"))),
    Job("compare two sessions", "../two/leak.db", (
        ("", "2 sessions"), ("D", "Compare session & alice-neighbour  1 "), ("Enter", "only A"))),
    Job("frames with a value in a field", "../two/leak.db", (
        ("", "1 with findings"), ("a", "1/21"), ("/", "sev>=warning"), ("=$.tool_name=search", "4 of 21"),
        ("Enter", "4 of 21"))),
    Job("recordings that speak of a user or an event", "", (
        ("", "never came"), ("/", "must have"), ("=never", "1 of 20"))),
    Job("pause what is being recorded", "live.db", (("", "FOLLOW"), ("Space", "paused"))),
    Job("play, and stop where something is due", "slow-tool.db", (
        ("", "by agent-chat"), ("Space", " ▶ 00:"), ("]", " ‖ 00:10 & tool_completed came 332ms too late"))),
    Job("mark the place and hand it over", "missing-event.db", (
        ("", "by agent-chat"), ("]", "never came"), ("m", "Mark"), ("=here", ""), ("Enter", "here"), ("e", "Hand over"),
        ("5", "Markdown"), ("Enter", "written"))),
    Job("copy a payload", "missing-event.db", (("", "by agent-chat"), ("y", "copied"))),
    Job("change a budget", "slow-tool.db", (
        ("", "by agent-chat"), ("v", "too late & rules"), ("E", "1 fixed")), ("--contract", "../mine.yaml")),
)  # fmt: skip


def make_folder(folder: Path) -> None:
    """Twenty recordings, of which two failed; beside them one with two sessions, and a contract of the user's own."""
    for place in (folder, folder.parent / "two"):
        place.mkdir()
    copyfile(SAMPLES / "leak.db", folder.parent / "two" / "leak.db")
    copyfile(CONTRACT, folder.parent / "mine.yaml")
    editor = folder.parent / "editor"
    editor.write_text(EDITOR)
    editor.chmod(0o700)
    for name in FAILED:
        copyfile(SAMPLES / f"{name}.db", folder / f"{name}.db")
    for number in range(FILES - len(FAILED)):
        copyfile(SAMPLES / "healthy.db", folder / f"healthy-{number:02}.db")


@contextmanager
def recording_live(path: Path) -> Iterator[None]:
    """Another process records into a file."""
    held = lock.acquire(path)
    call = f"import benchmarks.tui as tui; tui.write_live({str(path)!r}, {LIVE_S}, {PER_TICK})"
    writer = subprocess.Popen([sys.executable, "-c", call], cwd=ROOT)
    try:
        yield
    finally:
        writer.kill()
        writer.wait()
        held.release()


def do(job: Job, folder: Path) -> float | None:
    """Seconds that a job takes, from its first key on; None where the terminal did not show what it is for."""
    with tempfile.TemporaryDirectory(prefix="wsreplay-jobs-") as place:
        terminal = Tmux(Path(place))
        program = shlex.join([sys.executable, "-m", "wsreplay", "tui", str(folder / job.target), *job.options])
        environment = f"PYTHONPATH={ROOT} VISUAL= EDITOR=../editor XDG_STATE_HOME={shlex.quote(place)}"
        terminal.start("sh", "-c", f"cd {shlex.quote(str(folder))} && {environment} exec {program}")
        begun = 0.0
        try:
            for keys, shows in job.steps:
                if keys and not begun:
                    begun = time.perf_counter()
                if keys.startswith("="):
                    terminal.type(keys[1:])
                elif keys:
                    terminal.keys(*keys.split())
                if shows:
                    terminal.until(_holds(shows), 20)
            return time.perf_counter() - begun
        except AssertionError as error:
            print(f"{job.name}: {error}", file=sys.stderr)
            return None
        finally:
            terminal.kill()


def _holds(words: str) -> Callable[[str], bool]:
    return lambda shown: all(part in shown for part in words.split(" & "))


def main() -> None:
    table = Table("Keys for a user's jobs", ["job", "keys", "seconds"])
    with tempfile.TemporaryDirectory(prefix="wsreplay-jobs-") as name:
        folder = Path(name) / "recordings"
        make_folder(folder)
        for job in JOBS:
            if job.target == "live.db":
                with recording_live(folder / job.target):
                    seconds = do(job, folder)
                (folder / job.target).unlink()
            else:
                seconds = do(job, folder)
            table.rows.append([job.name, str(job.keys), "NO" if seconds is None else f"{seconds:.2f}"])
    print(table.text())


if __name__ == "__main__":
    main()
