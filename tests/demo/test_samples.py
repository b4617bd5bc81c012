from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tools.samples.samples import make_samples
from wsreplay.demo.scenarios import SCENARIOS


async def test_each_scenario_becomes_a_recording_of_its_own_in_place_of_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "samples"
    folder.mkdir()
    (folder / "typing.db").write_text("an old sample")
    paths = await make_samples(folder, [SCENARIOS["typing"], SCENARIOS["dropped-connection"]])
    assert paths == [folder / "typing.db", folder / "dropped-connection.db"]
    assert sorted(folder.iterdir()) == sorted(paths)
    with closing(sqlite3.connect(paths[0])) as typing:
        types = [kind for (kind,) in typing.execute("SELECT type FROM frame WHERE direction = 1 AND opcode = 1 ORDER BY id")]
        assert (types[0], types[1], types[-1]) == ("connection_ack", "typing_started", "typing_stopped")
    with closing(sqlite3.connect(paths[1])) as dropped:
        assert dropped.execute("SELECT user, path, ending FROM connection ORDER BY id").fetchall() == [
            ("alice", "/ws", "dropped"), ("alice", "/ws", "clean"),
        ]
