from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

import pytest
from relay import wait_for

from wsreplay.proxy.spawned_recorder import SpawnedRecorder
from wsreplay.proxy.watchdog import HOPELESS_AFTER_S, SILENT_AFTER_S, RecorderSilence, Watchdog

T0 = 100.0  # s, of no clock


@pytest.fixture
def recorder() -> Iterator[SpawnedRecorder]:
    """A process that says nothing, in a recorder's place."""
    recorder = SpawnedRecorder((), (sys.executable, "-S", "-c", "import signal; signal.pause()"))
    yield recorder
    recorder.kill()
    recorder.socket.close()
    wait_for(lambda: recorder.dead)


def _watchdog() -> Watchdog:
    return Watchdog(lambda: None)


def test_nothing_is_due_and_nothing_is_said(recorder: SpawnedRecorder) -> None:
    watchdog = _watchdog()
    for seconds in (0, SILENT_AFTER_S, HOPELESS_AFTER_S):
        assert watchdog.silence(recorder, T0 + seconds, connected=True, due=False) is None


def test_silence_is_told_after_its_time_and_hopeless_after_a_longer_one(recorder: SpawnedRecorder) -> None:
    watchdog = _watchdog()
    silences = [
        watchdog.silence(recorder, T0 + seconds, connected=True, due=True)
        for seconds in (0, SILENT_AFTER_S / 2, SILENT_AFTER_S, HOPELESS_AFTER_S - 1, HOPELESS_AFTER_S)
    ]
    assert silences == [None, None, RecorderSilence.MUTE, RecorderSilence.MUTE, RecorderSilence.HOPELESS]


def test_a_word_begins_the_time_anew(recorder: SpawnedRecorder) -> None:
    watchdog = _watchdog()
    watchdog.silence(recorder, T0, connected=True, due=True)
    watchdog.hear()
    assert watchdog.silence(recorder, T0 + SILENT_AFTER_S, connected=True, due=True) is None
    assert watchdog.silence(recorder, T0 + 2 * SILENT_AFTER_S, connected=True, due=True) is RecorderSilence.MUTE


@pytest.mark.parametrize("there", [False, True])
def test_a_recorder_that_takes_no_records_yet_is_absent(recorder: SpawnedRecorder, there: bool) -> None:
    watchdog = _watchdog()
    for seconds in (0, HOPELESS_AFTER_S):
        silence = watchdog.silence(recorder if there else None, T0 + seconds, connected=False, due=True)
    assert silence is RecorderSilence.ABSENT


def test_a_stopped_one_is_never_hopeless_and_has_its_time_when_it_goes_on(recorder: SpawnedRecorder) -> None:
    watchdog = _watchdog()
    os.kill(recorder.pid, signal.SIGSTOP)
    wait_for(lambda: recorder.stopped)
    silences = [
        watchdog.silence(recorder, T0 + seconds, connected=True, due=False) for seconds in (0, 1, HOPELESS_AFTER_S)
    ]
    assert silences == [None, RecorderSilence.STOPPED, RecorderSilence.STOPPED], "also while nothing is due"
    os.kill(recorder.pid, signal.SIGCONT)
    wait_for(lambda: not recorder.stopped)
    after = T0 + HOPELESS_AFTER_S + 1
    assert [watchdog.silence(recorder, after + seconds, connected=True, due=True) for seconds in (0, 0, 1)] == [
        None, None, RecorderSilence.MUTE,
    ]  # fmt: skip
