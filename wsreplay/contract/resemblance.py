"""Which names of events look alike, or may mean the same: by the words that they are made of."""

from __future__ import annotations

import re
from functools import cache
from itertools import groupby

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
# Words that products use for the same thing, by the contract's word.
_SAME = {
    "agent": ("run", "turn", "task", "job", "assistant", "bot", "workflow"),
    "tool": ("step", "function", "action", "call"),
    "start": ("begin", "began", "open", "launch", "execute"),
    "complete": ("end", "finish", "done", "close", "shut", "result", "succeed", "success"),
    "stop": (),
    "cancel": ("abort", "kill", "terminate", "interrupt"),
    "error": ("fail", "failure", "crash", "exception", "timeout"),
    "think": ("reason", "thought"),
}


def words(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case: those of `agentStarted` and `agent.started` are `agent` and `started`."""
    return tuple(word.lower() for word in _WORD.findall(name))


def looks_like(theirs: str, ours: str) -> bool:
    """Whether two names have the same words, but for their endings."""
    mine, others = words(theirs), words(ours)
    return len(mine) > 0 and [*map(_stem, mine)] == [*map(_stem, others)]


def may_mean(theirs: str, ours: str) -> bool:
    """Whether two names say the same in other words: `run.begin` may mean `agent_started`."""
    mine, others = _concepts(theirs), _concepts(ours)
    # a contract's `typing_stopped` is an end
    ends = ["complete" if concept == "stop" else concept for concept in others]
    return mine in (others, ends) and (len(mine) > 1 or mine == ["error"])


def may_mean_failure(theirs: str, ours: str) -> bool:
    """Whether one says that something was stopped or cancelled, and the other that the same failed, or was cancelled."""
    *mine, what = _concepts(theirs) or [""]
    return len(mine) > 0 and what in ("stop", "cancel") and _concepts(ours) in ([*mine, "cancel"], [*mine, "error"])


def _concepts(name: str) -> list[str]:
    """What a name is about: a `tool_call` is one thing, and that something is an event says nothing."""
    concepts = (_concept_of(_stem(word)) for word in words(name) if word not in ("event", "message", "msg"))
    return [concept for concept, _ in groupby(concepts)]


@cache
def _concept_of(stem: str) -> str:
    return next((concept for concept, others in _SAME.items() if stem in map(_stem, (concept, *others))), stem)


def _stem(word: str) -> str:
    """A word without its ending: `start` of `started`, `stop` of `stopping`, `complet` of `complete`."""
    for ending in ("ing", "ed", "es", "s", "e"):
        if len(word) > len(ending) + 2 and word.endswith(ending):
            word = word.removesuffix(ending)
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word
