"""How times are written and read on every screen: counted from a beginning, by the wall, or from the row before."""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from wsreplay.model import Run, Session, moment_at, start_ns_of
from wsreplay.units import HOUR, MILLISECOND, MINUTE, SECOND, clock, duration_text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OF_DAY = r"(?:(\d{4}-\d\d-\d\d)[T ])?(\d{1,2}:\d\d(?::\d\d(?:\.\d{1,9})?)?) ?(Z|UTC)?"
_STEP_CELLS = 9  # as wide as 00:12.508


def last_ns(session: Session | None, runs: Sequence[Run]) -> int:
    """The last time that is known of a session, or of the whole recording, by its recorder's runs."""
    if session is not None and session.closed_ns is not None:
        return session.closed_ns
    return max((run.reached_ns if run.ended_ns is None else run.ended_ns for run in runs), default=0)


class ClockForm(StrEnum):
    """What all screens write times in. The value is what they call it."""

    RECORDING = "since the recording began"
    SESSION = "since the session began"
    LOCAL = "time of day"
    UTC = "time of day, UTC"
    STEP = "since the row before"

    def next(self) -> "ClockForm":
        """The form after this one, and after the last the first."""
        forms = list(ClockForm)
        return forms[(forms.index(self) + 1) % len(forms)]


class ShownClock(NamedTuple):
    """Times in one form. `begins_ns` is where the session begins that is shown (0 for the whole recording); `runs` are the
    recorder's, which say what time of day it was. `reached_ns` is the last time that a column of them has room for. All times
    are ns on the recording's axis.
    """

    form: ClockForm = ClockForm.RECORDING
    begins_ns: int = 0
    runs: tuple[Run, ...] = ()
    reached_ns: int = 0

    @property
    def zero_ns(self) -> int:
        """A time from which on others are round: what is written as 00:00, of times of day the beginning of an hour."""
        if self._is_of_day and self.runs:
            return -(start_ns_of(self.runs[0]) % HOUR)
        return self.begins_ns if self.form is ClockForm.SESSION else 0

    def form_text(self, t_ns: int) -> str:
        """What times are written in: at `t_ns`, since the hour that is told twice in autumn has two zones."""
        moment = self._moment(t_ns) if self.form is ClockForm.LOCAL else None
        return self.form if moment is None else f"{self.form}, {moment:%Z}"

    def text(self, t_ns: int, places: int = 3) -> str:
        """`00:12.508`, or `14:03:22.508` by the wall. What follows `places` is cut off. A single time has no row before it."""
        moment = self._moment(t_ns) if self._is_of_day else None
        if moment is None:
            return clock(t_ns - self.zero_ns, places)
        text = f"{moment:%H:%M:%S.%f}"
        return text[: 8 + places + bool(places)]

    def end_text(self, t_ns: int) -> str:
        """Where something ends, in whole seconds from a minute on; begun seconds count."""
        if self._is_of_day:
            return self.text(t_ns, 0)
        ns = t_ns - self.zero_ns
        return clock(ns) if ns < MINUTE else clock(-(-ns // SECOND) * SECOND, 0)

    def column_text(self, t_ns: int) -> str:
        """The same, as wide as the last time is: one hour more has two columns more."""
        return f"{self.text(t_ns):>{len(self.text(max(self.reached_ns, self.zero_ns)))}}"

    def row_text(self, t_ns: int, before_ns: int | None) -> str:
        """The time of a row, as wide as that of any other; `before_ns` is that of the row before, None for the first."""
        if self.form is not ClockForm.STEP:
            return self.column_text(t_ns)
        step = "" if before_ns is None else f"{'+' if t_ns >= before_ns else ''}{duration_text(t_ns - before_ns)}"
        return f"{step:>{_STEP_CELLS}}"

    def date_text(self, t_ns: int) -> str | None:
        """`2026-11-20 14:03:22.508 UTC`, whatever form is shown. None if it is not known."""
        moment = self._moment(t_ns)
        return None if moment is None else f"{moment:%Y-%m-%d %H:%M:%S.%f}"[:-3] + f" {moment:%Z}"

    def parse(self, text: str, seconds_ns: int | None) -> int | None:
        """The last time that is written as `text`, which is `@14:03:22` or a duration of `seconds_ns` since 00:00.

        Where times of day are shown, one needs no `@`. None where the text is no time.
        """
        of_day = re.fullmatch(_OF_DAY, text.removeprefix("@"), re.IGNORECASE)
        if text.startswith("@") or (of_day and self._is_of_day and text.count(":") > 1):
            return None if of_day is None else self._time_of_day(*of_day.groups())
        return None if seconds_ns is None else self.zero_ns + seconds_ns + MILLISECOND - 1

    @property
    def _is_of_day(self) -> bool:
        return self.form in (ClockForm.LOCAL, ClockForm.UTC)

    def _moment(self, t_ns: int) -> datetime | None:
        moment = moment_at(self.runs, t_ns)
        try:
            return moment if moment is None or self.form is ClockForm.UTC else moment.astimezone()
        except (OverflowError, ValueError, OSError):
            return None

    def _time_of_day(self, day: str | None, time_of_day: str, zone: str | None) -> int | None:
        """A time of day, without a day the first one since the session began."""
        begins = self._moment(self.begins_ns)
        if begins is None:
            return None
        if zone:
            begins = begins.astimezone(UTC)
        try:
            fraction = time_of_day.partition(".")[2]
            whole = f"{day or f'{begins:%Y-%m-%d}'} {time_of_day.partition('.')[0].zfill(5)}"
            naive = datetime.strptime(whole, "%Y-%m-%d %H:%M:%S" if whole.count(":") > 1 else "%Y-%m-%d %H:%M")
            moment = naive.replace(tzinfo=UTC) if begins.tzinfo is UTC else naive.astimezone()
            if day is None and moment + timedelta(seconds=1) <= begins:
                moment = (naive + timedelta(days=1)).replace(tzinfo=moment.tzinfo)
        except (OverflowError, ValueError, OSError):
            return None
        wall_ns = (moment - _EPOCH) // timedelta(seconds=1) * SECOND + int(f"{fraction:0<9}")
        return self._on_axis(wall_ns) + MILLISECOND - 1

    def _on_axis(self, wall_ns: int) -> int:
        """A time of the wall (ns since 1970) on the recording's axis."""
        times = [(wall_ns - start_ns_of(run), run) for run in self.runs]
        return next((t_ns for t_ns, run in reversed(times) if t_ns >= run.start_ns), times[0][0])
