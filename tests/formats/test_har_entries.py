"""The entries of a damaged HAR: whatever comes, they are found or not, and it does not matter in which pieces it comes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wsreplay.formats.har_entries import EntrySplitter, parse_beginning

HAR = b'{"log": {"creator": {"name": "x"}, "entries": [{"a": [1, "]"]}, {"b": {}}], "pages": []}}'
ANY = st.lists(st.sampled_from([b"{", b"}", b"[", b"]", b'"', b"\\", b",", b"log", b"entries", HAR[:46], HAR])).map(b"".join)


def split(*pieces: bytes) -> list[bytes]:
    splitter = EntrySplitter()
    return [entry for piece in pieces for entry in splitter.feed(piece)]


def test_entries_are_found() -> None:
    assert split(HAR) == [b'{"a": [1, "]"]}', b'{"b": {}}']


def test_brackets_that_close_nothing_are_passed_over() -> None:
    assert split(b"}]" * 9 + HAR) == split(HAR)


@given(ANY, st.integers(0, 200))
def test_pieces_do_not_matter(text: bytes, at: int) -> None:
    assert split(text[:at], text[at:]) == split(text)
    parse_beginning(text)
