from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from commandline import run

from recordings import write_messages
from wsreplay.model import Opcode


def rows(outcome) -> list[dict]:
    assert outcome.code == 0, outcome.err
    return [json.loads(line) for line in outcome.out.splitlines()]


BROKEN = "SELECT recording, user, rule FROM findings WHERE caused_by IS NULL ORDER BY ALL"


def test_recordings_and_parquet_of_them_answer_the_same(folder: Path) -> None:
    asked = rows(run("sql", BROKEN, "-f", "json", folder))
    assert asked == [
        {"recording": "leak", "user": "alice", "rule": "thread-owner"},
        {"recording": "missing-event", "user": "alice", "rule": "tool"},
    ]
    assert run("export", folder, "-f", "parquet", "-o", folder / "lake").code == 0
    assert rows(run("sql", BROKEN, "-f", "json", folder / "lake")) == asked
    both = rows(run("sql", BROKEN, "-f", "json", folder / "lake", folder / "leak.db"))
    assert len(both) == 3
    days = rows(run("sql", "SELECT day, count(*) AS n FROM sessions GROUP BY day", "-f", "json", folder / "lake"))
    assert days == [{"day": "2026-11-20", "n": 5}]


def test_documents_are_json_and_tables_join(folder: Path) -> None:
    query = (
        "SELECT s.label, e.document->>'$.payload.arguments.query' AS query FROM spans s"
        " JOIN events e ON e.recording = s.recording AND e.frame = s.start_frame WHERE s.label = 'search' AND s.state = 'cut'"
    )
    assert rows(run("sql", query, "-f", "json", folder)) == [{"label": "search", "query": "Why is the checkout slow?"}]


def test_a_table_for_people_is_aligned_and_bounded(folder: Path) -> None:
    outcome = run("sql", "SELECT recording, frames, time FROM sessions ORDER BY ALL", folder, "--limit", "2")
    assert outcome.out == (
        "recording  frames  time\n"
        "healthy        11  2026-11-20 16:55:09.607232\n"
        "leak           10  2026-11-20 16:55:14.632934\n"
    )
    assert outcome.err == "(2 rows)\nwsreplay: the first 2 rows; --limit 0 prints all\n"


HOSTILE = '{"type":"=cmd|\'/c calc\'!A1","text":"\\u001b[2J\u202e\x7f"}'


@pytest.mark.parametrize("form", ["text", "json", "csv"])
def test_what_peers_sent_drives_neither_a_terminal_nor_a_spreadsheet(tmp_path: Path, form: str) -> None:
    write_messages(tmp_path / "hostile.db", [(1, Opcode.TEXT, HOSTILE.encode())], user="\x1b]0;x\x07")
    outcome = run("sql", "SELECT user, type, document FROM events", "-f", form, tmp_path)
    assert outcome.code == 0, outcome.err
    assert not {"\x1b", "\x07", "\u202e", "\x7f"} & {*outcome.out}
    if form == "csv":
        assert list(csv.reader(io.StringIO(outcome.out)))[1][1].startswith("'=cmd")
    if form == "json":
        assert rows(outcome)[0]["document"] == HOSTILE


def test_values_that_json_has_no_words_for(folder: Path) -> None:
    query = f"SELECT {2**127 - 1}::hugeint AS large, 1.5::decimal AS exact, 'x'::blob AS bytes, [1] AS many"
    (row,) = rows(run("sql", query, "-f", "json", folder))
    assert row == {"large": 2**127 - 1, "exact": 1.5, "bytes": "x", "many": [1]}


@pytest.mark.parametrize(
    ("query", "path", "says"),
    [
        ("SELEC", ".", "the query cannot be answered: Parser Error"),
        ("SELECT nothing FROM events", ".", "the query cannot be answered: Binder Error"),
        ("SELECT 1", "nowhere", "no such file or folder"),
        ("SELECT 1", "old/empty", "there is neither a recording"),
        ("SELECT count(*) FROM events", "text.db", "not an SQLite file"),
    ],
)
def test_mistakes_are_said_in_one_line(folder: Path, query: str, path: str, says: str) -> None:
    (folder / "old" / "empty").mkdir()
    (folder / "text.db").write_text("no recording")
    if path == ".":
        (folder / "text.db").unlink()
    outcome = run("sql", query, path, cwd=folder)
    assert outcome.code in (2, 3)
    assert outcome.out == ""
    assert says in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_nothing_is_left_behind_and_names_are_only_names(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    odd = folder / "o'dd [x]*"
    assert run("export", folder / "leak.db", "-f", "parquet", "-o", odd).code == 0
    assert rows(run("sql", "SELECT count(*) AS n FROM sessions", "-f", "json", odd)) == [{"n": 2}]
    assert list((tmp_path / "tmp").glob(".wsreplay-*")) == []
