"""Many files, and large ones, judged by several processes.

A file is split by user: whoever shares sessions or rules `across: user` stays together. Only isolation looks across users, so
each part also says which ids it came across; where two parts share one, the file is judged again as a whole.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from wsreplay.contract import Contract
from wsreplay.errors import WsreplayError
from wsreplay.model import Connection
from wsreplay.store.paging import frame_counts
from wsreplay.store.reader import Recording
from wsreplay.trace.identity import identified
from wsreplay.validator.findings import Judgement
from wsreplay.validator.judge import judge, prepare, rare_collection, with_notes
from wsreplay.validator.merge import PartialJudgement, merge
from wsreplay.validator.saved import SavedVerdicts, state_of
from wsreplay.validator.setting import TraceSetting
from wsreplay.validator.span_log import SpanLog

WORTH_SPLITTING = 20_000
_UNEVEN = 1.05  # how much more than its share a part may hold where its connections stand side by side
_LONG_ID = 64


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """One file judged by one contract: its judgement, or why there is none."""

    path: Path
    contract: str
    judgement: Judgement | None
    error: WsreplayError | None = None


def judge_files(
    wanted: Iterable[tuple[str | Path, Contract]],
    *,
    jobs: int = 1,
    executor: Executor | None = None,
    progress: Callable[[], None] | None = None,
    worth_splitting: int = WORTH_SPLITTING,
    spans: bool = False,
    saved: SavedVerdicts | None = None,
) -> list[FileOutcome]:
    """Judge each file by the contract it comes with, in this order; `progress` is called after each. With `spans`, judgements
    hold all spans, not only runs.

    With `jobs` above 1, or with an executor of the caller's, files are judged side by side, and one of at least
    `worth_splitting` frames in parts. What is `saved` of files that nobody has touched since is not judged again.
    """
    pairs = [(Path(path), contract) for path, contract in wanted]
    if saved is not None:
        return _judge_what_is_not_saved(pairs, saved, jobs, executor, progress, worth_splitting, spans)
    if jobs <= 1 and executor is None:
        outcomes = []
        for path, contract in pairs:
            outcomes.append(_judge_file(path, contract, spans))
            if progress is not None:
                progress()
        return outcomes
    if executor is not None:
        return _judge_side_by_side(pairs, executor, max(jobs, 1), progress, worth_splitting, spans)
    with ProcessPoolExecutor(max_workers=jobs) as own:
        return _judge_side_by_side(pairs, own, jobs, progress, worth_splitting, spans)


def _judge_what_is_not_saved(
    wanted: list[tuple[Path, Contract]],
    saved: SavedVerdicts,
    jobs: int,
    executor: Executor | None,
    progress: Callable[[], None] | None,
    worth_splitting: int,
    spans: bool,
) -> list[FileOutcome]:
    states = [state_of(path) for path, _ in wanted]
    judgements = [
        saved.find(state, contract, spans) if state is not None else None
        for state, (_, contract) in zip(states, wanted, strict=True)
    ]
    rest = [pair for pair, judgement in zip(wanted, judgements, strict=True) if judgement is None]
    for _ in range(len(wanted) - len(rest) if progress is not None else 0):
        assert progress is not None
        progress()
    judged = iter(
        judge_files(rest, jobs=jobs, executor=executor, progress=progress, worth_splitting=worth_splitting, spans=spans)
    )
    outcomes = []
    for state, (path, contract), judgement in zip(states, wanted, judgements, strict=True):
        outcome = next(judged) if judgement is None else FileOutcome(path, contract.name, judgement)
        if judgement is None and outcome.judgement is not None and state is not None:
            saved.keep(state, contract, outcome.judgement, spans)
        outcomes.append(outcome)
    return outcomes


def _judge_file(path: Path, contract: Contract, spans: bool) -> FileOutcome:
    try:
        with Recording.open(path) as recording:
            return FileOutcome(path, contract.name, judge(recording, contract, span_log=SpanLog() if spans else None))
    except WsreplayError as error:
        return FileOutcome(path, contract.name, None, error)


def _judge_side_by_side(
    wanted: list[tuple[Path, Contract]],
    executor: Executor,
    jobs: int,
    progress: Callable[[], None] | None,
    worth_splitting: int,
    spans: bool,
) -> list[FileOutcome]:
    share = max(1, jobs // max(1, len(wanted)))
    split = [_split(path, contract, share, worth_splitting) for path, contract in wanted]
    futures: dict[Future[Any], int] = {}
    for number, ((path, contract), parts) in enumerate(zip(wanted, split, strict=True)):
        if len(parts) < 2:
            futures[executor.submit(_judge_file, path, contract, spans)] = number
        else:
            for part in parts:
                futures[executor.submit(judge_part, path, contract, part, spans)] = number
    results: list[list[Any]] = [[] for _ in wanted]
    outcomes: list[FileOutcome | None] = [None] * len(wanted)
    for future in as_completed(futures):
        number = futures[future]
        results[number].append(future.result())
        if len(results[number]) == max(1, len(split[number])):
            outcomes[number] = _join(*wanted[number], results[number], spans)
            if progress is not None:
                progress()
    return [outcome for outcome in outcomes if outcome is not None]


def _join(path: Path, contract: Contract, results: list[Any], spans: bool) -> FileOutcome:
    """One file's outcome from those of its parts."""
    if isinstance(results[0], FileOutcome):
        return results[0]
    for result in results:
        if isinstance(result, WsreplayError):
            return FileOutcome(path, contract.name, None, result)
    for number, part in enumerate(results):
        if any(part.shares_ids(other) for other in results[:number]):
            return _judge_file(path, contract, spans)
    with Recording.open(path) as recording:
        setting = TraceSetting.read(recording, contract)
    return FileOutcome(path, contract.name, with_notes(merge(contract, results, spans=spans), setting.refusals()))


