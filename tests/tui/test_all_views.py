"""Every view reads a protocol by its decoder: one story of each goes through all of them."""

from __future__ import annotations

import base64
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from commandline import run

from tests.decode.conftest import EXAMPLES
from wsreplay.contract import load
from wsreplay.decode import TEXT, Linker, get_decoder
from wsreplay.diff.diff import diff
from wsreplay.formats.import_file import import_file
from wsreplay.formats.jsonl_export import export
from wsreplay.replay.client import ClientOptions, ReplayClient
from wsreplay.replay.mutate import EventFault, mutate
from wsreplay.replay.player import Pace
from wsreplay.replay.server import ReplayServer, ServerOptions
from wsreplay.store.reader import Recording
from wsreplay.trace.redaction import Redactor
from wsreplay.tui.recording.evidence import NO_EVIDENCE

FAST = Pace(float("inf"), timeout_s=5)


def exchange(name: str) -> str:
    """A decoder's examples in the exchange format."""
    lines: list[dict[str, object]] = [
        {"wsreplay": 1}, {"connection": 1, "t": 0, "open": {"path": "/ws"}},
        {"connection": 1, "t": 0, "accept": {"status": 101}},
    ]  # fmt: skip
    for number, (direction, opcode, payload) in enumerate(EXAMPLES[name], 1):
        body = {"data": payload.decode()} if opcode == TEXT else {"base64": base64.b64encode(payload).decode()}
        kind = "text" if opcode == TEXT else "binary"
        lines.append({"connection": 1, "t": number / 10, "dir": ["c2s", "s2c"][direction], "opcode": kind, **body})
    lines.append({"connection": 1, "t": 9, "close": {"by": "client", "code": 1000}})
    return "".join(json.dumps(line) + "\n" for line in lines)


def events_of(name: str) -> list[tuple[int, str]]:
    """(frame, type) of each event, as reading from the beginning has them."""
    linker = Linker(get_decoder(name))
    events = [event for frame, message in enumerate(EXAMPLES[name], 1) for event in linker.feed(frame, *message)]
    return [(event.number.frame, event.name) for event in events if event.name]


def take_in(source: Path, out: Path, redactor: Redactor | None = None) -> None:
    """Import a file."""
    with source.open("rb") as file:
        assert import_file(file, out, redactor=redactor) == []


def types_in(line: dict[str, Any]) -> list[str]:
    """The types that a line of `show --json` tells."""
    types = [event["type"] for event in line["events"]] if "events" in line else [line["type"]]
    return [kind for kind in types if kind]


@pytest.mark.parametrize("name", sorted(EXAMPLES))
async def test_one_story_goes_through_all_views(name: str, stage: Any, tmp_path: Path) -> None:
    path, given = tmp_path / "a.db", tmp_path / "a.jsonl"
    given.write_text(exchange(name))
    take_in(given, path)
    events = events_of(name)
    counts, (wanted_frame, wanted) = Counter(kind for _, kind in events), events[-1]
    contract = load("none").read_by(name)

    # show, and its filter
    shown = [json.loads(line) for line in run("show", path, "--as", name, "--json").out.splitlines()]
    told = [(line["id"], kind) for line in shown for kind in types_in(line)]
    assert told == events
    asked = f'type:"{wanted}"'
    matched = [json.loads(line)["id"] for line in run("show", path, "--as", name, "--json", "--filter", asked).out.splitlines()]
    frames = [frame for frame, kind in events if kind == wanted]
    assert matched == sorted(set(frames))

    # stats, validate, report
    counted = json.loads(run("stats", path, "--as", name, "--json").out)
    assert {entry["type"]: entry["count"] for entry in counted["types"]}.items() >= counts.items()
    report = run("validate", path, "--as", name, "-c", "none")
    assert all(f" {kind} {count} " in " ".join(report.out.split()) + " " for kind, count in counts.items())
    html = run("validate", path, "--as", name, "-c", "none", "-f", "html").out
    assert all(kind in html for kind in counts)

    # the terminal interface: rows, detail, filter
    async with stage(path, decoder=name, width=160) as on:
        screen = on.app.screen
        assert screen.recording.evidence is NO_EVIDENCE
        rows = [screen.rows.view.row(number) for number in range(len(screen.rows.view))]
        firsts = dict(reversed(events))
        assert {row.id: row.type for row in rows if row.id in firsts} == firsts
        assert {row.id: row.events for row in rows if row.id in firsts} == Counter(frame for frame, _ in events)
        screen.frames.move_to(screen.rows.view.row_of_frame(wanted_frame))
        await on.settle()
        assert wanted in screen.detail.text
        screen.search.filter(asked)
        await on.settle()
        assert list(screen.rows.view.ids) == sorted(set(frames))

    # mutate, diff
    with Recording.open(path) as before:
        assert diff(before, before, contract).same
        mutate(before, [EventFault.parse(f"drop:{wanted},nth=1")], tmp_path / "less.db", contract)
        with Recording.open(tmp_path / "less.db") as after:
            assert not diff(before, after, contract).same

    # replay, in both directions
    async with (
        ReplayServer(path, contract, ServerOptions(pace=FAST)) as server,
        ReplayClient(path, server.url, tmp_path / "again.db", contract, ClientOptions(pace=FAST)) as client,
    ):
        result = await client.run()
    assert (result.mismatches, server.mismatches) == ([], [])
    with Recording.open(path) as before, Recording.open(tmp_path / "again.db") as after:
        assert diff(before, after, contract).same

    # redaction, and export
    take_in(given, tmp_path / "redacted.db", Redactor(fields=["$"]))
    with Recording.open(path) as before, Recording.open(tmp_path / "redacted.db") as after:
        kept = {frame.payload for frame in before.frames()} & {frame.payload for frame in after.frames()}
        assert not kept or kept == {b"o"}
        (tmp_path / "out.jsonl").write_bytes(b"\n".join(export(before, before.connections())))
    take_in(tmp_path / "out.jsonl", tmp_path / "back.db")
    with Recording.open(path) as before, Recording.open(tmp_path / "back.db") as after:
        assert [frame.payload for frame in before.frames()] == [frame.payload for frame in after.frames()]
