"""Files of other programs become recordings; which program wrote one is told by its content.

    1234:…}        mitmproxy's flow files (tnetstrings): `mitm`
    {"log": …}     HAR, as Chrome, Playwright and mitmproxy write it: `har`
    {"wsreplay":   our own JSON lines: `intake`
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from wsreplay.formats import har
from wsreplay.formats import mitmproxy as mitm
from wsreplay.formats.conversation import lines
from wsreplay.formats.jsonl_import import import_lines, import_values
from wsreplay.trace.redaction import Redactor

_BOM = b"\xef\xbb\xbf"
_OUR_LINE = re.compile(rb'\{\s*"wsreplay"')
_TNETSTRING = re.compile(rb"[0-9]{1,12}:")


def import_file(source: BinaryIO, out: Path, *, name: str = "", redactor: Redactor | None = None) -> None:
    """Write the recording that a file describes. Raises ImportFormatError; `name` is the file's in its text."""
    blank, start = _first_line(source)
    if _TNETSTRING.match(start):
        values = lines(mitm.read(start + source.read(), name))
    elif (document := _har(start, source, name)) is not None:
        values = lines(har.read(document, name), har.reached(document))
    else:
        import_lines(itertools.chain([b"\n"] * blank, [start], source), out, source=name, redactor=redactor)
        return
    import_values(values, out, source=name, redactor=redactor)


def _first_line(source: BinaryIO) -> tuple[int, bytes]:
    """How many empty lines come first, and what follows them, without a byte order mark."""
    for number, line in enumerate(source):
        if text := line.removeprefix(_BOM).lstrip():
            return number, text
    return 0, b""


def _har(start: bytes, source: BinaryIO, name: str) -> dict[str, Any] | None:
    """The document, if this is JSON and no exchange line begins it."""
    try:
        first = orjson.loads(start)
        return first if isinstance(first, dict) and "log" in first else None
    except orjson.JSONDecodeError:
        pass
    if start.startswith(b"{") and not _OUR_LINE.match(start):
        return har.parse(start + source.read(), name)
    return None
