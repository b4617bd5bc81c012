"""Whose connections are, in every view."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from named_users import CONTRACT, PLACE, write_named
from sample_chat import C2S, Script

from wsreplay.contract import loads
from wsreplay.contract.users import NAMED_WITHIN, ConnectionUsers, sessions_of
from wsreplay.model import Session
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.trace.identity import parse_user_source
from wsreplay.validator import judge


@pytest.fixture
def named(tmp_path: Path) -> Iterator[Recording]:
    with Recording.open(write_named(tmp_path / "a.db")) as recording:
        yield recording


def told(sessions: list[Session]) -> list[tuple[str | None, list[int]]]:
    return [(session.user, [connection.id for connection in session.connections]) for session in sessions]


def test_messages_name_users_before_connections_are_joined(named: Recording) -> None:
    expected = [("mia", [1]), ("zoe", [2, 3])]
    assert told(sessions_of(named, loads(CONTRACT))) == expected
    assert told(sessions_of(named, users=[parse_user_source(PLACE)])) == expected
    assert told(sessions_of(named)) == [(None, [1]), (None, [2]), (None, [3])]


def test_the_validator_says_the_same(named: Recording) -> None:
    judgement = judge(named, loads(CONTRACT))
    assert (judgement.sessions, judgement.users) == (2, {1: "mia", 2: "zoe"})
    assert [finding.session for finding in judgement.findings] == [2]


def test_a_handshake_is_believed_before_a_message(tmp_path: Path) -> None:
    script = Script(tmp_path / "a.db")
    script.open(1, 0, user="ann")
    script.say(1, 1, C2S, raw=b'{"d":{"who":"zoe"}}')
    with Recording.open(script.write(10)) as recording:
        assert told(sessions_of(recording, loads(CONTRACT))) == [("ann", [1])]


@pytest.mark.parametrize("before, user", [(NAMED_WITHIN - 1, "zoe"), (NAMED_WITHIN, None)])
def test_only_the_first_messages_are_looked_at(tmp_path: Path, before: int, user: str | None) -> None:
    script = Script(tmp_path / "a.db")
    script.open(1, 0, user=None)
    for at in range(before):
        script.say(1, at, C2S, raw=b'{"op":"tick"}')
    script.say(1, before, C2S, raw=b'{"d":{"who":"zoe"}}')
    with Recording.open(script.write(1_000)) as recording:
        users = ConnectionUsers(loads(CONTRACT))
        assert told(users.stitch(recording, recording.connections())) == [(user, [1])]
        assert not users.is_open()


@pytest.mark.parametrize("who", ["7", '"7"'])
def test_a_number_is_a_name_and_what_is_no_name_is_passed_over(tmp_path: Path, who: str) -> None:
    script = Script(tmp_path / "a.db")
    script.open(1, 0, user=None)
    for at, value in enumerate(["null", "true", "{}", '""', who, '"later"']):
        script.say(1, at, C2S, raw=b'{"d":{"who":%s}}' % value.encode())
    script.say(1, 9, C2S, raw=b"no json")
    with Recording.open(script.write(10)) as recording:
        assert told(ConnectionUsers(read_as=ReadAs(users=(parse_user_source(PLACE),))).stitch(
            recording, recording.connections()
        )) == [("7", [1])]  # fmt: skip


@pytest.mark.parametrize("said", [b'{"d":{"who":"zoe"}}', b'{ "d" : {"who" : "zoe"} }', b'{"d":{"wh\\u006f":"zoe"}}'])
@pytest.mark.parametrize("before", [0, 7, 8, 20])
def test_a_name_is_found_however_it_is_written_and_whenever_it_comes(tmp_path: Path, said: bytes, before: int) -> None:
    script = Script(tmp_path / "a.db")
    script.open(1, 0, user=None)
    for at in range(before):
        script.say(1, at, C2S, raw=b'{"op":"who"}')
    script.say(1, before, C2S, raw=said)
    script.say(1, before + 1, C2S, raw=b'{"d":{"who":"ann"}}')
    with Recording.open(script.write(1_000)) as recording:
        assert told(sessions_of(recording, loads(CONTRACT))) == [("zoe", [1])]
