"""A module has its twin: `wsreplay/a/b.py` is tested by `tests/a/test_b.py`, or a line here says where and why not."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

import wsreplay

PACKAGE = Path(wsreplay.__file__).parent
TESTS = Path(__file__).parent

# Modules by pattern: the tests that hold them, and why those are not their twins. The first line that fits counts.
ELSEWHERE = (
    ("arrow/*.py", "arrow/test_tables.py", "what recordings are called shows in the tables made of them"),
    ("cli/*.py", "cli", "commands are run as their users run them: by what they are for, not file by file"),
    ("contract/rules/*.py", "contract/test_rules.py", "each kind reads its documents; one table of them holds all kinds"),
    ("contract/*.py", "contract", "the pieces of the loader: every mistake in a contract is tested through it"),
    ("decode/*.py", "decode/test_decoders.py", "every decoder meets the same laws, and the transcripts in cases/"),
    ("demo/conversation.py", "demo/test_transcript.py", "what it writes is what a client of the backend receives"),
    ("diff/*.py", "diff/test_diff.py", "the steps of one comparison, which is tested whole; the alignment in test_align"),
    ("errors.py", "cli/test_main.py", "classes alone; each is tested where it is raised, its exit code at the command line"),
    ("model.py", "store/test_reader.py", "values alone; they are what a reader returns"),
    ("formats/*.py", "formats", "the pieces of import and export: whole files go in, recordings come out"),
    ("mcp/*.py", "mcp/test_tools.py", "what frames and findings look like is what the tools answer"),
    ("proxy/*.py", "proxy", "what the relay is made of shows on the wire and in the recording: tests are by peers"),
    ("recorder/*.py", "recorder/test_crashes.py", "what is taken up after a crash is tested by crashes"),
    ("replay/*.py", "replay", "the parts of server and client, which are played against each other"),
    ("report/*.py", "report", "what text, HTML and JSON reports have in common: tested in each report"),
    ("store/*.py", "store", "the parts of reader and writer, which are tested on files"),
    ("testing/load_player.py", "testing/test_locust.py", "the process that plays for Locust is tested with Locust"),
    ("testing/recordings.py", "testing/test_plugin.py", "it keeps the recordings of tests: a test run shows which"),
    ("testing/waiting.py", "testing/test_tap.py", "a tap waits by it"),
    ("trace/filter/*.py", "trace/test_filter_laws.py", "its laws hold for parser, SQL and predicate together"),
    ("trace/*.py", "trace", "small values that the reading of messages, paths and identities is tested with"),
    ("tui/*.py", "tui/test_app.py", "how the application is put together shows when it runs"),
    ("tui/recording/*.py", "tui/recording/test_view.py", "the rows of a view, and what a view is asked for"),
    ("tui/jobs/*.py", "tui/jobs/test_child_process.py", "both ends of a pipe: what the child does is seen from this one"),
    ("tui/widgets/*.py", "tui/test_pictures.py", "a widget is what is drawn of it, and the keys of the screen that has it"),
    ("tui/look/*.py", "tui/test_pictures.py", "colours and signs are seen in pictures, with every theme"),
    ("tui/findings/*.py", "tui/test_pictures.py", "its list is drawn, and stepped through in the session's tests"),
    ("tui/browse/*.py", "tui/browse/test_recordings.py", "table and listing of one screen"),
    ("tui/validation/*.py", "tui/browse/test_previews.py", "verdicts are tested where they are shown"),
    ("tui/*/*.py", "tui", "the parts of a screen, which is tested by keys as its user has it"),
    ("validator/emit/*.py", "validator/emit/test_fast_paths.py", "one law for all that is generated: the slow path's verdict"),
    ("validator/rules/*.py", "validator/test_oracle.py", "one law for all rules: the verdict of an oracle over slices"),
    ("validator/state/*.py", "validator/test_engine.py", "what is kept of a trace shows in what the engine forgets and finds"),
    ("validator/*.py", "validator", "the parts of the engine, whose verdicts are tested"),
    ("wire/assembly.py", "wire/test_frames.py", "messages are put together of the frames that the scanner finds in bytes"),
)  # fmt: skip


def without_twin() -> Iterator[str]:
    """Modules that have no test file of their name."""
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        if path.stem not in ("__init__", "__main__") and not (TESTS / twin(place)).exists():
            yield str(place)


def twin(place: Path) -> Path:
    return place.parent / f"test_{place.stem.strip('_')}.py"


def line_for(module: str) -> tuple[str, str, str] | None:
    """The first line that fits. `*` stands for a name, not for folders."""
    return next((line for line in ELSEWHERE if line[0].count("/") == module.count("/") and fnmatch(module, line[0])), None)


@pytest.mark.parametrize("module", list(without_twin()))
def test_a_module_has_its_twin_or_a_line_that_says_why_not(module: str) -> None:
    assert line_for(module) is not None, f"{module}: write tests/{twin(Path(module))}, or say in ELSEWHERE what tests it"


def test_the_lines_speak_of_what_is_there() -> None:
    """Each line is needed, and names tests."""
    used = {line_for(module) for module in without_twin()}
    for line in ELSEWHERE:
        pattern, tests, reason = line
        assert line in used, f"{pattern}: every module of it has a twin by now"
        place = TESTS / tests
        assert place.is_file() or any(place.rglob("test_*.py")), tests
        assert len(reason.split()) >= 5, pattern
