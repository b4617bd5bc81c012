"""Files of other programs become recordings; which program wrote one is told by its content.

    1234:…}        mitmproxy's flow files (tnetstrings): `mitmproxy`
    {"log": …}     HAR, as Chrome, Playwright, mitmproxy and HTTP Toolkit write it: `har_import`
    {"wsreplay":   our own JSON lines: `jsonl_import`

Each of them also in gzip, in a zip file, in UTF-16: `unpack`.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import orjson

from wsreplay.errors import ImportFormatError
from wsreplay.formats import mitmproxy
from wsreplay.formats.conversation import Payloads, ReadConversation, lines, nothing
from wsreplay.formats.har_import import Attachments, HarReader
from wsreplay.formats.jsonl_import import import_lines, import_values, read_lines
from wsreplay.formats.remarks import Remarks
from wsreplay.formats.unpack import Archive, Unpacked, member_names, open_member, read_whole, unpack
from wsreplay.trace.redaction import Redactor

# Of a file that a HAR names.
_LONGEST_ATTACHMENT = 256 * 2**20
_FIRST_NAME = re.compile(rb'\s*\{\s*"([^"\\]*)"\s*:')
_TNETSTRING = re.compile(rb"[0-9]{1,12}:")


def import_file(
    source: BinaryIO, out: Path, *, name: str = "", redactor: Redactor | None = None, folder: Path | None = None
) -> list[str]:
    """Write the recording that a file describes; what could not be taken as it is, a sentence each.

    Raises ImportFormatError; `name` is the file's in its text. `folder` is where files that a HAR names are looked for.
    """
    remarks = Remarks()
    unpacked = unpack(source, remarks, name)
    if isinstance(unpacked, Archive):
        with unpacked:
            _import_zip(unpacked, out, name, redactor, remarks)
    else:
        _import_stream(unpacked, out, name, redactor, remarks, lambda file: _beside(folder, file))
    return remarks.texts()


def _import_zip(archive: Archive, out: Path, name: str, redactor: Redactor | None, remarks: Remarks) -> None:
    """The one file in it that can be imported, or all of its HARs."""
    members = member_names(archive, ".har", ".har.gz") or member_names(archive, ".flows", ".mitm") or member_names(archive, "")
    if len(members) > 1 and not members[0].lower().endswith((".har", ".har.gz")):
        names = ", ".join(members[:4]) + (", …" if len(members) > 4 else "")
        raise ImportFormatError(f"the zip file contains {len(members):,} files, none of them a HAR: {names}", file=name)

    def attachment(file: str) -> bytes | None:
        member = file if file in archive.NameToInfo else next(iter(member_names(archive, f"/{file}")), "")
        stream = open_member(archive, member, remarks) if member else None
        return None if stream is None else read_whole(stream, _LONGEST_ATTACHMENT)

    conversations: list[ReadConversation] = []
    reached: list[float] = []
    with Payloads() as payloads:
        for member in members:
            stream = open_member(archive, member, remarks)
            unpacked = unpack(stream, remarks, f"{name}, {member}") if stream is not None else None
            if isinstance(unpacked, Unpacked) and len(members) == 1:
                _import_stream(unpacked, out, name, redactor, remarks, attachment)
                return
            if isinstance(unpacked, Unpacked):
                reader = HarReader(f"{name}, {member}", remarks, payloads, attachment)
                conversations += reader.read(unpacked)
                reached += [] if reader.reached is None else [reader.reached]
        _write(conversations, payloads, max(reached, default=None), out, name, redactor, remarks)


def _import_stream(
    stream: Unpacked, out: Path, name: str, redactor: Redactor | None, remarks: Remarks, attachments: Attachments
) -> None:
    if not stream.head.strip():
        raise ImportFormatError("; ".join(["nothing to import", *remarks.texts()]), file=name)
    if _TNETSTRING.match(stream.head):
        with Payloads() as payloads:
            _write(mitmproxy.read(stream, name, remarks, payloads), payloads, None, out, name, redactor, remarks)
    elif _is_har(stream.head):
        with Payloads() as payloads:
            reader = HarReader(name, remarks, payloads, attachments)
            _write(reader.read(stream), payloads, reader.reached, out, name, redactor, remarks)
    else:
        import_lines(read_lines(stream, name), out, source=name, redactor=redactor, remarks=remarks)


def _write(
    conversations: list[ReadConversation], payloads: Payloads, reached: float | None, out: Path, name: str,
    redactor: Redactor | None, remarks: Remarks,
) -> None:  # fmt: skip
    if not conversations:
        raise nothing(name, "; ".join(remarks.texts()) or "it contains only other requests, or none")
    import_values(lines(conversations, payloads, reached), out, source=name, redactor=redactor)


def _is_har(head: bytes) -> bool:
    """Whether this begins as JSON, and its first line is not one of JSON lines."""
    text = head.lstrip()
    if (match := _FIRST_NAME.match(text)) is None:
        return text.startswith((b"{", b"[")) and not _is_line(text)
    return match[1] == b"log" or (match[1] != b"wsreplay" and not _is_line(text))


def _is_line(text: bytes) -> bool:
    """Whether the first line is a JSON object by itself, and not a HAR."""
    first = text.partition(b"\n")[0]
    try:
        value = orjson.loads(first)
    except orjson.JSONDecodeError:
        return False
    return isinstance(value, dict) and "log" not in value


def _beside(folder: Path | None, file: str) -> bytes | None:
    """A file that a HAR in this folder names. A HAR may come from a stranger: it names nothing outside, and no link."""
    if folder is None or PurePosixPath(file).name != file or "\\" in file or file in (".", "..", "") or "\0" in file:
        return None
    path = folder / file
    if path.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as stream:
        return read_whole(stream, _LONGEST_ATTACHMENT)
