from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hars import GOOD, RECEIVE, SEND, Imported, T, entry, har

from wsreplay.errors import ImportFormatError

Take = Callable[..., Imported]
HAR = har(entry(SEND, RECEIVE))
DATA = Path(__file__).parent / "data"


def zipped(**files: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "."), content)
    return data.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(HAR), gzip.compress(gzip.compress(HAR)), gzip.compress(HAR[:99]) + gzip.compress(HAR[99:]),
        gzip.compress(HAR) + bytes(512), zipped(a_har=HAR), gzip.compress(zipped(a_har=HAR)),
        zipped(a_har_gz=gzip.compress(HAR)), gzip.compress(b"\xff\xfe" + HAR.decode().encode("utf-16-le")),
        b"\xef\xbb\xbf" + HAR, HAR.decode().encode("utf-16"), b"\xfe\xff" + HAR.decode().encode("utf-16-be"),
        HAR.decode().encode("utf-16-le"), HAR.decode().encode("utf-16-be"),
        b"\n \r\n" + HAR, zipped(whatever=HAR), zipped(a_har=HAR, b_css=b"x"),
    ],
    ids=range(16),
)  # fmt: skip
def test_what_a_file_is_wrapped_in_makes_no_difference(content: bytes, take: Take) -> None:
    found = take(content)
    assert (found.texts, found.remarks) == (GOOD, [])


def test_lines_and_flows_may_be_wrapped_too(take: Take) -> None:
    lines = b'{"wsreplay": 1}\n{"connection": 1, "t": 0, "open": {"path": "/ws"}}\n'
    for content in (gzip.compress(lines), zipped(a_jsonl=lines), b"\xff\xfe" + lines.decode().encode("utf-16-le")):
        assert [one.path for one in take(content).connections] == ["/ws"]
    flows = (DATA / "mitmproxy.flows").read_bytes()
    assert take(gzip.compress(flows)).messages == take(flows).messages == take(zipped(a_flows=flows)).messages


def test_messages_that_playwright_attached_are_found_in_the_zip(take: Take) -> None:
    lines = b"".join(json.dumps(message | {"time": message["time"] * 1000}).encode() + b"\n" for message in (SEND, RECEIVE))
    outer = har(entry(_webSocketMessages=..., response={"content": {"_file": "abc.jsonl"}}))
    found = take(zipped(har_har=outer, abc_jsonl=lines))
    assert (found.texts, found.times, found.remarks) == (GOOD, [100, 200], [])
    with pytest.raises(ImportFormatError, match="which is missing"):
        take(zipped(har_har=outer))


def test_all_hars_of_a_zip_are_one_recording(take: Take) -> None:
    second = har(entry(RECEIVE | {"time": T + 5}, startedDateTime="2026-03-01T10:00:05Z"))
    found = take(zipped(a_har=HAR, b_har=second))
    assert (found.texts, found.times) == ([*GOOD, GOOD[1]], [100, 200, 5000])


def test_a_cut_gzip_gives_what_is_whole(take: Take) -> None:
    noise = random.Random(1).randbytes(20_000).hex()
    whole = gzip.compress(har(entry(SEND, RECEIVE), entry(SEND | {"data": noise})))
    found = take(whole[:8_000])
    assert found.texts[:2] == GOOD
    assert found.remarks[0].startswith("the gzip data is cut off: ")
    assert found.remarks[1].startswith("cut off at byte ")


def test_a_damaged_zip_member_gives_what_is_whole(take: Take) -> None:
    noise = random.Random(1).randbytes(40_000).hex()
    content = bytearray(zipped(a_har=har(entry(SEND, RECEIVE), entry(SEND | {"data": noise}))))
    content[20_000:20_400] = bytes(400)
    found = take(bytes(content))
    assert found.texts[:2] == GOOD
    assert any("damaged in the zip file" in remark for remark in found.remarks)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (bytes(257) + b"ustar", "this is a tar file"), (bz2.compress(HAR), "this is a bzip2 file: unpack it first"),
        (lzma.compress(HAR), "this is an xz file"),
        (b"\xd4\xc3\xb2\xa1rest", "a packet capture"), (zipped(a_har=HAR)[:-40], "the zip file is cut off or damaged"),
        (zipped(a_txt=b"", b_txt=b""), "the zip file contains 2 files, none of them a HAR: a.txt, b.txt"),
        (zipped(), "no WebSocket found in it"), (HAR.decode().encode("utf-16")[:201] + b"\xd8\xd8\xd8\xd8", "UTF-16-LE"),
        (gzip.compress(b"hello"), "1: not JSON"), (b"\x1f\x8b", "nothing to import"), (b"", "nothing to import"),
        (gzip.compress(gzip.compress(gzip.compress(gzip.compress(gzip.compress(HAR))))), "it is packed more than 4 times over"),
    ],
    ids=range(12),
)  # fmt: skip
def test_what_cannot_be_unpacked_is_named(content: bytes, says: str, take: Take) -> None:
    with pytest.raises(ImportFormatError, match=says):
        take(content)


def test_a_recording_is_named_as_one(take: Take, tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "a.db").execute("CREATE TABLE a (b)").connection.close()
    with pytest.raises(ImportFormatError, match="a recording is opened as it is"):
        take((tmp_path / "a.db").read_bytes())


def test_an_encrypted_or_unknown_member_is_named(take: Take) -> None:
    content = bytearray(zipped(a_har=HAR))
    for sign, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(sign) + offset] |= 1
    with pytest.raises(ImportFormatError, match="it is encrypted, or compressed with an unknown method"):
        take(bytes(content))
