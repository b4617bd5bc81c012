"""What is wrong with each recording of a list."""

from __future__ import annotations

import pytest

from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.tui.browse.folder import ListedRecording
from wsreplay.tui.browse.previews import Preview, Previews, preview


class SlowJobs:
    """Takes a task, and answers when it is asked to."""

    def __init__(self):
        self.tasks = []

    def run_in_process(self, _name, task, on_result, on_failure):
        self.tasks.append((task.args[0], on_result, on_failure))

    def is_running(self, _name):
        return bool(self.tasks)

    def cancel(self, _name):
        """What it has published by now has arrived."""


def test_recordings_are_validated_in_turn_and_one_that_ends_the_process_does_not_keep_the_others_from_it(tmp_path):
    shown: list[str] = []
    jobs = SlowJobs()
    previews = Previews(jobs, lambda path: shown.append(path.name), ReadAs)
    recordings = [ListedRecording(tmp_path / name) for name in ("a", "b", "c")]
    previews.validate(recordings, ())
    (paths, on_result, on_failure), = jobs.tasks
    assert [path.name for path in paths] == ["a", "b", "c"]
    on_result(Preview())
    on_failure("its process stopped")
    assert shown == ["a", "b"] and previews.of(recordings[1], ()).failed
    paths, on_result, _ = jobs.tasks[-1]
    assert [path.name for path in paths] == ["c"]
    on_result(Preview())
    assert shown == ["a", "b", "c"]
    previews.validate(recordings, ())
    assert len(jobs.tasks) == 2, "all are known"


def test_a_folder_that_is_read_again_starts_nothing_anew(tmp_path):
    shown: list[str] = []
    jobs = SlowJobs()
    previews = Previews(jobs, lambda path: shown.append(path.name), ReadAs)
    a, b, c, d = (ListedRecording(tmp_path / name) for name in "abcd")
    previews.validate([b, c], ())
    previews.validate([a, b, c, d], ())
    (_, on_result, _), = jobs.tasks
    on_result(Preview())
    previews.validate([a, b, c, d], ())
    assert len(jobs.tasks) == 1, "c is at work"
    on_result(Preview())
    paths, on_result, _ = jobs.tasks[-1]
    assert shown == ["b", "c"] and [path.name for path in paths] == ["a", "d"]
    previews.validate([d], ())
    assert [path.name for path in jobs.tasks[-1][0]] == ["d"], "a is gone"
    previews.validate([d], ("another",))
    assert len(jobs.tasks) == 4, "by another contract"


@pytest.mark.parametrize(("messages", "expected"), [(2, Preview(fits=False)), (0, Preview(why="no events"))])
def test_what_no_contract_fits_is_told_from_what_is_empty(script, tmp_path, messages, expected):
    recording = script("desk.db")
    recording.open(1, 0)
    for number in range(messages):
        recording.say(1, number, 1, raw=b'{"seq": 1}')
    recording.write(4000)
    with Recording.open(tmp_path / "desk.db") as reader:
        assert preview(reader, (), ReadAs()) == expected
