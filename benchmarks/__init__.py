"""wsreplay beside what else passes or records WebSocket traffic: one command, one run, one table.

    python -m benchmarks [--quick] [--only record,connections,echo,memory] [--rounds N]

The alternatives take turns in every round (A B C A B C …), so that a machine that gets slower or faster in between does so for
all; a ratio is taken within a round, and the table shows medians over the rounds.

    load           the bytes: handshakes and prebuilt bursts of frames
    backend        a process that streams, swallows or echoes frames at the speed of the kernel
    client         the other end of it: connects, reads or sends all, measures round trips
    alternatives   what stands between them: nothing, a bare relay, wsreplay, mitmproxy
    bare_relay     the bare relay
    inserts        the same rows into the same schema by a bare `executemany`
    mitmproxy      its environment
    memory         what processes hold
    scenarios      what is measured
    compare        this checkout beside another, as programs: `python -m benchmarks.compare OTHER`
    table          the results as text, markdown and JSON
"""

import os

os.environ["WSREPLAY_CACHE"] = ""  # what is measured is judged, not remembered
