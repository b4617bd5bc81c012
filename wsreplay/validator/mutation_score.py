"""How good is a contract? Put one fault after the other into a good trace and see which of them it lets live.

A mutant is the trace with one event dropped, doubled, swapped with the next one of its direction, stalled, or brought to
somebody else's connection. A survivor is a hole in the contract, or a fault that is none (DeMillo, Lipton, Sayward 1978).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from random import Random

from wsreplay.contract import Contract
from wsreplay.contract.decoding import are_hints, decoder_for
from wsreplay.errors import UsageError
from wsreplay.model import Connection, Ending, Message, Opcode
from wsreplay.store.reader import Recording
from wsreplay.trace import mutators
from wsreplay.trace.sessions import stitch
from wsreplay.trace.stream import lifecycle
from wsreplay.validator.engine import Engine
from wsreplay.validator.findings import Judgement, Verdict
from wsreplay.validator.judge import decoder_names

STALL_NS = 60_000_000_000
SOMEBODY_ELSE = "somebody-else"


@dataclass(frozen=True, slots=True)
class WholeTrace:
    """A trace that can be validated: connections, whole messages in order, and how far it is known to reach (ns)."""

    connections: tuple[Connection, ...]
    messages: tuple[Message, ...]
    reached_ns: int


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: what was done to which event, and the rules that noticed it."""

    kind: str
    frame: int
    type: str | None
    direction: int
    noticed_by: tuple[str, ...] = ()

    @property
    def survived(self) -> bool:
        return not self.noticed_by


@dataclass(frozen=True, slots=True)
class MutationScore:
    """What became of all mutants."""

    mutants: tuple[Mutant, ...] = field(default=())

    @property
    def survivors(self) -> tuple[Mutant, ...]:
        return tuple(mutant for mutant in self.mutants if mutant.survived)

    @property
    def killed(self) -> int:
        return len(self.mutants) - len(self.survivors)

    def by_kind(self) -> dict[str, tuple[int, int]]:
        """For each kind of fault: how many were noticed, of how many."""
        counts: dict[str, tuple[int, int]] = {}
        for mutant in self.mutants:
            noticed, all_ = counts.get(mutant.kind, (0, 0))
            counts[mutant.kind] = noticed + (not mutant.survived), all_ + 1
        return counts


OnMutant = Callable[[Mutant, int, int], None]
"""Told of each mutant: its number, from 1, and how many there are."""


def score_recording(
    recording: Recording, contract: Contract, *, most: int = 2_000, seed: int = 0,
    connections: Collection[int] | None = None, on_mutant: OnMutant | None = None,
) -> MutationScore:  # fmt: skip
    """Mutate each event of a recording, or of some of its connections; above `most` mutants, as many chosen at random.

    Raises UsageError where the contract finds fault with the recording as it is, or nothing to judge in it.
    """
    accepted = tuple(
        connection for connection in recording.connections()
        if connection.ending is not Ending.REFUSED and (connections is None or connection.id in connections)
    )  # fmt: skip
    trace = WholeTrace(accepted, tuple(recording.messages(connections=connections)), recording.reached_ns())
    return score_trace(trace, contract, most=most, seed=seed, on_mutant=on_mutant)


def score_trace(
    trace: WholeTrace, contract: Contract, *, most: int = 2_000, seed: int = 0, on_mutant: OnMutant | None = None
) -> MutationScore:
    """The same for a trace in memory."""
    before = judge_trace(trace, contract)
    if any(finding.verdict is Verdict.VIOLATED for finding in before.findings):
        first = next(finding for finding in before.findings if finding.verdict is Verdict.VIOLATED)
        raise UsageError(f"only a recording without findings can be mutated, and this one has: {first.rule}: {first.message}")
    if before.verdict is Verdict.VACUOUS:
        raise UsageError(f"{contract.name} does not apply to anything in this recording")
    chosen = [(kind, at) for at, message in enumerate(trace.messages) if message.opcode == Opcode.TEXT for kind in KINDS]
    if len(chosen) > most:
        chosen = sorted(Random(seed).sample(chosen, most), key=itemgetter(1))
    chosen = [(kind, at) for kind, at in chosen if _applies(trace, kind, at)]
    judged = (_judge_mutant(trace, contract, kind, at) for kind, at in chosen)
    mutants: list[Mutant] = []
    for mutant in judged if are_hints(contract) else _name_types(trace, contract, judged):
        mutants.append(mutant)
        if on_mutant is not None:
            on_mutant(mutant, len(mutants), len(chosen))
    return MutationScore(tuple(mutants))


