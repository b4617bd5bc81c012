"""`wsreplay ls`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import orjson

from wsreplay.cli.colour import VERDICT_COLOURS, colour_option, print_signed, wants_colour
from wsreplay.cli.completion import ContractName, RecordingPath
from wsreplay.cli.options import FITTING_DEFAULT, USER_PLACES, decoder_option, open_recording, recordings_folder, user_option
from wsreplay.cli.streams import harmless
from wsreplay.decode import Choice
from wsreplay.display import local_time, pad, user_text, visible
from wsreplay.errors import EXIT_CLEAN, EXIT_NOT_JUDGED, RecordingError, UsageError
from wsreplay.model import NO_CONTRACT, NO_FIT, NO_RULES, Connection, Ending, Session
from wsreplay.standing import ERRORS, SIGNS, WARNINGS, standing_of
from wsreplay.store.paths import reachable
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.trace.endings import ending_word
from wsreplay.trace.identity import UserSource
from wsreplay.units import SECOND, count_text, duration_text, size_text
from wsreplay.validator.findings import Judgement


@dataclass
class Listed:
    """One recording in the list."""

    path: Path
    started: str  # when its first run began, in UTC; "": it has none
    size: int  # bytes
    frames: int
    live: bool  # it is being written
    sessions: list[Session]
    tallies: dict[int, tuple[int, int]]  # by connection: frames, and bytes on the wire
    reached_ns: int
    faults: int  # injected on purpose
    # When each session ended, ns.
    ends: dict[int, int] = field(default_factory=dict)
    # None where no verdict was asked for; and the words for how each session, and under None the recording, stands.
    judgement: Judgement | None = None
    standings: Mapping[int | None, str] = field(default_factory=dict)
    # By connection, where they were asked for.
    decoders: dict[int, Choice] = field(default_factory=dict)


_SORTS: dict[str, Callable[[Listed], Any]] = {
    "time": lambda recording: (recording.started, recording.path),
    "size": lambda recording: (-recording.size, recording.path),
    "name": lambda recording: recording.path,
}


@click.command(name="ls")
@click.argument("paths", metavar="[FILE|DIR]...", nargs=-1, type=RecordingPath(path_type=Path))
@click.option("-c", "--contract", type=ContractName(), help=f"Contract that decides the verdicts. {FITTING_DEFAULT}")
@decoder_option
@user_option(USER_PLACES)
@click.option("--no-verdict", is_flag=True, help="Leave out the verdicts: faster.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per recording, with its sessions and connections.")
@click.option("--sort", type=click.Choice(["time", "size", "name"]), default="time", show_default=True, help="Sort order.")
@colour_option
def command(
    paths: tuple[Path, ...], contract: str | None, decoder: str | None, users: tuple[UserSource, ...], no_verdict: bool,
    as_json: bool, sort: str, color: bool | None,
) -> int:  # fmt: skip
    """List recordings and their sessions, with verdicts.

    Without arguments: those in recordings/, or if there are none, those in this folder.
    """
    code = EXIT_CLEAN
    listed: list[Listed] = []
    for path in _recordings(paths):
        try:
            listed.append(_read(path, contract, ReadAs(decoder, users), judged=not no_verdict, decoded=as_json))
        except RecordingError as error:
            click.echo(harmless(f"wsreplay: {error}"), err=True)
            code = EXIT_NOT_JUDGED
    if not listed and code == EXIT_CLEAN and not as_json:
        places = " or ".join(dict.fromkeys(visible(str(path)) for path in paths or (recordings_folder(), "this folder")))
        hint = "Record one:  wsreplay record ws://localhost:8000   (or: wsreplay demo)"
        click.echo(f"no recordings in {places}. {hint}", err=True)
    for recording in sorted(listed, key=_SORTS[sort]):
        if as_json:
            click.echo(_as_json(recording))
        else:
            for line in _lines(recording):
                print_signed(line, VERDICT_COLOURS, wants_colour(color))
    return code


def _recordings(paths: Iterable[Path]) -> Iterator[Path]:
    for path in map(reachable, paths or _default_places()):
        if path.is_dir():
            yield from sorted(path.rglob("*.db"))
        elif path.exists():
            yield path
        elif paths:
            raise UsageError(f"{path}: no such file or folder")


def _default_places() -> Iterator[Path]:
    """The folder of recordings where it holds any, else the recordings that lie in this folder."""
    folder = recordings_folder()
    if any(reachable(folder).rglob("*.db")):
        yield folder
        return
    for path in sorted(Path().glob("*.db")):
        with suppress(RecordingError), Recording.open(path):
            yield path


def _read(path: Path, contract: str | None, read_as: ReadAs, *, judged: bool, decoded: bool) -> Listed:
    from wsreplay.contract import load
    from wsreplay.contract.users import sessions_of

    with open_recording(path) as recording:
        runs = recording.runs()
        frames = recording.last_id()
        listed = Listed(
            path,
            started=runs[0].started_at if runs else "",
            size=path.stat().st_size,
            frames=frames,
            live=recording.live,
            sessions=sessions_of(recording, load(contract) if contract else None, read_as.users, read_as.decoder),
            tallies=recording.tallies(),
            reached_ns=recording.reached_ns(),
            faults=sum(count for _, count, _ in recording.counted_faults()),
        )
        listed.ends = {session.id: recording.end_ns(session) for session in listed.sessions}
        if judged:
            from wsreplay.validator.preview import preview_by, standings
            from wsreplay.validator.select import select_contracts
            from wsreplay.validator.verdict_cache import SavedVerdicts

            judged_by = select_contracts(recording, [contract] if contract else [], read_as.decoder)[0].read_as(read_as)
            listed.judgement = preview_by(recording, judged_by, SavedVerdicts.open())
            listed.standings = standings(listed.judgement) if listed.judgement else {}
        if decoded:
            listed.decoders = _decoders(recording, contract, read_as.decoder)
        return listed


def _decoders(recording: Recording, contract: str | None, decoder: str | None) -> dict[int, Choice]:
    from wsreplay.contract import load
    from wsreplay.contract.decoding import choices_of

    choices = choices_of(load(contract) if contract else None, decoder)
    connections = recording.connections()
    choices.refresh(recording, connections)
    return {connection.id: choices[connection.id] for connection in connections}


def _as_json(recording: Listed) -> str:
    """A recording for programs: times in seconds, sizes in bytes."""
    judgement, broken = recording.judgement, _broken_rules(recording)
    return orjson.dumps({
        "file": str(recording.path).encode("utf-8", "replace").decode(),
        "started": recording.started or None,
        "duration": recording.reached_ns / SECOND,
        "frames": recording.frames,
        "size": recording.size,
        "recording": recording.live,
        "injected": recording.faults,
        "contract": judgement.contract if judgement else None,
        "verdict": str(judgement.verdict) if judgement and judgement.contract != NO_CONTRACT else None,
        "standing": recording.standings.get(None),
        "sessions": [_session_object(recording, session, broken.get(session.id, ())) for session in recording.sessions],
    }).decode()  # fmt: skip


def _session_object(recording: Listed, session: Session, rules: Sequence[str]) -> dict[str, Any]:
    judgement = recording.judgement
    verdict = judgement.session_verdicts.get(session.id) if judgement and judgement.contract != NO_CONTRACT else None
    return {
        "session": session.id,
        "user": _user(recording, session),
        "ending": str(session.ending),
        "duration": (recording.ends[session.id] - session.opened_ns) / SECOND,
        "verdict": str(verdict) if verdict is not None else None,
        "standing": _standing(recording, session),
        "broken": list(rules),
        "connections": [_connection_object(recording, connection) for connection in session.connections],
    }


def _connection_object(recording: Listed, connection: Connection) -> dict[str, Any]:
    choice = recording.decoders[connection.id]
    return {
        "connection": connection.id,
        "path": connection.path,
        "subprotocol": connection.subprotocol,
        "opened": connection.opened_ns / SECOND,
        "closed": None if connection.closed_ns is None else connection.closed_ns / SECOND,
        "frames": recording.tallies.get(connection.id, (0, 0))[0],
        "decoder": {"name": choice.name, "guessed": choice.guessed, "why": choice.reason},
    }


def _lines(recording: Listed) -> Iterator[str]:
    sign = SIGNS[recording.standings[None]] if recording.judgement else ""
    verdict = f"{sign} {_verdict(recording.judgement)}" if recording.judgement else "not validated"
    state = "● REC" if recording.live else verdict
    injected = f"   ⚡ {recording.faults:,} injected" if recording.faults else ""
    started = local_time(recording.started) if recording.started else ""
    yield (
        f"{visible(str(recording.path))}   {started}   {duration_text(recording.reached_ns)}"
        f"   {count_text(recording.frames, 'frame')}"
        f"   file {size_text(recording.size)}   {state}{injected}"
    )
    broken = _broken_rules(recording)
    for session in recording.sessions:
        yield _session_line(recording, session, broken.get(session.id, ()))


def _verdict(judgement: Judgement) -> str:
    if judgement.contract == NO_CONTRACT:
        return NO_FIT
    return f"{NO_RULES if judgement.demands_nothing else judgement.verdict} ({visible(judgement.contract)})"


def _session_line(recording: Listed, session: Session, rules: Sequence[str]) -> str:
    ids = [connection.id for connection in session.connections]
    frames = sum(recording.tallies.get(id, (0, 0))[0] for id in ids)
    lasted_ns = recording.ends[session.id] - session.opened_ns
    reconnects = f", {len(ids) - 1} reconnect{'s' * (len(ids) > 2)}" if len(ids) > 1 else ""
    ending = ending_word(session.connections[-1])
    text = (
        f"  {_sign(recording, session)} {session.id:>4}  {pad(visible(user_text(_user(recording, session))), 16)}"
        f" {pad(visible(session.path), 16)}"
        f" {duration_text(lasted_ns):>12}  {frames:>7,} frames  {ending}{reconnects}"
    )
    return text + (f"   {', '.join(rules)}" if rules else "")


def _user(recording: Listed, session: Session) -> str | None:
    """Whose it is: as its handshake says, else as a message does."""
    if session.user is not None or recording.judgement is None:
        return session.user
    return recording.judgement.users.get(session.id)


def _standing(recording: Listed, session: Session) -> str | None:
    """How a session stands; one that no rule was about is nothing to check."""
    if recording.judgement is None:
        return None
    return recording.standings.get(session.id) or standing_of(0, 0, "", recording.judgement.contract)


def _sign(recording: Listed, session: Session) -> str:
    standing = _standing(recording, session)
    if session.ending is Ending.OPEN and standing not in (ERRORS, WARNINGS):
        return "●"
    return " " if standing is None else SIGNS[standing]


def _broken_rules(recording: Listed) -> Mapping[int, Sequence[str]]:
    if recording.judgement is None:
        return {}
    from wsreplay.validator.preview import broken_rules

    return broken_rules(recording.judgement.findings)
