"""The line at the head of every screen: where one is, whether the recording grows, what the validator says."""

from __future__ import annotations

from collections.abc import Callable

from wsreplay import units
from wsreplay.display import user_text
from wsreplay.model import NO_CONTRACT, NO_FIT, NO_RULES, Session
from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.look.paint import Run
from wsreplay.tui.recording.growth import Growth
from wsreplay.tui.recording.open_recording import OpenRecording
from wsreplay.tui.validation.status import Stage, ValidationStatus


def head_runs(look: Appearance, *places: str) -> list[Run]:
    """`wsreplay │ place │ place`."""
    runs: list[Run] = [("wsreplay", look.style("accent", bold=True))]
    for place in places:
        runs += [(f" {look.signs.divider} ", look.style("faint")), (look.safe(place), look.style("text"))]
    return runs


def session_name(look: Appearance, session: Session | None, recording: OpenRecording) -> str:
    if session is None:
        return "all sessions"
    user = user_text(session.user or recording.evidence.user(session.id))
    return f"session {session.id} {look.signs.dot} {user}"


def fault_runs(look: Appearance, faults: int) -> list[Run]:
    """`↯ 3 injected`: what wsreplay did to the traffic on purpose is no fault of its peers."""
    return [(f"{look.signs.fault} {faults:,} injected", look.style("warning"))] if faults else []


def live_runs(look: Appearance, growth: Growth, recording: OpenRecording) -> list[Run]:
    """`● REC 4.2k/s`, `◌ STALLED 12 s`, `■ finished`, `╳ cut off` where the recorder was killed.

    Nothing for a recording that was closed when it was opened.
    """
    if not growth.was_live:
        return []
    if not growth.live and recording.runs and recording.runs[-1].ended_ns is None:
        return [(f"{look.signs.cut} cut off: the recorder is gone", look.style("warning", bold=True))]
    if not growth.live:
        return [(f"{look.signs.finished} finished", look.style("dim"))]
    if growth.silent_ns:
        silent = units.duration_text(growth.silent_ns // units.SECOND * units.SECOND)
        return [(f"{look.signs.stalled} STALLED {silent}", look.style("warning", bold=True))]
    rate = f" {units.short_count(growth.rate)}/s"
    return [(f"{look.signs.recording} REC", look.style("error", bold=True)), (rate, look.style("dim"))]


def new_runs(look: Appearance, following: bool, unseen: int) -> list[Run]:
    """Whether a live list follows its end, and how much it has not shown."""
    if following:
        return [("FOLLOW", look.style("ok", bold=True))]
    how = f"{look.key('list.last')} follows"
    if not unseen:
        return [(how, look.style("dim"))]
    return [(f"+{unseen:,} new", look.style("word", bold=True)), (f" {how}", look.style("dim"))]


def verdict_runs(look: Appearance, status: ValidationStatus, recording: OpenRecording, session: int | None) -> list[Run]:
    """`✗ 12 ▲ 40`, `✓ no findings`, `validating 38%`, that there is no verdict, or that it is an old one."""
    runs: list[Run] = []
    if recording.evidence.is_there and status.stage is not Stage.FAILED:
        counted = tally_runs(look, *recording.evidence.counts(session), "{:,}".format)
        well = (f"{look.signs.ok} no findings", look.style("ok"))
        if recording.evidence.is_vacuous(session):
            names = {source.name for source in recording.evidence.sources}
            nothing = NO_RULES if recording.evidence.demands_nothing else "no rule applies"
            why = NO_FIT if names == {NO_CONTRACT} else nothing
            well = (look.own(f"– {why}"), look.style("warning"))
        elif recording.evidence.is_undecided(session):
            well = ("? not all is decided", look.style("warning"))
        more = {"more not kept": recording.evidence.forgotten, "not validated": recording.evidence.unjudged(session)}
        besides = ", ".join(f"{count:,} {what}" for what, count in more.items() if count)
        rest = [(f" ({besides})", look.style("warning"))] if besides else []
        runs = [*(counted or [well]), *rest]
    gap = [("  ", look.style())] if runs else []
    if status.stage is Stage.VALIDATING:
        runs = [*runs, *gap, (f"validating {status.done:.0%}", look.style("dim"))]
    elif status.stage is Stage.FAILED:
        older = ", these findings are older" if recording.evidence.is_there else ""
        runs = [*runs, *gap, (f"{look.signs.warning} no verdict{older}", look.style("warning"))]
    if status.stale:
        runs = [*runs, (f"  contract changed: {look.key('screen.validate')}", look.style("word", bold=True))]
    return runs


def contract_runs(look: Appearance, recording: OpenRecording) -> list[Run]:
    """` by agent-chat`: the contracts that it was validated with, if any."""
    names = ", ".join(source.name for source in recording.evidence.sources if source.name != NO_CONTRACT)
    return [(f" by {look.safe(names)}", look.style("dim"))] if names else []


def tally_runs(look: Appearance, errors: int, warnings: int, number: Callable[[int], str] = units.short_count) -> list[Run]:
    """`✗ 12 ▲ 40`; nothing where there are none."""
    runs: list[Run] = []
    if errors:
        runs.append((f"{look.signs.error} {number(errors)}", look.style("error", bold=True)))
    if warnings:
        runs.append((f"{' ' if runs else ''}{look.signs.warning} {number(warnings)}", look.style("warning")))
    return runs


def joined(look: Appearance, *groups: list[Run]) -> list[Run]:
    """Groups of runs with a divider between those that say something."""
    runs: list[Run] = []
    for group in groups:
        if group:
            runs += [*([(f" {look.signs.divider} ", look.style("faint"))] if runs else []), *group]
    return runs
