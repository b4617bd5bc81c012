"""`wsreplay demo`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from secrets import token_hex

import click

from wsreplay.cli.address import Address
from wsreplay.cli.colour import VERDICT_COLOURS, print_signed, wants_colour
from wsreplay.cli.options import allow_origin_option, make_parent, new_recording_path
from wsreplay.cli.program_name import program_name
from wsreplay.cli.record import print_callbacks, run_loop, stop_on_signals
from wsreplay.cli.record_console import RecordConsole
from wsreplay.contract import load
from wsreplay.demo.backend import TICKET_HEADER, Backend
from wsreplay.demo.run import Seen, chat_all
from wsreplay.demo.scenarios import DEMO_SCENARIOS
from wsreplay.display import fit
from wsreplay.proxy.proxy import Options, RecordingProxy
from wsreplay.report.paint import ERROR, PASSED, WARNING, severity_sign
from wsreplay.report.result import SEVERITY_RANK
from wsreplay.store.reader import Recording
from wsreplay.trace.sessions import stitch
from wsreplay.units import SECOND, duration_text
from wsreplay.validator import judge
from wsreplay.validator.findings import Finding, Judgement
from wsreplay.wire.origins import ANY

CONTRACT = "agent-chat"


@click.command(name="demo")
@click.option("--serve", is_flag=True, help="Keep the backend and the proxy running, and serve a web page to chat by hand.")
@click.option("-l", "--listen", type=Address(), default="127.0.0.1:8765", show_default=True,
              help="With --serve: the proxy's address.")
@allow_origin_option
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False),
              help="The recording. [default: recordings/demo-….db]")
def command(serve: bool, listen: tuple[str, int], allow_origins: tuple[str, ...], output: Path | None) -> int:
    """See wsreplay work: a real backend, the proxy in front of it, several users chatting at once, and the verdict."""
    new = new_recording_path()
    path = output or new.with_name(f"demo-{new.name}")
    make_parent(path)
    return run_loop(_serve(path, listen, allow_origins) if serve else _demo(path))


async def _demo(path: Path) -> int:
    say = click.echo
    async with Backend() as backend:
        say(f"1 · a backend        {backend.url}   real WebSockets, real tokens, agents that misbehave on purpose")
        async with RecordingProxy(backend.url, path, Options()) as proxy:
            say(f"2 · the proxy        {proxy.url} → {backend.url}   every frame into {path}")
            say("3 · people chat      each plays one scenario, all at once …")
            seen = await chat_all(f"{proxy.url}/ws", DEMO_SCENARIOS)
    with Recording.open(path) as recording:
        judgement = judge(recording, load(CONTRACT))
        sessions = {session.user: session.id for session in stitch(recording.connections())}
    _print_table(seen, judgement, sessions)
    _print_next(path, seen, judgement, sessions)
    return 0 if all(_as_expected(chat, judgement, sessions) for chat in seen) else 1


def _broken(chat: Seen, judgement: Judgement, sessions: dict[str | None, int]) -> dict[str, Finding]:
    """The rules that a user's session broke, with the first finding of each."""
    mine = [finding for finding in judgement.findings if finding.session == sessions.get(chat.user)]
    broken: dict[str, Finding] = {}
    for finding in mine:
        if finding.verdict == "violated":
            broken.setdefault(finding.rule, finding)
    return broken


def _as_expected(chat: Seen, judgement: Judgement, sessions: dict[str | None, int]) -> bool:
    return set(chat.scenario.violates) <= set(_broken(chat, judgement, sessions))


def _print_table(seen: Sequence[Seen], judgement: Judgement, sessions: dict[str | None, int]) -> None:
    counted = f"{judgement.events} events in {judgement.sessions} sessions"
    click.echo(f"4 · the verdict      contract {judgement.contract}, {counted}\n")
    click.echo(f"      {'session':>7}  {'user':<10} {'scenario':<20} what wsreplay found")
    signs: Counter[str] = Counter()
    for chat in seen:
        broken = _broken(chat, judgement, sessions)
        causes = [finding for rule, finding in broken.items() if rule in chat.scenario.violates] or [*broken.values()]
        text = causes[0].message if causes else "OK"
        sign, number = _sign(broken.values()), sessions.get(chat.user, 0)
        signs[sign] += 1
        line = f"    {sign} {number:>7}  {chat.user:<10} {chat.scenario.name:<20} {fit(text, 80)}"
        print_signed(line, VERDICT_COLOURS, wants_colour())
    meanings = {ERROR: "with errors", WARNING: "with warnings only", PASSED: "OK"}
    click.echo("\n    " + "   ".join(f"{sign} {signs[sign]} {meaning}" for sign, meaning in meanings.items()))


def _sign(findings: Iterable[Finding]) -> str:
    """That of the gravest, as in reports."""
    worst = max((finding.severity for finding in findings), key=SEVERITY_RANK.__getitem__, default=None)
    return PASSED if worst is None else severity_sign(worst)[0]


def _print_next(path: Path, seen: Sequence[Seen], judgement: Judgement, sessions: dict[str | None, int]) -> None:
    wrong = [chat for chat in seen if not _as_expected(chat, judgement, sessions)]
    for chat in wrong:
        click.echo(f"wsreplay: {chat.scenario.name} should have broken {', '.join(sorted(chat.scenario.violates))}", err=True)
    longest = max((chat.seconds for chat in seen), default=0.0)
    missing = next((sessions.get(chat.user) for chat in seen if chat.scenario.name == "missing-event"), 1)
    hints = {
        f"tui {path}": "step through them",
        f"validate {path}": "the whole report",
        f"show {path} {missing}": f"what session {missing} said, frame by frame",
        "demo --serve": "chat by hand, in your browser",
    }
    width = max(map(len, hints))
    lines = [f"  {program_name()} {command:<{width}}   {purpose}" for command, purpose in hints.items()]
    click.echo("\n".join([f"\n{len(seen)} chats in {duration_text(longest * SECOND)}. What to type next:", *lines]))


async def _serve(path: Path, listen: tuple[str, int], allow_origins: tuple[str, ...]) -> int:
    console = RecordConsole(quiet=False)
    stop = stop_on_signals()
    # Whoever comes through the proxy was asked for an origin there; who goes past it to the backend is asked by that.
    ticket = None if ANY in allow_origins else token_hex(8)
    async with Backend(require_auth=False, ticket=ticket, allow_origins=allow_origins) as backend:
        options = Options(
            host=listen[0], port=listen[1], callbacks=print_callbacks(console), allow_origins=allow_origins,
            set_headers=() if ticket is None else ((TICKET_HEADER, ticket),),
        )  # fmt: skip
        async with RecordingProxy(backend.url, path, options) as proxy:
            page = proxy.url.replace("ws", "http", 1)
            console.say(f"chat at   {page}/\nrecording {proxy.url} → {backend.url} into {path}   (Ctrl-C stops)")
            await stop.wait()
    console.say(f"  look: {program_name()} tui {path}      validate: {program_name()} validate {path}")
    return 0
