"""A whole payload in $PAGER."""

from __future__ import annotations

import errno
import io
import tempfile
from contextlib import nullcontext
from pathlib import Path

import pytest

from wsreplay.tui.app import ReplayApp


async def test_the_pager_gets_the_whole_payload_without_escape_sequences(tmp_path: Path):
    from wsreplay.tui.session.pager import readable

    assert readable(b'{"a":"\x1b[31m"}') == '{"a":"␛[31m"}\n'  # no JSON: a control character in a string
    assert readable(b'{"a":"\\u001b[31m"}') == '{\n  "a": "\\u001b[31m"\n}\n'
    deep = "[" * 300 + "]" * 300
    assert readable(deep.encode()) == f"{deep}\n"  # read, but not written


@pytest.mark.parametrize("where", ["opened", "written"])
async def test_a_payload_for_which_there_is_no_room_in_the_temporary_folder_is_said(stage, chat_recording, monkeypatch, where):
    class Full(io.StringIO):
        name = "/tmp/x"

        def flush(self) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    def temporary(*_arguments: object, **_options: object) -> Full:
        if where == "opened":
            raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")
        return Full()

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", temporary)
    monkeypatch.setattr(ReplayApp, "suspend", lambda _app: nullcontext())
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "f")
        assert on.app.is_running and on.app._exception is None
        why = on.app.notice.message
        assert ("No usable temporary directory" if where == "opened" else "No space left") in why
