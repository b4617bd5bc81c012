"""Many files, and large ones, judged by several processes.

A file is split by user: whoever shares sessions or rules `across: user` stays together. Only isolation looks across users, so
each part also says which ids it came across; where two parts share one, the file is judged again as a whole.

Who judges is an executor: processes here, or workers on other machines. A worker that dies takes nothing with it: what it was
at is judged again by others, and after some deaths is said to be what cannot be judged.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from itertools import accumulate
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

from wsreplay import remote
from wsreplay.contract import Contract
from wsreplay.contract.users import ConnectionUsers
from wsreplay.errors import RecordingError, WsreplayError
from wsreplay.model import NO_CONTRACT, Connection
from wsreplay.store.paging import frame_counts
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.validator.claims import Claims
from wsreplay.validator.cross_recording import JudgedFile, judge_across
from wsreplay.validator.findings import Judgement
from wsreplay.validator.judge import judge, prepare, rare_collection, with_notes
from wsreplay.validator.merge import PartialJudgement, merge
from wsreplay.validator.recording_context import RecordingContext
from wsreplay.validator.select import select_contracts
from wsreplay.validator.span_log import SpanLog
from wsreplay.validator.verdict_cache import SavedVerdicts, state_of

WORTH_SPLITTING = 20_000
_UNEVEN = 1.05  # how much more than its share a part may hold where its connections stand side by side
MOST_DEATHS = 3  # of the processes that judge, before what they judged is given up


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """One file judged by one contract: its judgement, or why there is none."""

    path: Path
    contract: str
    judgement: Judgement | None
    error: WsreplayError | None = None
    judged_by: Contract | None = None  # where whoever judged has chosen it
    claims: Claims | None = None  # where they were asked for


@dataclass(frozen=True, slots=True)
class Workers:
    """Who judges: `count` at a time. `lost` are the errors that say that workers died over a task, again and again."""

    executor: Executor
    count: int
    lost: tuple[type[BaseException], ...] = ()


Wanted = tuple[Path, Contract | None]
"""A file, and what judges it; None: the one that fits, which whoever opens the file finds out."""


def judge_files(
    wanted: Iterable[tuple[str | Path, Contract | None]],
    *,
    jobs: int = 1,
    workers: Workers | None = None,
    progress: Callable[[], None] | None = None,
    worth_splitting: int = WORTH_SPLITTING,
    spans: bool = False,
    saved: SavedVerdicts | None = None,
    read_as: ReadAs | None = None,
    across: bool = False,
) -> list[FileOutcome]:
    """Judge each file by the contract it comes with, in this order; `progress` is called after each. With `spans`, judgements
    hold all spans, not only runs. Where a file comes with None, the contract that fits judges it, read as `read_as` says.

    With `jobs` above 1, or with workers of the caller's, files are judged side by side, and one of at least `worth_splitting`
    frames in parts. What is `saved` of files that nobody has touched since is not judged again.

    With `across`, the files are taken for recordings of one backend: what reaches the wrong user in another of them is found.
    """
    task = _Task(spans, read_as or ReadAs(), across)
    saved = None if across else saved  # what was saved does not say which ids came
    pairs = [(Path(path), contract) for path, contract in wanted]
    outcomes: list[FileOutcome | None] = [None] * len(pairs)
    states = [state_of(path) if saved is not None and contract is not None else None for path, contract in pairs]

    def settle(number: int, outcome: FileOutcome) -> None:
        outcomes[number] = outcome
        if progress is not None:
            progress()

    for number, ((path, contract), state) in enumerate(zip(pairs, states, strict=True)):
        if saved is not None and contract is not None and state is not None:
            judgement = saved.find(state, contract, spans)
            if judgement is not None:
                settle(number, FileOutcome(path, contract.name, judgement))
    rest = {number: pair for number, pair in enumerate(pairs) if outcomes[number] is None}
    if workers is not None:
        _judge_side_by_side(rest, workers, task, worth_splitting, settle)
    elif jobs > 1:
        _judge_in_processes(rest, jobs, task, worth_splitting, settle)
    else:
        for number, pair in rest.items():
            settle(number, task.judge(*pair))
    judged = [outcome for outcome in outcomes if outcome is not None]
    if across:
        return _judge_across(judged, [contract for _, contract in pairs])
    for number in rest:
        state, (_, contract), judgement = states[number], pairs[number], judged[number].judgement
        if saved is not None and contract is not None and state is not None and judgement is not None:
            saved.keep(state, contract, judgement, spans)
    return judged


def _judge_across(outcomes: list[FileOutcome], contracts: Sequence[Contract | None]) -> list[FileOutcome]:
    """The same files, those that were judged by one contract as if they were one."""
    of_contract: dict[str, list[int]] = defaultdict(list)
    chosen: dict[str, Contract] = {}
    for number, (outcome, contract) in enumerate(zip(outcomes, contracts, strict=True)):
        judged_by = contract or outcome.judged_by
        if judged_by is not None and outcome.claims is not None:
            chosen[judged_by.digest] = judged_by
            of_contract[judged_by.digest].append(number)
    for digest, numbers in of_contract.items():
        files = [
            JudgedFile(outcomes[number].path, judgement, claims) for number in numbers
            if (judgement := outcomes[number].judgement) is not None and (claims := outcomes[number].claims) is not None
        ]  # fmt: skip
        for place, judgement in judge_across(files, chosen[digest]).items():
            outcomes[numbers[place]] = replace(outcomes[numbers[place]], judgement=judgement)
    return outcomes


@dataclass(frozen=True, slots=True)
class _Task:
    """How each file is judged; travels to whoever judges it."""

    spans: bool
    read_as: ReadAs
    across: bool = False

    def judge(self, path: Path, contract: Contract | None) -> FileOutcome:
        chosen, name = contract, contract.name if contract is not None else NO_CONTRACT
        try:
            with Recording.open(path) as recording:
                if chosen is None:
                    chosen = select_contracts(recording, decoder=self.read_as.decoder)[0].read_as(self.read_as)
                span_log, claims = SpanLog() if self.spans else None, Claims() if self.across else None
                judgement = judge(recording, chosen, span_log=span_log, log_claim=claims.add if claims is not None else None)
        except WsreplayError as error:
            return FileOutcome(path, name, None, error)
        return FileOutcome(path, chosen.name, judgement, judged_by=None if contract is not None else chosen, claims=claims)


Settle = Callable[[int, FileOutcome], None]


def _pool(count: int) -> Executor:
    return ProcessPoolExecutor(max_workers=count, mp_context=start_method(), initializer=_end_when_told)


def _end_when_told() -> None:
    """In a process that judges: a signal ends it. A handler inherited by fork may raise instead, and what is raised becomes
    the result of what it was at; the pool, which ends all when one has died, would then wait for it for ever."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def start_method() -> BaseContext:
    """How to start processes. Forking is fastest, but a fork of a process with other threads inherits the locks they hold at
    that moment, and can wait for them for ever."""
    return get_context("fork" if threading.active_count() == 1 and sys.platform == "linux" else "forkserver")


