"""What the relay tells arrives as it was told."""

from __future__ import annotations

from wsreplay.telemetry.status import (
    Notice,
    RelayStatus,
    TelemetryOptions,
    read_notice,
    read_options,
    write_notice,
    write_options,
)


def test_notices_and_options_are_read_as_they_were_written() -> None:
    for notice in (Notice("a\nb.db", "c.db"), Notice(status=RelayStatus(1, 2, 3, 4, 5, 6, 7, "full"))):
        line = write_notice(notice)
        assert line.count(b"\n") == 1
        assert read_notice(line) == notice
    options = TelemetryOptions(5, "http://localhost:4318", "agent-chat")
    assert read_options(write_options(options).encode()) == options
