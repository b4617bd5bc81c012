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
delayed by a minute, or sent to somebody else's connection. Below are the results, added up if there are several samples, and
why the protocol allows each fault that survives. This page cannot be generated if a survivor has no reason.
"""

# Of each contract: which survivors (`fault type`, with globs), and why they are right to live. The first that fits counts.
Reasons = tuple[tuple[tuple[str, ...], str], ...]
REASONS: dict[str, Reasons] = {
    "agent-chat": (
        (("* connection_ack",), "A greeting may come or not, at any time: no run hangs on it."),
        (("drop final_report",), "A run owes no report, and as the last event it leaves no gap in the counter."),
    ),
    "ag-ui": (
        (("stall *",), "The protocol bounds no time between events."),
        (("* ?",), "What the client sends is the input of a run, not an event: the stream's rules say nothing of it."),
        (("* STATE_*",), "State may be sent at any time, any number of times; its order with other events is free."),
        (("* TOOL_CALL_RESULT",), "A result is that of a call, and may come late, or twice."),
        (
            ("drop *_CONTENT", "double *_CONTENT", "drop *_ARGS", "double *_ARGS"),
            "Pieces carry no number: one more or one less looks like another text.",
        ),
        (
            ("swap *_CONTENT", "swap *_ARGS", "swap *_START", "swap *_END", "swap STEP_*"),
            "The neighbours are of different spans, which may interleave, or are pieces without a number.",
        ),
    ),
    "graphql-transport-ws": (
        (("stall *",), "The protocol bounds only the time until `connection_init`."),
        (
            ("* ping", "* pong"),
            "Pings may come at any time or not at all, a pong may come unasked, and one that is missing may have been on its"
            " way when the peer left: it is missed after ten seconds.",
        ),
        (
            ("drop next", "double next", "swap next"),
            "An operation has any number of results without a number, and operations interleave.",
        ),
        (("swap connection_ack",), "What comes after it here is a pong, which may come before it."),
        (("swap subscribe",), "Two operations may start in either order."),
        (
            ("drop complete", "drop error"),
            "Operations may stay open until the connection ends, and a client need not complete one.",
        ),
        (("double complete",), "What a client completes that the server does not know, or knows no more, is ignored."),
        (("swap complete", "swap error"), "The neighbour is of another operation, or was in flight when its operation ended."),
    ),
    "openai-realtime": (
        (("stall *",), "The protocol bounds no time."),
        (
            ("drop session.update", "drop conversation.item.create", "drop response.create"),
            "The server may act unasked; it does so with voice detection.",
        ),
        (
            ("double session.update", "double conversation.item.create", "double response.create"),
            "Who asks twice may get one answer: requests carry no id that an answer repeats.",
        ),
        (("* input_audio_buffer.append",), "Audio is a stream without numbers, and has no answer."),
        (
            ("* *.delta",),
            "Pieces carry no number and may be sent in any number; streams of one part interleave.",
        ),
        (("* conversation.item.done",), "When an item is done is not tied to what comes next."),
        (
            ("* input_audio_buffer.speech_stopped", "* input_audio_buffer.committed"),
            "The buffer may be cleared or committed by other means, and speech may go on until the connection ends.",
        ),
        (("drop rate_limits.updated",), "Limits are news, sent at any time."),
        (("swap *",), "The neighbours are of different streams, whose order is free."),
    ),
    "openai-responses": (
        (("stall *",), "The protocol bounds no time."),
        (
            ("drop response.create", "double response.create", "swap response.create"),
            "A response may follow unasked from queued input, and requests carry no id that an answer repeats.",
        ),
        (("drop *.delta",), "Numbers rise, and may leave some out: one piece less looks like another text."),
        (("drop response.in_progress",), "Whether a response waits or works at once is the server's to say."),
        (("drop response.output_item.done",), "A response that is cut short leaves its items as they are."),
        (("double error",), "An error that is no part of a response says that a message was refused, any number of times."),
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
        table = "\n".join(line.rstrip() for line in mutation_score.format_score(score) if not line.startswith("survived"))
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
