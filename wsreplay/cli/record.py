"""`wsreplay record`."""

from __future__ import annotations

import asyncio
import errno
import os
import shlex
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from wsreplay.cli.address import Address
from wsreplay.cli.defaults import is_typed
from wsreplay.cli.followers import Followers
from wsreplay.cli.main import INTERRUPTED
from wsreplay.cli.options import (
    Header,
    Size,
    allow_origin_option,
    make_parent,
    new_recording_path,
    redact_option,
    user_option,
)
from wsreplay.cli.program_name import program_name
from wsreplay.cli.record_console import RecordConsole
from wsreplay.cli.record_viewer import Terminal, TypedLines, Viewer
from wsreplay.cli.rotation import Limit, Rotation, SizeOrTime
from wsreplay.cli.telemetry import Telemetry
from wsreplay.errors import EXIT_NOT_JUDGED, UsageError, WsreplayError
from wsreplay.model import NO_CONTRACT
from wsreplay.proxy.callbacks import Callbacks, Leftover
from wsreplay.proxy.faultspec import FaultSpec
from wsreplay.proxy.proxy import Options, RecordingProxy
from wsreplay.proxy.recording_files import Relocated
from wsreplay.proxy.route import raise_descriptor_limit
from wsreplay.proxy.threads import run_to_end
from wsreplay.proxy.upstream import nothing_listens
from wsreplay.recorder import unwritten
from wsreplay.recorder.protocol import Report
from wsreplay.store.paths import shown
from wsreplay.trace.identity import UserSource, user_source_text
from wsreplay.units import SECOND, count_text, duration_text, size_text

STATUS_EVERY_S = 0.2
# How long the first Ctrl-C may take: the recording, and all of it with the verdicts on it.
STOP_WITHIN_S = 4.0
VERDICTS_WITHIN_S = 4.7
LOOP_SOCKET_PAIRS = 4


@click.command(name="record")
@click.argument("upstream")
@click.option("-l", "--listen", type=Address(unix=True), default="127.0.0.1:8765", show_default=True,
              help="Where clients connect; unix:PATH is a socket file.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="The recording. [default: recordings/<UTC time>.db]"
)
@click.option(
    "-c",
    "--contract",
    "contracts",
    multiple=True,
    metavar="CONTRACT",
    help="Check traffic while recording: a contract file, or a built-in's name; 'none' for no check.",
)
@click.option("-H", "--header", "headers", type=Header(), multiple=True, help="Add or replace a header of each request.")
@click.option("--keep-host/--no-keep-host", default=None,
              help="Forward the client's Host header, or replace it by the upstream's. "
              "[default: keep it if UPSTREAM is on this machine]")
@allow_origin_option
@click.option("-k", "--insecure", is_flag=True, help="Accept any certificate of a wss:// upstream.")
@click.option("--tls-cert", type=click.Path(path_type=Path), help="Listen with TLS: the certificate chain, in PEM.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="The private key for --tls-cert, in PEM.")
@redact_option
@user_option(
    "Where a connection names its user: header:X-User-Id, query:user, path:/ws/{user}, cookie:NAME or claim:uid; with -c, "
    "--metrics or --otlp also $.user_id in messages; may repeat. "
    "[default: a JWT's sub, user_id, uid or email, X-User-Id, ?user=, a session cookie]"
)
@click.option("--max-payload", type=Size(), default="64MiB", show_default=True, help="Store at most this much of each message.")
@click.option("--durability", type=click.Choice(["normal", "full"]), default="normal", show_default=True,
              help="full: also survive a power failure (slower).")  # fmt: skip
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="SPEC",
    help="Inject a fault (noted in the recording): latency=200ms,jitter=50ms · bandwidth=64kB · slice=1-20 · reset · "
    "close · blackhole · halfopen. All take dir=, p=, from= and until=; the last four also bytes=.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed for --fault.")
@click.option("--rotate", type=SizeOrTime(), help="Record new connections in a new file once this one is so large or so old.")
@click.option("--metrics", type=Address(), metavar="HOST:PORT",
              help="Serve metrics for Prometheus at /metrics, and /healthz and /readyz.")  # fmt: skip
@click.option("--otlp", metavar="URL",
              help="Send runs, tools and findings to an OpenTelemetry collector, such as http://localhost:4318.")  # fmt: skip
