"""What a filter knows of a frame beside the frame: its session, its user, the findings that point at it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from wsreplay.decode.values import text_of
from wsreplay.model import Connection, Frame, Session
from wsreplay.trace import jsonpath as paths
from wsreplay.trace.filter.ast import SEVERITIES
from wsreplay.trace.sessions import stitch

KeyReader = Callable[[Any], str | None]
"""From the decoded JSON document of a frame to a correlation key, or None."""


class Judged(Protocol):
    """What a filter uses of a finding."""

    @property
    def rule(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def activation(self) -> int | None: ...
    @property
    def frames(self) -> tuple[int, ...]: ...


class HasFindings(Protocol):
    """A judgement, as far as a filter uses it."""

    @property
    def findings(self) -> Sequence[Judged]: ...


class DecodedReader(Protocol):
    """What the messages of connections say that are not plain JSON."""

    @property
    def decoded(self) -> frozenset[int]: ...
    def types(self, frame: Frame) -> tuple[str, ...]: ...
    def documents(self, frame: Frame) -> tuple[Any, ...]: ...


class HasConnections(Protocol):
    """A recording, as far as a filter uses it."""

    def connections(self) -> list[Connection]: ...


@dataclass(frozen=True)
class PathReader:
    """Reads a key from the first of some paths that selects text or a whole number."""

    paths: tuple[paths.Path, ...]

    def __call__(self, document: Any) -> str | None:
        for path in self.paths:
            text = text_of(paths.get(document, path))
            if text is not None:
                return text
        return None


THREAD = PathReader((("thread_id",), ("payload", "thread_id")))
RUN = PathReader((("run_id",), ("payload", "run_id")))


@dataclass(frozen=True, eq=False)
class Context:
    """Per connection its session and user, per frame the (severity, rule) of its findings; where threads and runs are named.

    Without a `reader` every message is read as JSON, and its type is the one that was recorded. Severities are indexes of
    `ast.SEVERITIES`.
    """

    sessions: Mapping[int, int] = field(default_factory=dict)
    users: Mapping[int, str | None] = field(default_factory=dict)
    judged: Mapping[int, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    thread: KeyReader = THREAD
    run: KeyReader = RUN
    reader: DecodedReader | None = None

    @classmethod
    def of(
        cls,
        recording: HasConnections,
        judgement: HasFindings | None = None,
        *,
        thread: KeyReader = THREAD,
        run: KeyReader = RUN,
        reader: DecodedReader | None = None,
    ) -> Context:
        """The context of a recording, as it is now: a live one needs another when it has new connections."""
        return cls.of_sessions(stitch(recording.connections()), judgement, thread=thread, run=run, reader=reader)

    @classmethod
    def of_sessions(
        cls,
        sessions: Iterable[Session],
        judgement: HasFindings | None = None,
        *,
        thread: KeyReader = THREAD,
        run: KeyReader = RUN,
        reader: DecodedReader | None = None,
    ) -> Context:
        """That of a recording whose sessions are known."""
        pairs = [(session.id, connection) for session in sessions for connection in session.connections]
        return cls(
            sessions={connection.id: session_id for session_id, connection in pairs},
            users={connection.id: connection.user for _, connection in pairs},
            judged=_by_frame(judgement.findings if judgement is not None else ()),
            thread=thread,
            run=run,
            reader=reader,
        )


def _by_frame(findings: Iterable[Judged]) -> dict[int, tuple[tuple[int, str], ...]]:
    by_frame: defaultdict[int, set[tuple[int, str]]] = defaultdict(set)
    for finding in findings:
        judgement = (SEVERITIES.index(finding.severity), finding.rule)
        for frame_id in (*finding.frames, *(() if finding.activation is None else (finding.activation,))):
            by_frame[frame_id].add(judgement)
    return {frame_id: tuple(sorted(judgements)) for frame_id, judgements in by_frame.items()}
