"""A session as a pytest file that plays its backend from a cassette and says what its client said."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from wsreplay.errors import UsageError, WsreplayError
from wsreplay.files import write_new_file
from wsreplay.formats.client_turns import ClientSide, backend_of, client_sides, title_of
from wsreplay.formats.cut import cut
from wsreplay.formats.waits import Wait, seconds_within, waits_of
from wsreplay.model import NO_CONTRACT, Session
from wsreplay.store.reader import Recording
from wsreplay.trace.identity import is_pseudonym
from wsreplay.trace.reading import MessageReading
from wsreplay.trace.run_types import NO_RUNS, RunTypes
from wsreplay.units import SECOND, duration_text

CASSETTES = "cassettes"  # beside the test's file: `wsreplay.testing` looks for them there
_LONGEST_NS = 60 * SECOND  # a session that takes longer is played as fast as the client follows
_PATIENCE_S = 10  # for the server, beyond the longest wait that was recorded
_INDENT = "        "
# what the test's docstring says of the verdict, with a contract and without one
_JUDGED = """What the contract finds
wrong in it fails the test, until `pytest --wsreplay-record=all` records the mended backend anew."""
_UNJUDGED = """No built-in contract
fits it, so only what the client does is checked; with `wsreplay export -c CONTRACT` the backend is, too."""
_MOST_NESTED = 90  # brackets: Python reads no more than two hundred in each other


def write(
    recording: Recording,
    session: Session,
    out: Path,
    contract: str | Path | None = None,
    *,
    reading: MessageReading | None = None,
    runs: RunTypes = NO_RUNS,
) -> list[Path]:
    """Write the test's file, and its cassette beside it; both are new. Returns their paths.

    `contract` is what the session is judged by: a built-in's name, or a file, which the test finds from where it stands; None
    for what fits; `none` if nothing does, so that the test checks only what the client does. `reading` reads the recording as
    that contract does; `runs` are those of
    the contract, for whose ends the client waits. Raises UsageError, and RecordingError where there is no room for the
    cassette.
    """
    name = identifier(out.stem.removeprefix("test_"))
    cassette = out.parent / CASSETTES / f"{name}.db"
    for path in (out, cassette):
        if path.exists():
            raise UsageError(f"{path} exists: choose another name")
    text = program(recording, session, name, contract, reading=reading, runs=runs, folder=out.parent)
    try:
        cassette.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{cassette.parent} cannot be created: {error.strerror}") from error
    try:
        cut(recording, [connection.id for connection in session.connections], cassette)
        write_new_file(out, text.encode())
    except WsreplayError:
        cassette.unlink(missing_ok=True)
        with suppress(OSError):  # there are others in it
            cassette.parent.rmdir()
        raise
    return [out, cassette]


def identifier(text: str) -> str:
    """A text as part of a Python name."""
    return re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_").lower() or "session"


def program(
    recording: Recording,
    session: Session,
    name: str,
    contract: str | Path | None = None,
    *,
    reading: MessageReading | None = None,
    runs: RunTypes = NO_RUNS,
    folder: Path = Path(),
) -> str:
    """The test's text; `name` is the cassette's, `folder` that of the test, the rest as for `write`."""
    sides = list(client_sides(recording, session, reading))
    if not sides:
        raise UsageError(f"session {session.id} was refused: there is nothing to replay")
    lasted_ns = sides[-1].ended_ns - session.opened_ns
    speed = 1 if lasted_ns <= _LONGEST_NS else math.inf
    backend = backend_of(recording, session)
    is_judged = contract != NO_CONTRACT
    is_named = contract is not None and is_judged
    of_contract = ", contract=CONTRACT" if is_named else ""
    place = _contract_place(contract, folder) if contract is not None and is_named else ""
    user = session.user if session.user and not is_pseudonym(session.user) else None
    talk = [line for side in sides for line in _side(side, user, runs, of_contract)]
    lines = [
        f'"""A test of {_prose(title_of(recording, session))}.',
        "",
        f"Its backend is played from {CASSETTES}/{name}.db, {_pace(speed, lasted_ns)}. {_JUDGED if is_judged else _UNJUDGED}",
        '"""',
        "",
        "import asyncio",
        *(["from pathlib import Path"] if place.startswith("Path") else []),
        "",
        "from wsreplay.testing import ChatClient",
        "",
        f"BACKEND = {backend!r}",
        *([f"CONTRACT = {place}"] if is_named else []),
        *([f"RUN_ENDS = {runs.end_types!r}"] if any("RUN_ENDS" in line for line in talk) else []),
        "",
        "",
        f"def test_{name}(wsreplay):",
        f"    with wsreplay.proxy(BACKEND, cassette={name!r}, speed={_speed(speed)}{of_contract}) as tap:",
        "        asyncio.run(talk(tap))",
        "    tap.assert_valid()" if is_judged else "    assert not tap.complaints()",
        "",
        "",
        "async def talk(tap):",
        *talk,
    ]
    return "\n".join(lines) + "\n"