def _judge_in_processes(rest: dict[int, Wanted], jobs: int, task: _Task, worth_splitting: int, settle: Settle) -> None:
    """By processes of our own. Where one dies all break off, and begin again; in the end each file has a process to itself,
    so that only what kills it is given up."""
    for _ in range(MOST_DEATHS - 1):
        if rest:
            with _pool(jobs) as executor:
                workers = Workers(executor, jobs, (BrokenExecutor,))
                _judge_side_by_side(rest, workers, task, worth_splitting, settle, again=True)
    for number in list(rest):
        with _pool(1) as executor:
            _judge_side_by_side({number: rest[number]}, Workers(executor, 1, (BrokenExecutor,)), task, worth_splitting, settle)


def _judge_side_by_side(
    rest: dict[int, Wanted], workers: Workers, task: _Task, worth_splitting: int, settle: Settle, *, again: bool = False
) -> None:
    """Judge the rest, and take away from it what is settled. What died is left where it is to be tried `again`."""
    share = max(1, workers.count // max(1, len(rest)))
    split = {number: _split(path, contract, share, worth_splitting) for number, (path, contract) in rest.items()}
    futures: dict[Future[Any], int] = {}
    for number, (path, contract) in rest.items():
        if len(split[number]) < 2 or contract is None:
            futures[workers.executor.submit(task.judge, path, contract)] = number
        else:
            for part in split[number]:
                futures[workers.executor.submit(judge_part, path, contract, part, task.spans)] = number
    results: dict[int, list[Any]] = {number: [] for number in rest}
    for future in as_completed(futures):
        number = futures[future]
        if number not in rest:
            continue  # another part of it has died
        path, contract = rest[number]
        try:
            results[number].append(future.result())
        except workers.lost as error:
            if not again:
                del rest[number]
                settle(number, _given_up(path, contract, error))
            continue
        if len(results[number]) == max(1, len(split[number])):
            del rest[number]
            settle(number, _join(path, contract, results[number], task))


def _given_up(path: Path, contract: Contract | None, error: BaseException) -> FileOutcome:
    name = contract.name if contract is not None else NO_CONTRACT
    text = f"{remote.shown(path)}: the processes that validated it died repeatedly ({type(error).__name__})"
    return FileOutcome(path, name, None, RecordingError(text))


def _join(path: Path, contract: Contract | None, results: list[Any], task: _Task) -> FileOutcome:
    """One file's outcome from those of its parts."""
    if isinstance(results[0], FileOutcome):
        return results[0]
    assert contract is not None
    for result in results:
        if isinstance(result, WsreplayError):
            return FileOutcome(path, contract.name, None, result)
    for number, part in enumerate(results):
        if any(part.claims.shares_ids(other.claims) for other in results[:number]):
            return task.judge(path, contract)
    with Recording.open(path) as recording:
        context = RecordingContext.read(recording, contract)
    judgement = with_notes(merge(contract, results, spans=task.spans), context.refusals())
    claims = Claims()
    for part in results if task.across else ():
        claims.update(part.claims)
    return FileOutcome(path, contract.name, judgement, claims=claims if task.across else None)


def _split(path: Path, contract: Contract | None, parts: int, worth_splitting: int) -> list[list[int]]:
    """The connections of each part; one part, or none, where splitting does not pay or cannot be done."""
    if parts < 2 or contract is None or "user" in contract.keys or not contract.rules:
        return []
    try:
        with Recording.open(path) as recording:
            if recording.last_id() < worth_splitting:
                return []
            connections = ConnectionUsers(contract).identify(recording, recording.connections())
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
    claims = Claims()
    try:
        with Recording.open(path) as recording, recording.snapshot(), rare_collection():
            context = RecordingContext.read(recording, contract).among(set(connections))
            engine = prepare(recording, contract, context, SpanLog() if spans else None)
            engine.judge_part(claims.add)
            for rows in recording.rows(connections=connections):
                engine.run(rows)
            engine.finish(context.reached_ns)
    except WsreplayError as error:
        return error
    return PartialJudgement(
        engine.judgement(), engine.matched, engine.skipped, engine.undecodable, engine.anonymous, engine.now, engine.types,
        claims,
    )  # fmt: skip
