"""What each built-in contract notices of the faults put into its good samples, and why the rest is none of its business."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from wsreplay.contract import builtin_names, load
from wsreplay.store.reader import Recording
from wsreplay.validator import mutation_score

SAMPLES = Path(__file__).resolve().parents[2] / "recordings" / "samples"
GOOD = {
    "agent-chat": ("healthy",),
    "ag-ui": ("ag-ui/good",),
    "graphql-transport-ws": ("graphql-transport-ws/good",),
    "openai-realtime": ("openai-realtime/good", "openai-realtime/good-interruption"),
    "openai-responses": ("openai-responses/good", "openai-responses/good-endings"),
}

INTRODUCTION = """# Mutation scores

How much does a built-in contract notice? [`contract mutate`](../how-to/contracts.md#does-it-notice) puts one fault after the
other into the good samples of `recordings/samples/`: each event is dropped, doubled, swapped with the next of its direction,
delayed by a minute, or sent to somebody else's connection. Below are the results, summed over the samples of a contract. A
fault *survives* if no rule notices it; the tables say why the protocol allows each of these.
"""

# Of each contract: which survivors (`fault type`, with globs), and why they are right to live. The first that fits counts.
Reasons = tuple[tuple[tuple[str, ...], str], ...]
REASONS: dict[str, Reasons] = {
    "agent-chat": (
        (("* connection_ack",), "A greeting is optional and may come at any time: no run depends on it."),
        (("drop final_report",), "A report is optional, and as the last event it leaves no gap in the counter."),
    ),
    "ag-ui": (
        (("stall *",), "The protocol does not limit the time between events."),
        (("* ?",), "What the client sends is the input of a run, not an event: the stream's rules do not cover it."),
        (("* STATE_*",), "State may be sent at any time, any number of times; its order with other events is free."),
        (("* TOOL_CALL_RESULT",), "The result of a call may come late, or twice."),
        (
            ("drop *_CONTENT", "double *_CONTENT", "drop *_ARGS", "double *_ARGS"),
            "Pieces have no number: one more or one less looks like a different text.",
        ),
        (
            ("swap *_CONTENT", "swap *_ARGS", "swap *_START", "swap *_END", "swap STEP_*"),
            "The neighbours belong to different spans, which may interleave, or are pieces without a number.",
        ),
    ),
    "graphql-transport-ws": (
        (("stall *",), "The protocol limits only the time until `connection_init`."),
        (
            ("* ping", "* pong"),
            "Pings are optional, a pong may come without a ping, and a missing one may have been in transit when the peer left:"
            " it is reported only after ten seconds.",
        ),
        (
            ("drop next", "double next", "swap next"),
            "An operation has any number of results without a number, and operations interleave.",
        ),
        (("swap connection_ack",), "The next message here is a pong, which may come before it."),
        (("swap subscribe",), "Two operations may start in either order."),
        (
            ("drop complete", "drop error"),
            "Operations may stay open until the connection ends, and a client need not complete one.",
        ),
        (("double complete",), "A server ignores a `complete` for an operation that it does not know, or no longer knows."),
        (("swap complete", "swap error"), "The neighbour is of another operation, or was in transit when its operation ended."),
    ),
    "openai-realtime": (
        (("stall *",), "The protocol sets no time limits."),
        (
            ("drop session.update", "drop conversation.item.create", "drop response.create"),
            "The server may act without a request, as it does with voice detection.",
        ),
        (
            ("double session.update", "double conversation.item.create", "double response.create"),
            "Two requests may get one answer: requests have no id that an answer repeats.",
        ),
        (("* input_audio_buffer.append",), "Audio is a stream without numbers, and has no answer."),
        (
            ("* *.delta",),
            "There may be any number of pieces, which are not numbered; streams of one part interleave.",
        ),
        (("* conversation.item.done",), "An item may be done at any time, whatever comes next."),
        (
            ("* input_audio_buffer.speech_stopped", "* input_audio_buffer.committed"),
            "The buffer may be cleared or committed in other ways, and speech may continue until the connection ends.",
        ),
        (("drop rate_limits.updated",), "Rate limits may be sent at any time."),
        (("swap *",), "The neighbours belong to different streams, whose order is free."),
    ),
    "openai-responses": (
        (("stall *",), "The protocol sets no time limits."),
        (
            ("drop response.create", "double response.create", "swap response.create"),
            "A response may follow from queued input without a request, and requests have no id that an answer repeats.",
        ),
        (("drop *.delta",), "Numbers must rise, but may skip some: one piece less looks like a different text."),
        (("drop response.in_progress",), "The server decides whether a response starts at once or waits."),
        (("drop response.output_item.done",), "A response that is cut short may leave items unfinished."),
        (("double error",), "An error outside a response reports a refused message, and may come any number of times."),
    ),
}


def scores() -> dict[str, mutation_score.MutationScore]:
    """By contract: the faults in all of its good samples."""
    return {name: mutation_score.MutationScore(tuple(_mutants(name))) for name in builtin_names()}


def _mutants(name: str) -> Iterator[mutation_score.Mutant]:
    for sample in GOOD[name]:
        with Recording(SAMPLES / f"{sample}.db") as recording:
            yield from mutation_score.score_recording(recording, load(name)).mutants


def page() -> str:
    found = scores()
    rows = [f"| {name} | {found[name].killed} | {len(found[name].mutants)} |" for name in found]
    parts = [INTRODUCTION.rstrip(), "\n".join(["| Contract | Noticed | Faults |", "|---|---|---|", *rows])]
    for name, score in found.items():
        samples = ", ".join(f"`{sample}.db`" for sample in GOOD[name])
        table = "\n".join(mutation_score.format_score(score))
        parts += [f"## {name}", f"In {samples}:", f"```text\n{table}\n```", "\n".join(_explained(name, score))]
    return "\n\n".join(parts)


def _explained(name: str, score: mutation_score.MutationScore) -> Iterator[str]:
    """A row for each reason; raises ValueError for a survivor without one, and for a reason without a survivor."""
    explained: dict[str, dict[str, int]] = {reason: {} for _, reason in REASONS[name]}
    for mutant in score.survivors:
        fault = f"{mutant.kind} {mutant.type or '?'}"
        reason = next((why for patterns, why in REASONS[name] if any(fnmatchcase(fault, one) for one in patterns)), None)
        if reason is None:
            raise ValueError(f"docs/generators/mutation.py, {name}: no reason why {fault!r} survives")
        explained[reason][fault] = explained[reason].get(fault, 0) + 1
    if idle := [reason for reason, faults in explained.items() if not faults]:
        raise ValueError(f"docs/generators/mutation.py, {name}: nothing survives for this reason: {idle[0]}")
    yield from ("| Survives | because |", "|---|---|")
    for reason, faults in explained.items():
        yield f"| {_listed(faults)} | {reason} |"


def _listed(faults: dict[str, int]) -> str:
    """`drop a, b (2)<br>double a`: by kind of fault, with how often where it is more than once."""
    kinds: dict[str, list[str]] = {}
    for fault, times in faults.items():
        kind, _, type_ = fault.partition(" ")
        name = "messages without a type" if type_ == "?" else f"`{type_}`"
        kinds.setdefault(kind, []).append(f"{name} ({times})" if times > 1 else name)
    return "<br>".join(f"{kind} {', '.join(names)}" for kind, names in kinds.items())