def _contract_place(contract: str | Path, folder: Path) -> str:
    """A contract as the test names it: a file from where the test stands, so that both can be committed and run anywhere."""
    if isinstance(contract, str):
        return repr(contract)
    path = Path(os.path.relpath(contract.resolve(), folder.resolve()))
    return f"Path(__file__).parent / {path.as_posix()!r}"


def _speed(speed: float) -> str:
    return "1" if speed == 1 else 'float("inf")'


def _pace(speed: float, lasted_ns: int) -> str:
    lasted = duration_text(max(0, lasted_ns))
    return f"at recorded speed ({lasted})" if speed == 1 else f"as fast as the client follows (it took {lasted})"


def _prose(text: str) -> str:
    """Harmless text for a docstring, which it may not end."""
    return text.replace("\\", "\\\\").replace('"', "'")


def _side(side: ClientSide, user: str | None, runs: RunTypes, of_contract: str) -> Iterator[str]:
    """One connection; `user` is said in a header, since a token that said it is not recorded."""
    connection = side.connection
    options = [f"tap=tap, timeout={_patience(side)}{of_contract}"]
    if user is not None:
        options.append(f"headers={ {'X-User-Id': user}!r}")
    if connection.subprotocol:
        options.append(f"subprotocols=[{connection.subprotocol!r}]")
    if side.decoder is not None:
        options.append(f"decoder={side.decoder!r}")
    yield f"    async with ChatClient(tap.url, {', '.join(options)}) as client:"
    *before, at_last = waits_of(side, runs)
    lines: list[str] = []
    for turn, waits in zip(side.turns, before, strict=True):
        lines += [*_waiting(waits), f"await client.send({literal(turn.payload)})"]
    lines += _waiting(at_last)
    if side.server_failed:
        lines.append(f"await client.wait_closed({_until_close(side)}, default=None)  # a backend that is well stays")
    elif side.server_ended:
        lines.append("await client.wait_closed()")
    elif side.client_dropped:
        lines.append("await client.drop()")
    yield from (_INDENT + line for line in lines or ["pass  # no messages"])


def _patience(side: ClientSide) -> int:
    moments = [side.connection.opened_ns, *(turn.t_ns for turn in side.turns), side.ended_ns]
    longest_ns = max(later - earlier for earlier, later in pairwise(moments))
    return _PATIENCE_S + max(0, longest_ns) // SECOND


def _until_close(side: ClientSide) -> int:
    """How long to wait for the server's close after the last message, in seconds."""
    moments = [side.connection.opened_ns, *(turn.t_ns for turn in side.turns), *(event.t_ns for event in side.heard)]
    return seconds_within([max(moments), side.ended_ns])


def _waiting(waits: Iterable[Wait]) -> Iterator[str]:
    """None raises: what never comes is the contract's business, not the client's."""
    for wait in waits:
        seconds = "" if wait.seconds is None else f"{wait.seconds}, "
        if wait.run_end:
            call = f"await client.wait_for(RUN_ENDS, {seconds}default=None)"
        elif wait.type is not None:
            call = f"await client.wait_for({wait.type!r}, {seconds}default=None)"
        else:
            call = f"await client.receive({seconds}default=None)"
        if wait.times == 1:
            yield call
        else:
            yield from (f"for _ in range({wait.times}):", f"    {call}")


def literal(payload: str | bytes) -> str:
    """A message as Python writes it: a JSON object as a dict, where that says the same, else the text or bytes as they are."""
    is_plain = isinstance(payload, str) and payload.startswith("{") and payload.count("{") + payload.count("[") < _MOST_NESTED
    if is_plain:
        with suppress(ValueError):
            return repr(json.loads(payload, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite))
    return repr(payload)


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    listed = list(pairs)
    document = dict(listed)
    if len(document) != len(listed):
        raise ValueError("a name stands twice")
    return document


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is beyond a float")
    return value


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
