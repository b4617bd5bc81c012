from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wsreplay.recorder.protocol import HEAD_LENGTH, Record, RecordKind, RecordReader, head

records = st.lists(
    st.builds(
        Record, kind=st.sampled_from(RecordKind), direction=st.integers(0, 1), connection=st.integers(0, 2**32 - 1),
        t_ns=st.integers(0, 2**62), body=st.binary(max_size=60),
    ),
    max_size=12,
)  # fmt: skip


@given(records, st.lists(st.integers(1, 50)))
def test_records_come_out_as_they_went_in_however_they_are_split(sent: list[Record], sizes: list[int]) -> None:
    data = b"".join(head(one.kind, len(one.body), one.t_ns, one.connection, one.direction) + one.body for one in sent)
    reader = RecordReader()
    got: list[tuple[object, ...]] = []
    for size in [*sizes, len(data)]:
        part, data = data[:size], data[size:]
        got += [tuple(one) for one in reader.feed(part)]
    assert got == [tuple(one) for one in sent]


def test_a_head_is_as_long_as_it_says() -> None:
    assert len(head(RecordKind.CHUNK, 7, 1)) == HEAD_LENGTH