@click.option("--tui", "with_tui", is_flag=True, help="Open the terminal interface too; leaving it does not stop recording.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def command(
    upstream: str, listen: tuple[str, int], output: Path | None, contracts: tuple[str, ...],
    headers: tuple[tuple[str, str], ...], keep_host: bool | None, allow_origins: tuple[str, ...], insecure: bool,
    tls_cert: Path | None, tls_key: Path | None,
    redact: tuple[str, ...], users: tuple[UserSource, ...], max_payload: int, durability: str,
    faults: tuple[str, ...], seed: int, rotate: Limit | None, metrics: tuple[str, int] | None, otlp: str | None,
    with_tui: bool, quiet: bool,
) -> int:  # fmt: skip
    """Record WebSocket traffic through a proxy in front of UPSTREAM, such as ws://localhost:8000, 8000 or unix:/run/app.sock.

    Point the client at the proxy. Bytes pass unchanged; every frame is recorded before it is passed on. Ctrl-C
    stops; a line typed into the terminal, or read from a pipe, becomes a mark at that time.
    """
    path = output or new_recording_path()
    make_parent(path)
    contracts = tuple(name for name in contracts if name != NO_CONTRACT)
    named_by = (*users, *_users_of(contracts))
    raise_descriptor_limit()  # how many connections there may be follows from it
    console = RecordConsole(quiet)
    if not contracts and metrics is None and otlp is None and is_typed("users"):
        _check_handshakes_say(users)
    options = Options(
        host=listen[0], port=listen[1], keep_host=keep_host, allow_origins=allow_origins, insecure=insecure,
        set_headers=headers, tls_cert=tls_cert,
        tls_key=tls_key, redact=redact, users=[user_source_text(user) for user in named_by if user.kind != "message"],
        max_payload=max_payload, durability=durability,
        faults=[FaultSpec.parse(fault) for fault in faults], seed=seed, callbacks=print_callbacks(console),
    )  # fmt: skip
    proxy = RecordingProxy(upstream, path, options)
    viewer = Viewer(path, contracts, console) if with_tui else None
    followers = Followers(() if with_tui else contracts, users)
    telemetry = Telemetry(metrics, otlp, contracts, users, console.complain)
    followers.go_with(options.callbacks)
    telemetry.go_with(options.callbacks)
    return run_loop(_record(proxy, console, followers, telemetry, rotate, viewer, contracts))


def _check_handshakes_say(users: Sequence[UserSource]) -> None:
    """Whose a connection is must be in its handshake where nobody reads messages. Raises UsageError."""
    for user in users:
        if user.kind == "message":
            raise UsageError(
                f"--user {user.name}: recording alone reads no messages; give `validate` the option, or record with -c,"
                " --metrics or --otlp"
            )


def run_loop(main: Coroutine[None, None, int]) -> int:
    """Run on uvloop where there is one. Raises WsreplayError where no event loop can be started."""
    try:
        _check_for_descriptors()
    except OSError as error:
        main.close()
        advice = "; raise the limit with `ulimit -n`" if error.errno == errno.EMFILE else ""
        raise WsreplayError(f"cannot start an event loop: {str(error.strerror).lower()}{advice}") from error
    try:
        import uvloop
    except ImportError:
        return run_to_end(asyncio.run, main)
    return run_to_end(uvloop.run, main)


def _check_for_descriptors() -> None:
    """Open what an event loop does, and a little more: one that fails halfway leaves a traceback on stderr. Raises OSError."""
    with ExitStack() as stack:
        for _ in range(LOOP_SOCKET_PAIRS):
            for end in socket.socketpair():
                stack.enter_context(end)


def _users_of(contracts: tuple[str, ...]) -> list[UserSource]:
    """Where the contracts say that connections name their users. Raises ContractError."""
    if not contracts:
        return []
    from wsreplay.contract import load

    return [user for contract in contracts for user in load(contract).users]


def print_callbacks(console: RecordConsole) -> Callbacks:
    """What is told on the console of the recorder and the connections."""
    return Callbacks(
        stalled=lambda reason, keeps: console.complain(f"nothing can be recorded: {reason}. {_what_traffic_does(keeps)}"),
        waiting=lambda: console.complain("traffic is paused until recording continues"),
        left_out=console.complain,
        resumed=lambda: console.complain("recording continues"),
        restarted=console.complain,
        opened=console.opened,
        ended=console.ended,
        warn=console.complain,
        relocated=lambda relocated: console.complain(relocation_text(relocated)),
        mended=lambda path: console.complain(f"{path.name}-wal or {path.name}-shm was removed, and has been restored"),
        rotated=lambda path: console.complain(f"new connections are recorded in {path}"),
        stayed=lambda path, error: console.complain(f"recording continues in {path}: {error}"),
    )


def relocation_text(relocated: Relocated) -> str:
    """What has become of a recording that was moved, removed or damaged."""
    was, now = shown(relocated.was), shown(relocated.now)
    if not relocated.saved:
        return f"{was} was moved to {now}: open connections are recorded there"
    if relocated.damaged:
        return f"{was} was damaged by another program: what can still be read is in {now}, and recording continues there"
    what = "replaced" if relocated.replaced else "removed"
    return f"{was} was {what}: its contents are saved in {now}, and recording continues there"


