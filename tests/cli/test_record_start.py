"""`wsreplay record` where system calls of its start or of a restart fail: each failure ends in recovery, or in a said end."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from commandline import WSREPLAY
from relay import Relay, wait_for

TRACER = shutil.which("strace")
pytestmark = pytest.mark.skipif(TRACER is None, reason="strace is not installed")

# The calls that fail, the exit code, what is said. Python forks where it cannot vfork.
# The event loop has the first socket pair.
STARTS = {
    "socket pair": (["socketpair:error=EMFILE:when=2"], 3, "the recorder cannot be started: [Errno 24] Too many open files"),
    "process": (
        ["vfork:error=EAGAIN", "clone:error=EAGAIN"], 3,
        "the recorder cannot be started: [Errno 11] Resource temporarily unavailable",
    ),
    "bind": (["bind:error=EACCES"], 2, "cannot listen on 127.0.0.1:0: permission denied (-l HOST:PORT chooses another)"),
    "listen": (["listen:error=EADDRINUSE"], 2, "cannot listen on 127.0.0.1:0: "),
    "lock": (["flock:error=ENOLCK"], 2, "a.db cannot be written: No locks available"),
    "disk": (["pwrite64:error=ENOSPC"], 3, "a.db cannot be written: the disk is full"),
}  # fmt: skip


def tracer(*inject: str) -> list[str]:
    assert TRACER is not None
    calls = ",".join(term.partition(":")[0] for term in inject)
    terms = [argument for term in inject for argument in ("-e", f"inject={term}")]
    return [TRACER, "-D", "-f", "-o", os.devnull, "-e", f"trace={calls}", *terms]


@pytest.mark.parametrize("call", STARTS)
def test_a_start_that_fails_says_why(call: str, tmp_path: Path) -> None:
    inject, code, said = STARTS[call]
    command = [*tracer(*inject), *WSREPLAY, "record", "ws://127.0.0.1:9", "-l", "127.0.0.1:0", "-o", str(tmp_path / "a.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.startswith("wsreplay: ") and said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "inject",
    [["socketpair:error=EMFILE:when=3..5"], ["vfork:error=EAGAIN:when=2..4", "clone:error=EAGAIN:when=1..3"]],
    ids=["socket pair", "process"],
)
def test_a_restart_that_fails_is_said_and_tried_again(inject: list[str], tmp_path: Path) -> None:
    relay = Relay("ws://127.0.0.1:9", tmp_path / "a.db", under=tracer(*inject))
    try:
        os.kill(relay.recorder(), signal.SIGKILL)
        wait_for(lambda: relay.count("resumed"), "recording goes on")
        reasons = {line["stalled"] for line in relay.says if "stalled" in line}
        assert any(re.match(r"the recorder cannot be started: \[Errno (11|24)\]", reason) for reason in reasons), reasons
        assert relay.stop()["restarts"] == 1
    finally:
        relay.end()
