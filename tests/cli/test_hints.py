"""A guessed option or sub-command is answered with what may have been meant."""

from __future__ import annotations

import pytest
from commandline import run


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("record -p 9000 ws://localhost:1", "No such option '-p'. Did you mean -l/--listen?"),
        ("record --lisen 9 ws://localhost:1", "'--listen'"),
        ("import -f har x", "No such option '-f'. The format is detected: see --help for those that there are."),
        ("import --format har x", "No such option '--format'. The format is detected: see --help for those that there are."),
        ("import -z x", "No such option '-z'. There are -o/--output, --recording and --redact."),
        ("contract init", "No such command 'init'. Did you mean 'map'? Propose a contract"),
        ("contract zzz", "No such command 'zzz'. There are check, ls, map, mutate, schema and show."),
        ("replay zzz", "No such command 'zzz'. There are client and server."),
    ],
)
def test_what_may_have_been_meant(line: str, answer: str) -> None:
    outcome = run(*line.split())
    assert outcome.code == 2
    assert answer in outcome.err