def _what_traffic_does(keeps: int) -> str:
    if not keeps:
        return "Traffic waits until it can"
    return f"Traffic goes on, keeping up to {keeps // 2**20} MiB in memory, and then waits"


async def _record(
    proxy: RecordingProxy, console: RecordConsole, followers: Followers, telemetry: Telemetry, rotate: Limit | None,
    viewer: Viewer | None, contracts: Sequence[str],
) -> int:  # fmt: skip
    began = time.monotonic()
    await proxy.start()
    stop = stop_on_signals(proxy.abandon)
    console.say(f"recording {proxy.url} → {proxy.upstream.url}\n     into {proxy.path}   (Ctrl-C stops)")
    if nothing_listens(proxy.upstream):
        console.say(f"     nothing listens at {proxy.upstream.url} yet: clients get 502 until something does")
    faults = proxy.options.faults
    if faults:
        console.say(f"     ⚡ faults to inject: {'   '.join(fault.text for fault in faults)}   (seed {proxy.options.seed})")
    for line in telemetry.says():
        console.say(f"     {line}")

    def follow(path: Path) -> None:
        followers.start(path)
        telemetry.start(path)

    follow(proxy.path)
    rotation = Rotation(rotate, proxy, console, follow) if rotate else None
    typed = TypedLines(proxy, console)
    terminal = Terminal(viewer, typed, stop)
    while not stop.is_set():
        terminal.take_turns()
        console.status(proxy.totals, proxy.open_connections, time.monotonic() - began)
        telemetry.check(proxy)
        if rotation is not None:
            await rotation.check()
        try:
            await asyncio.wait_for(stop.wait(), STATUS_EVERY_S)
        except TimeoutError:
            continue
    await terminal.give_back()
    stopped = time.monotonic()
    report = await proxy.stop(STOP_WITHIN_S)
    telemetry.close()
    _say_summary(proxy, console, report, time.monotonic() - began, contracts)
    for leftover in proxy.leftovers:
        console.complain(_describe_leftover(leftover))
    if proxy.unused:
        followers.dismiss_last()
    code = await followers.wait(stopped + VERDICTS_WITHIN_S)
    if not telemetry.wait(stopped + VERDICTS_WITHIN_S):
        console.complain("the last spans are still being sent, in the background")
    for path in followers.late:
        again = shlex.join([program_name(), "validate", *followers.chosen, str(path)])
        console.complain(f"the verdict on {path} is not ready; run `{again}`")
    return EXIT_NOT_JUDGED if any(not leftover.goes_on for leftover in proxy.leftovers) else code


def _describe_leftover(leftover: Leftover) -> str:
    recording, size = leftover.recording, f"{count_text(leftover.records, 'record')} ({size_text(leftover.bytes)})"
    if leftover.goes_on and not leftover.records:
        return f"everything is in {recording}; the recorder is still closing it, in the background"
    if leftover.goes_on:
        return f"the recorder has the last {size} and is still writing them into {recording}, in the background"
    if leftover.saved is None:
        return f"{size} could not be written: {leftover.reason}. They are lost; the next run into {recording} marks the gap"
    text = f"{size} could not be written: {leftover.reason}. They are in {leftover.saved}"
    beside = unwritten.path_of(recording)
    if leftover.saved != beside:
        text += f": move it to {beside}"
    return f"{text}; {program_name()} record -o {recording} UPSTREAM recovers them"


def stop_on_signals(at_once: Callable[[], None] = lambda: None) -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM; the second calls `at_once` and ends the process: what is committed stays."""
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            at_once()
            os._exit(INTERRUPTED)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return stop


def _say_summary(
    proxy: RecordingProxy, console: RecordConsole, report: Report, seconds: float, contracts: Sequence[str]
) -> None:
    """What was recorded, and what to type next; `contracts` judged it. An event is a message with a
    type at its top: of another protocol, which has none, nothing is counted."""
    totals = proxy.totals
    if proxy.options.faults:
        console.say(f"⚡ {count_text(totals.faults, 'fault')} injected" if totals.faults else "⚡ no fault was injected")
    events = f"{count_text(report.events, 'event')}, " if report.events else ""
    options = "".join(f" -c {shlex.quote(contract)}" for contract in contracts)
    console.say(
        f"{count_text(totals.frames, 'frame')}, {events}{size_text(totals.bytes)} on the wire"
        f" in {duration_text(seconds * SECOND)} → {proxy.path}\n"
        f"  look: {program_name()} tui {proxy.path}{options}      validate: {program_name()} validate {proxy.path}{options}"
    )