def _name_types(trace: WholeTrace, contract: Contract, mutants: Iterable[Mutant]) -> Iterator[Mutant]:
    """The mutants, with the type of each message where the contract says it is."""
    names = decoder_names(contract, trace.connections, trace.messages)
    messages = {message.id: message for message in trace.messages}
    for mutant in mutants:
        message = messages[mutant.frame]
        parts = decoder_for(names[message.connection_id], contract).parse(message.direction, message.opcode, message.payload)
        yield replace(mutant, type=parts[0].type if parts else None)


def judge_trace(trace: WholeTrace, contract: Contract) -> Judgement:
    engine = Engine(contract)
    engine.set_decoders(decoder_names(contract, trace.connections, trace.messages))
    engine.expect(lifecycle(trace.connections, stitch(trace.connections, contract.resumption)))
    engine.run([message.row() for message in trace.messages])
    engine.finish(trace.reached_ns)
    return engine.judgement()


def mutate(trace: WholeTrace, kind: str, at: int) -> WholeTrace:
    """The trace with one fault of a kind, at the message of this index. Messages are numbered anew."""
    if kind not in KINDS:
        raise UsageError(f"unknown fault {kind!r}; there are {', '.join(KINDS)}")
    return _renumber(KINDS[kind](trace, at))


def _judge_mutant(trace: WholeTrace, contract: Contract, kind: str, at: int) -> Mutant:
    judgement = judge_trace(mutate(trace, kind, at), contract)
    rules = dict.fromkeys(finding.rule for finding in judgement.findings if finding.verdict is Verdict.VIOLATED)
    message = trace.messages[at]
    return Mutant(kind, message.id, message.type, message.direction, tuple(rules))


def _applies(trace: WholeTrace, kind: str, at: int) -> bool:
    """A swap needs a partner that differs from the event."""
    if kind != "swap":
        return True
    other = mutators.next_like(trace.messages, at)
    return other is not None and trace.messages[other].payload != trace.messages[at].payload


def _renumber(trace: WholeTrace) -> WholeTrace:
    return replace(trace, messages=tuple(message._replace(id=number) for number, message in enumerate(trace.messages, 1)))


def _drop(trace: WholeTrace, at: int) -> WholeTrace:
    return replace(trace, messages=tuple(mutators.drop(trace.messages, at)))


def _double(trace: WholeTrace, at: int) -> WholeTrace:
    return replace(trace, messages=tuple(mutators.duplicate(trace.messages, at)))


def _swap(trace: WholeTrace, at: int) -> WholeTrace:
    other = mutators.next_like(trace.messages, at)
    return trace if other is None else replace(trace, messages=tuple(mutators.swap(trace.messages, at, other)))


def _stall(trace: WholeTrace, at: int) -> WholeTrace:
    """The event comes a minute late, and all that follows it as well: the order stays."""
    since = trace.messages[at].t_ns

    def later(connection: Connection) -> Connection:
        opened, closed = connection.opened_ns, connection.closed_ns
        return connection._replace(
            opened_ns=opened + STALL_NS if opened > since else opened,
            closed_ns=closed + STALL_NS if closed is not None and closed >= since else closed,
        )

    connections = tuple(map(later, trace.connections))
    messages = [*trace.messages[:at], *(message._replace(t_ns=message.t_ns + STALL_NS) for message in trace.messages[at:])]
    return WholeTrace(connections, tuple(messages), trace.reached_ns + STALL_NS)


def _readdress(trace: WholeTrace, at: int) -> WholeTrace:
    """The event reaches somebody else, who is connected for as long as the trace lasts."""
    message = trace.messages[at]
    own = next(connection for connection in trace.connections if connection.id == message.connection_id)
    other = own._replace(
        id=max(connection.id for connection in trace.connections) + 1,
        user=SOMEBODY_ELSE,
        opened_ns=min(connection.opened_ns for connection in trace.connections),
        closed_ns=trace.reached_ns,
        ending=Ending.CLEAN,
        close_code=1000,
    )
    moved = message._replace(connection_id=other.id, seq=1)
    messages = [*trace.messages[:at], moved, *trace.messages[at + 1 :]]
    return replace(trace, connections=(*trace.connections, other), messages=tuple(messages))


KINDS: dict[str, Callable[[WholeTrace, int], WholeTrace]] = {
    "drop": _drop,
    "double": _double,
    "swap": _swap,
    "stall": _stall,
    "readdress": _readdress,
}


def format_score(score: MutationScore) -> Iterator[str]:
    """The score for people: a table of kinds."""
    for kind, (noticed, all_) in score.by_kind().items():
        yield f"{kind:<10} {noticed:>4} of {all_:>4} noticed"
    yield f"{'all':<10} {score.killed:>4} of {len(score.mutants):>4} noticed"


def format_survivor(mutant: Mutant, names: Sequence[str] = ("c2s", "s2c")) -> str:
    """A line of a mutant that was not noticed."""
    return f"survived   {mutant.kind} of frame {mutant.frame}  {names[mutant.direction]}:{mutant.type or '?'}"
