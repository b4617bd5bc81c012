"""`wsreplay replay server` and `wsreplay replay client`."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wsreplay.cli.address import Address
from wsreplay.cli.colour import wants_colour
from wsreplay.cli.completion import ContractName, RecordingName, SessionNumber
from wsreplay.cli.options import (
    FITTING_DEFAULT,
    USER_PLACES,
    Duration,
    Header,
    allow_origin_option,
    contract_for_file,
    decoder_option,
    ignore_type_option,
    make_parent,
    new_recording_path,
    split_session,
    user_option,
)  # fmt: skip
from wsreplay.cli.record import run_loop, stop_on_signals
from wsreplay.cli.replay_console import ReplayConsole
from wsreplay.errors import EXIT_CLEAN, EXIT_VIOLATIONS, UpstreamError, UsageError
from wsreplay.model import Ending
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.units import SECOND, count_text, duration_text

if TYPE_CHECKING:
    from wsreplay.contract import Contract
    from wsreplay.replay.client import ReplayClient, Result
    from wsreplay.replay.limits import LatencyLimit
    from wsreplay.trace.identity import UserSource

PROGRESS_EVERY_S = 0.5
_SHOWN = 20  # mismatches told of on the console, of a load


class Speed(click.ParamType[float]):
    """A factor, or `max`."""

    name = "speed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if value == "max":
            return inf
        try:
            speed = float(value)
        except ValueError:
            speed = 0.0
        if not speed > 0:
            self.fail(f"{value!r} is not a speed; write 1, 0.5, 20 or max", param, ctx)
        return speed


class Setting(click.ParamType[tuple[str, str]]):
    """PATH=VALUE."""

    name = "path=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, equals, content = str(value).partition("=")
        if not equals or not name:
            self.fail(f"{name!r} has no value; write it like {param.metavar if param else 'NAME=VALUE'}", param, ctx)
        return name, content


class LimitText(click.ParamType["LatencyLimit"]):
    """NAME p50|p95|p99|max < DURATION."""

    name = "limit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> LatencyLimit:
        from wsreplay.replay.limits import parse_limit

        try:
            return parse_limit(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _shared(command: Callable[..., Any]) -> Callable[..., Any]:
    """What both directions can be told."""
    options = (
        click.argument("file", metavar="FILE", type=RecordingName()),
        click.argument("session", type=SessionNumber(), required=False),
        click.option("-c", "--contract", type=ContractName(),
                     help=f"Contract whose keys say which ids belong together; 'none' for no contract. {FITTING_DEFAULT}"),
        decoder_option,
        user_option(USER_PLACES),
        click.option("--speed", type=Speed(), default="1", show_default=True, metavar="N|max", help="Speed factor."),
        click.option("--idle-limit", type=Duration(), metavar="DURATION", help="Shorten longer pauses to this."),
        click.option("--map", "map_", multiple=True, metavar="PATH",
                     help="Another place of ids, such as '$.payload.order'; may repeat."),
        click.option("--coalesce", multiple=True, metavar="TYPE", help="Treat consecutive messages of this type as one."),
        click.option("-q", "--quiet", is_flag=True, help="Print errors only."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(name="replay")
def command() -> None:
    """Replay a recording: play its backend to a real client, or its clients to a real backend."""


@command.command(name="server")
@_shared
@click.option("-l", "--listen", type=Address(), default="127.0.0.1:8765", show_default=True, help="Where clients connect.")
@click.option("--on-mismatch", type=click.Choice(["wait", "skip", "close"]), default="wait", show_default=True,
              help="When a client sends something unexpected: keep waiting, accept it instead, or close the connection.")
@allow_origin_option
@click.option("--once", is_flag=True, help="Exit when every connection has been played; code 1 if one differed or never came.")
def server(
    file: str, session: int | None, contract: str | None, decoder: str | None, users: tuple[UserSource, ...], speed: float,
    idle_limit: int | None, map_: tuple[str, ...], coalesce: tuple[str, ...], quiet: bool, listen: tuple[str, int],
    on_mismatch: str, allow_origins: tuple[str, ...], once: bool,
) -> int:  # fmt: skip
    """Play the backend of a recording to real clients: point yours at the address it listens on.

    The recorded answer to a message is sent once your client has sent a message of the same type, with the recorded ids or
    new ones in their place. Each client gets its own session.
    """
    from wsreplay.replay.player import OnMismatch, Pace
    from wsreplay.replay.server import ReplayServer, ServerOptions, ServerWatch

    path, marked = split_session(file)
    options = ServerOptions(
        listen[0], listen[1], session or marked, Pace(speed, inf if idle_limit is None else idle_limit / 1e9),
        OnMismatch(on_mismatch), map_, coalesce, allow_origins=allow_origins,
    )  # fmt: skip
    console = ReplayConsole(quiet)
    watch = ServerWatch(console.opened, console.mismatched, console.ended, console.complain)
    replay = ReplayServer(path, contract_for_file(contract, path, ReadAs(decoder, users)), options, watch)

    async def serve() -> int:
        async with replay:
            stopped = asyncio.create_task(stop_on_signals().wait())
            console.say(f"playing {path} at {replay.url}   (Ctrl-C stops)")
            played = asyncio.create_task(replay.wait_played())
            await asyncio.wait({stopped, played} if once else {stopped}, return_when=asyncio.FIRST_COMPLETED)
            over = sum(client.complete for client in replay.played)
            unplayed = once and not played.done()
            stopped.cancel()
            played.cancel()
        if unplayed:
            console.say(f"stopped before every connection was played: {over} of {replay.connections} done")
        return EXIT_VIOLATIONS if replay.mismatches or unplayed else EXIT_CLEAN

    return run_loop(serve())


@command.command(name="client")
@_shared
@click.option("--to", required=True, metavar="URL",
              help="The backend, such as ws://localhost:8000; a path that contains {user} replaces the recorded path.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False),
              help="The new recording. [default: recordings/<UTC time>.db]")
@click.option("--timeout", type=Duration(), default="10s", show_default=True,
              help="How long to wait for an event before going on without it.")
@click.option("-H", "--header", "headers", type=Header(), multiple=True, help="Add or replace a header of the upgrade request.")
@click.option("--query", type=Setting(), multiple=True, metavar="NAME=VALUE", help="Add or replace a query parameter.")
@click.option("--set", "settings", type=Setting(), multiple=True, metavar="PATH=VALUE",
              help="Replace a value in every message that has one at this path, such as '$.token=…'.")
@click.option("--keep-ids", is_flag=True, help="Send the recorded ids instead of new ones.")
@click.option("-k", "--insecure", is_flag=True, help="Accept any certificate of a wss:// backend.")
@click.option("--ignore", multiple=True, metavar="PATH", help="Do not compare: a JSON path, or a field's name anywhere.")
@ignore_type_option
@click.option("--shape", is_flag=True, help="Compare only types, order and ids, not contents.")
@click.option("--users", "load_users", type=click.IntRange(min=1), help="Load: number of users at once.")
@click.option("--ramp", type=Duration(), default="0s", metavar="DURATION", help="Load: start the users spread over this time.")
@click.option("--repeat", type=click.IntRange(min=1), default=1, help="Load: how often each user plays its session.")
@click.option("--duration", type=Duration(), metavar="DURATION",
              help="Load: instead of --repeat, play sessions again and again for this long.")
@click.option("--limit", "limits", type=LimitText(), multiple=True, metavar="LIMIT",
              help="Load: fail if exceeded, such as 'tool p95<2s', 'run max<30s', 'connect p99<100ms'; may repeat.")
@click.option("--data", type=click.Path(path_type=Path, dir_okay=False),
              help="Load: one user per row (CSV with a header, or JSON lines); use {column} in -H, --query and --set.")
def client(
    file: str, session: int | None, contract: str | None, decoder: str | None, users: tuple[UserSource, ...], speed: float,
    idle_limit: int | None, map_: tuple[str, ...], coalesce: tuple[str, ...], quiet: bool, to: str, output: Path | None,
    timeout: int, headers: tuple[tuple[str, str], ...], query: tuple[tuple[str, str], ...],
    settings: tuple[tuple[str, str], ...], keep_ids: bool, insecure: bool, ignore: tuple[str, ...],
    ignore_types: tuple[str, ...], shape: bool, load_users: int | None, ramp: int, repeat: int, duration: int | None,
    limits: tuple[LatencyLimit, ...], data: Path | None,
) -> int:  # fmt: skip
    """Play the clients of a recording to a real backend, record the result, and compare.

    Each message is sent once the events recorded before it have come again. Ids chosen by the client are replaced by new
    ones. In --to, -H, --query and --set, {n}, {user} and {id} stand for the user's number, its name, and an id of its own.
    Exit code 0: nothing differs, and there is no new finding; 1: otherwise.
    """
    from wsreplay.cli.load_report import judge_load
    from wsreplay.diff.diff import DiffOptions
    from wsreplay.proxy.proxy import Options
    from wsreplay.replay.client import ClientOptions, ClientWatch, Load, ReplayClient
    from wsreplay.replay.credentials import HandshakeOverrides, read_users
    from wsreplay.replay.player import Pace

    if load_users is None and (repeat > 1 or ramp or data is not None or duration is not None or limits):
        raise UsageError("--ramp, --repeat, --duration, --limit and --data need --users N")
    if duration is not None and repeat > 1:
        raise UsageError("--duration and --repeat cannot be combined")
    path, marked = split_session(file)
    loaded = contract_for_file(contract, path, ReadAs(decoder, users))
    out = output or new_recording_path()
    make_parent(out)
    load = None if load_users is None else Load(
        load_users, ramp / 1e9, repeat, read_users(data) if data else (), None if duration is None else duration / 1e9
    )
    options = ClientOptions(
        session or marked, Pace(speed, inf if idle_limit is None else idle_limit / 1e9, timeout / 1e9),
        HandshakeOverrides(headers, query, settings), map_, coalesce, not keep_ids, load, Options(insecure=insecure),
    )  # fmt: skip
    console = ReplayConsole(quiet, most=_SHOWN if load else None)
    replay = ReplayClient(path, to, out, loaded, options, ClientWatch(console.mismatched))
    if load is not None:
        _allow_many_files()
    run_loop(_play(replay, console))
    result = replay.result
    _check_reached(out)
    console.say(f"{count_text(len(result.played), 'connection')} in {duration_text(result.seconds * SECOND)} → {out}")
    if load is not None:
        return judge_load(result, path, out, loaded, limits)
    wanted = DiffOptions(ignore, map_, coalesce, shape=shape, timeless=speed != 1.0, ignore_types=ignore_types)
    return _judge_once(result, path, out, loaded, wanted, session or marked)


async def _play(replay: ReplayClient, console: ReplayConsole) -> int:
    async with replay:
        running = asyncio.create_task(replay.run())
        while not running.done():
            await asyncio.wait({running}, timeout=PROGRESS_EVERY_S)
            console.progress(replay.result, replay.sessions)
        console.clear_status()
        await running
    return EXIT_CLEAN


def _check_reached(path: Path) -> None:
    """Raises UpstreamError where the new recording shows that no backend was there: that says nothing of how it behaves."""
    from wsreplay.store.reader import Recording

    with Recording.open(path) as recording:
        connections = recording.connections()
    if {(connection.closed_by, connection.ending) for connection in connections} == {("proxy", Ending.REFUSED)}:
        raise UpstreamError(f"{connections[0].error}; nothing was played")


def _judge_once(result: Result, path: Path, out: Path, contract: Contract | None, wanted: Any, session: int | None) -> int:
    """The diff on stdout; 1 where anything differs, or the backend departed while we played."""
    from wsreplay.cli.diff import print_diff
    from wsreplay.diff.diff import diff
    from wsreplay.store.reader import Recording

    with Recording.open(path) as before, Recording.open(out) as after:
        differences = diff(before, after, contract, wanted, session_a=session)
    print_diff(differences, str(path), str(out), "text", wants_colour())
    return EXIT_CLEAN if differences.same and not result.mismatches else EXIT_VIOLATIONS


def _allow_many_files() -> None:
    """As many open files as the system lets us have: a user takes three."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
