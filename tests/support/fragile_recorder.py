"""A recorder that some records kill: run as a program in place of `wsreplay.recorder.process`.

A chunk that holds `KILLS` ends it by SIGKILL when its payload is looked at, one that holds `RAISES` by an exception; one that
holds `KILLS_FRAMES` ends it already when its frames are scanned. This stands in for a lack of memory, or a fault unknown yet.
"""

from __future__ import annotations

import os
import signal
import sys

from wsreplay.recorder import connection, direction, process
from wsreplay.wire.assembly import FrameValues
from wsreplay.wire.frames import StreamDecoder

KILLS, RAISES, KILLS_FRAMES = b"-kills-", b"-raises-", b"-kills-frames-"


def _event_type(payload: bytes) -> str | None:
    if KILLS in payload:
        os.kill(os.getpid(), signal.SIGKILL)
    if RAISES in payload:
        raise KeyError(payload)
    return None


class _StreamDecoder(StreamDecoder):
    def feed_values(self, data: bytes, t_ns: int) -> list[FrameValues]:
        if KILLS_FRAMES in data:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().feed_values(data, t_ns)


if __name__ == "__main__":
    connection.event_type = _event_type
    direction.StreamDecoder = _StreamDecoder  # type: ignore[misc]
    sys.exit(process.main(*map(int, sys.argv[1:])))
