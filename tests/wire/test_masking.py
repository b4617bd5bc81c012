from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st
from websockets.speedups import apply_mask as c_apply_mask

from wsreplay.wire.masking import apply_mask, apply_mask_by_integers


def test_the_c_function_is_used_where_there_is_one():
    assert apply_mask is c_apply_mask


@given(data=st.binary(max_size=300), key=st.binary(min_size=4, max_size=4))
def test_the_integers_give_what_the_c_function_gives(data: bytes, key: bytes):
    assert apply_mask_by_integers(data, key) == c_apply_mask(data, key)
    assert apply_mask_by_integers(apply_mask_by_integers(data, key), key) == data


def test_without_the_c_function_the_integers_serve():
    code = (
        "import sys; sys.modules['websockets.speedups'] = None\n"
        "from wsreplay.wire.frames import StreamDecoder\n"
        "print(StreamDecoder().feed(bytes.fromhex('818537fa213d7f9f4d5158'), 0)[0].message)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "b'Hello'\n"