def _split(path: Path, contract: Contract, parts: int, worth_splitting: int) -> list[list[int]]:
    """The connections of each part; one part, or none, where splitting does not pay or cannot be done."""
    if parts < 2 or "user" in contract.keys or not contract.rules:
        return []
    try:
        with Recording.open(path) as recording:
            if recording.last_id() < worth_splitting:
                return []
            connections = identified(recording.connections(), contract.users)
            counts = frame_counts(recording, [connection.id for connection in connections])
            return _balance(connections, counts, parts)
    except WsreplayError:
        return []  # whoever judges the file says what is wrong with it


def _balance(connections: Sequence[Connection], frames: dict[int, int], parts: int) -> list[list[int]]:
    """Users spread over parts of about the same number of frames; every anonymous connection is a user of its own.

    In the order of their connections where that comes out even: what stands side by side is read with less effort.
    """
    users: dict[Any, list[int]] = {}
    for connection in connections:
        users.setdefault(connection.user if connection.user is not None else connection.id, []).append(connection.id)
    groups = [(sum(frames.get(connection, 0) for connection in ids) + 1, ids) for ids in users.values()]
    share = sum(size for size, _ in groups) / parts
    shares = [list[int]() for _ in range(parts)]
    loads = [0] * parts
    for before, (size, ids) in zip(accumulate((size for size, _ in groups), initial=0), groups, strict=False):
        part = min(parts - 1, int((before + size / 2) / share))
        shares[part] += ids
        loads[part] += size
    if max(loads) > share * _UNEVEN:
        shares, loads = [list[int]() for _ in range(parts)], [0] * parts
        for size, ids in sorted(groups, key=lambda group: (-group[0], group[1][0])):
            lightest = loads.index(min(loads))
            shares[lightest] += ids
            loads[lightest] += size
    return [sorted(ids) for ids in shares if ids]


def judge_part(
    path: Path, contract: Contract, connections: list[int], spans: bool = False
) -> PartialJudgement | WsreplayError:
    """Judge some connections of a file as if there were no others; runs in a process of its own."""
    ids: defaultdict[str, set[Any]] = defaultdict(set)
    try:
        with Recording.open(path) as recording, recording.snapshot(), rare_collection():
            setting = TraceSetting.read(recording, contract).among(set(connections))
            engine = prepare(recording, contract, setting, SpanLog() if spans else None)
            engine.judge_part(lambda key, value: ids[key].add(_shorten(value)))
            for rows in recording.rows(connections=connections):
                engine.run(rows)
            engine.finish(setting.reached_ns)
    except WsreplayError as error:
        return error
    return PartialJudgement(
        engine.judgement(), engine.matched, engine.skipped, engine.undecodable, engine.anonymous, engine.now, dict(ids)
    )


def _shorten(value: Any) -> Any:
    """An id, or the digest of a long one: the same in every process, as Python's own hash is not."""
    if value.__class__ is not str or len(value) <= _LONG_ID:
        return value
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).digest()
