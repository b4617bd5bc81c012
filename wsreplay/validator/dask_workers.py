"""Workers of a Dask cluster, for `judge_files`. Needs the extra `dask`.

    tcp://host:8786     a cluster's scheduler, whose workers see the same files or URLs
    local:4             a cluster of so many processes on this machine, for as long as it takes
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from wsreplay.errors import UsageError
from wsreplay.extras import require
from wsreplay.validator.parallel import Workers

RETRIES = 2  # of a task that fails, where storage does not answer
PATIENCE_S = 20.0  # until there is a worker; for the scheduler it is Dask's own


@contextmanager
def dask_workers(address: str) -> Iterator[Workers]:
    """The workers at an address. Raises UsageError where there is no such scheduler, or it has no worker."""
    require("dask", "distributed", purpose="--dask")
    from distributed import Client
    from distributed.scheduler import KilledWorker

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # a worker that dies is told by what is not judged
    with _scheduler(address) as scheduler:
        try:
            client: Any = Client(scheduler, set_as_default=False)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise UsageError(f"--dask {address}: there is no scheduler: {error}") from None
        with client:
            try:
                client.wait_for_workers(1, timeout=PATIENCE_S)
            except TimeoutError:
                raise UsageError(f"--dask {address}: the scheduler has no worker") from None
            count = sum(client.nthreads().values())
            yield Workers(client.get_executor(pure=False, retries=RETRIES), count, (KilledWorker,))


@contextmanager
def _scheduler(address: str) -> Iterator[Any]:
    local = re.fullmatch(r"local(?::([1-9][0-9]{0,3}))?", address)
    if local is None:
        if "://" not in address:
            raise UsageError(f"--dask {address} is not an address; write tcp://HOST:8786, or local:4 for processes here")
        yield address
        return
    from distributed import LocalCluster

    count = int(local[1]) if local[1] else None
    with LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=logging.CRITICAL,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # else port 8787, with a warning where it is taken
    ) as cluster:
        yield cluster
