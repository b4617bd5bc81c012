"""A million hostile inputs: no decoder fails, none takes long."""

from __future__ import annotations

import random
import time

import pytest

from tests.decode.conftest import EXAMPLES
from wsreplay.decode import decoder_names, get_decoder

INPUTS = 1_000_000
SLOWEST_S = 1.0


@pytest.mark.campaign
@pytest.mark.timeout(900)
def test_a_million_inputs() -> None:
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    decoders = [get_decoder(name) for name in decoder_names()]
    known = [message for examples in EXAMPLES.values() for message in examples]
    slowest, count = (0.0, "", b""), 0
    while count < INPUTS:
        _, opcode, payload = rng.choice(known)
        data = bytearray(payload)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(data) + 1)
            data[at : at + rng.randrange(4)] = rng.randbytes(rng.randrange(4)) or data * rng.randrange(3)
            del data[4096:]
        for decoder in decoders:
            began = time.perf_counter()
            decoder.parse(rng.randrange(2), rng.choice((opcode, 3 - opcode)), bytes(data))
            slowest = max(slowest, (time.perf_counter() - began, decoder.name, bytes(data)))
            count += 1
    print(f"\ndecoders: {count:,} inputs, seed {seed}, slowest {slowest[0] * 1e3:.1f} ms ({slowest[1]}), 0 failed")
    assert slowest[0] < SLOWEST_S, slowest
