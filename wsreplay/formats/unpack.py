"""A file's bytes as UTF-8, whatever they were wrapped in: gzip, a zip member, UTF-16, a byte order mark.

Everything is read as a stream: nothing here grows with the file. What a compressed file that was cut off still holds is given,
with a remark.
"""

from __future__ import annotations

import codecs
import io
import shutil
import tempfile
import zipfile
import zlib
from abc import abstractmethod
from typing import IO, Any, BinaryIO, cast

from wsreplay.errors import ImportFormatError
from wsreplay.formats.remarks import Remarks

_CHUNK = 2**18
_SNIFFED = 2**16
_MOST_LAYERS = 4
_SURE = 2**13  # bytes of a zip member at once: of what is damaged, less is lost
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
# Files that other programs begin like this, which nobody would take for text.
_KNOWN = {
    b"SQLite format 3\0": "an SQLite file; a recording is opened as it is, as in wsreplay tui FILE",
    b"BZh": "a bzip2 file: unpack it first",
    b"\xfd7zXZ\0": "an xz file: unpack it first",
    b"\x28\xb5\x2f\xfd": "a zstd file: unpack it first",
    b"7z\xbc\xaf\x27\x1c": "a 7z file: unpack it first",
    b"Rar!": "a rar file: unpack it first",
    b"\xd4\xc3\xb2\xa1": "a packet capture (pcap), which is not read: record the traffic with wsreplay record",
    b"\xa1\xb2\xc3\xd4": "a packet capture (pcap), which is not read: record the traffic with wsreplay record",
    b"\x0a\x0d\x0d\x0a": "a packet capture (pcapng), which is not read: record the traffic with wsreplay record",
}
_MARKS = {codecs.BOM_UTF8: "", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class Unpacked(io.BufferedReader):
    """A stream of UTF-8 without a byte order mark. `head` is how it begins, which is still to be read."""

    def __init__(self, head: bytes, rest: io.RawIOBase | BinaryIO) -> None:
        super().__init__(_Chain(head, rest), _CHUNK)
        self.head = head


def unpack(source: io.RawIOBase | BinaryIO, remarks: Remarks, name: str, layers: int = 0) -> Unpacked | Archive:
    """What a file holds; a zip file is for the caller to choose from. Raises ImportFormatError.

    `layers` is how many were unpacked already: there are files that hold themselves.
    """
    if layers > _MOST_LAYERS:
        raise ImportFormatError(f"it is packed more than {_MOST_LAYERS} times over", file=name)
    layers += 1
    head = _read_up_to(source, _SNIFFED)
    for sign, what in _KNOWN.items():
        if head.startswith(sign):
            raise ImportFormatError(f"this is {what}", file=name)
    if head[257:262] == b"ustar":
        raise ImportFormatError("this is a tar file: unpack it first", file=name)
    if head.startswith(b"\x1f\x8b"):
        return unpack(_Inflated(_Chain(head, source), remarks), remarks, name, layers)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _open_zip(_Chain(head, source), name)
    mark = next((mark for mark in _MARKS if head.startswith(mark)), b"")
    encoding = _MARKS.get(mark) or _guessed_encoding(head)
    if encoding:
        return unpack(_Transcoded(_Chain(head[len(mark) :], source), encoding, remarks, name), remarks, name, layers)
    return Unpacked(head[len(mark) :], source)


def _guessed_encoding(head: bytes) -> str:
    """UTF-16 without a mark: all that is read begins with an ASCII character, and holds no zero byte in UTF-8."""
    if len(head) > 1 and head[0] == 0 != head[1]:
        return "utf-16-be"
    return "utf-16-le" if len(head) > 1 and head[1] == 0 != head[0] else ""


def _read_up_to(source: io.RawIOBase | BinaryIO, size: int) -> bytes:
    """So many bytes, fewer only where the source ends."""
    parts: list[bytes] = []
    while size and (part := source.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class Archive(zipfile.ZipFile):
    """A zip file; with it goes the temporary file that holds it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._holding = file
        super().__init__(file)

    def close(self) -> None:
        super().close()
        self._holding.close()


def _open_zip(source: io.RawIOBase, name: str) -> Archive:
    # A zip's directory is at its end: what cannot seek is written to a file without a name first.
    file = tempfile.TemporaryFile()  # noqa: SIM115 -- the archive closes it
    shutil.copyfileobj(source, file, _CHUNK)
    try:
        return Archive(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        file.close()
        raise ImportFormatError("the zip file is cut off or damaged: its directory cannot be read", file=name) from None


class _PieceStream(io.RawIOBase):
    """What comes piece by piece from `_next`, until that gives None."""

    # what is left of the last piece, and whether it was the last of all
    _ready: bytes | memoryview = b""
    _over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and not self._over:
            piece = self._next()
            self._over = piece is None
            self._ready = memoryview(piece or b"")
        target = memoryview(buffer).cast("B")
        size = min(len(target), len(self._ready))
        target[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    @abstractmethod
    def _next(self) -> bytes | None:
        """The next piece; None behind the last."""


class _Chain(_PieceStream):
    """Bytes, and what comes behind them."""

    def __init__(self, head: bytes, rest: io.RawIOBase | BinaryIO) -> None:
        self._ready = memoryview(head)
        self._rest = rest

    def _next(self) -> bytes | None:
        return self._rest.read(_CHUNK) or None


class _Inflated(_PieceStream):
    """The members of a gzip file (RFC 1952, section 2.2) one after the other, as far as they can be read."""

    def __init__(self, source: io.RawIOBase, remarks: Remarks) -> None:
        self._source, self._remarks = source, remarks
        self._member = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._waiting = b""  # compressed bytes that were read and not inflated
        # how many bytes came out
        self._inflated = 0

    def _next(self) -> bytes | None:
        while True:
            if not self._waiting:
                self._waiting = self._source.read(_CHUNK) or b""
            if self._member.eof:
                if not self._waiting.strip(b"\0"):
                    return None  # the end, or what tapes are filled up with
                self._member = zlib.decompressobj(_GZIP_OR_ZLIB)
            if not self._waiting:
                self._remark("cut off")
                return None
            try:
                piece = self._member.decompress(self._waiting, _CHUNK)
            except zlib.error:
                self._remark("damaged")
                return None
            self._waiting = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if piece:
                self._inflated += len(piece)
                return piece

    def _remark(self, how: str) -> None:
        self._remarks.add("", f"the gzip data is {how}: {self._inflated:,} bytes could be unpacked")


class _Transcoded(_PieceStream):
    """Text of another encoding, as UTF-8."""

    def __init__(self, source: io.RawIOBase, encoding: str, remarks: Remarks, name: str) -> None:
        self._source, self._encoding, self._remarks, self._name = source, encoding, remarks, name
        self._decoder = codecs.getincrementaldecoder(encoding)("strict")
        # how many bytes were decoded, those aside that the decoder holds back
        self._decoded = 0

    def _next(self) -> bytes | None:
        chunk = self._source.read(_CHUNK) or b""
        held = len(self._decoder.getstate()[0])
        if not chunk:
            if held:
                self._remarks.add("", f"cut off in the middle of a character of {self._encoding.upper()}")
            return None
        try:
            text = self._decoder.decode(chunk)
        except UnicodeDecodeError as error:
            at = self._decoded - held + error.start
            raise ImportFormatError(f"byte {at}: this is not {self._encoding.upper()}", file=self._name) from None
        self._decoded += len(chunk)
        return text.encode() or self._next()


class _Member(_PieceStream):
    """A file of an archive, as far as it can be read."""

    def __init__(self, file: zipfile.ZipExtFile, name: str, remarks: Remarks) -> None:
        self._file, self._name, self._remarks = file, name, remarks
        # how many bytes came out
        self._read = 0

    def _next(self) -> bytes | None:
        try:
            piece = self._file.read1(_SURE)  # no more than is sure to be right
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError):
            self._remarks.add(self._name, f"damaged in the zip file: {self._read:,} bytes could be unpacked")
            return None
        self._read += len(piece)
        return piece or None


def member_names(archive: Archive, *suffixes: str) -> list[str]:
    """The files in an archive whose names end so."""
    return [info.filename for info in archive.infolist() if not info.is_dir() and info.filename.lower().endswith(suffixes)]


def open_member(archive: Archive, member: str, remarks: Remarks) -> io.RawIOBase | None:
    """A file of an archive; None, with a remark, where it cannot be read."""
    try:
        return _Member(cast(zipfile.ZipExtFile, archive.open(member)), member, remarks)
    except KeyError:
        reason = "it is not in the zip file"
    except (RuntimeError, NotImplementedError):
        reason = "it is encrypted, or compressed with an unknown method"
    except (zipfile.BadZipFile, OSError, EOFError, ValueError):
        reason = "its place in the zip file is damaged"
    remarks.add(member, f"cannot be read: {reason}")
    return None


def read_whole(stream: io.RawIOBase | BinaryIO, most: int) -> bytes | None:
    """All of a stream; None where it is longer than so many bytes."""
    data = _read_up_to(stream, most + 1)
    return data if len(data) <= most else None
