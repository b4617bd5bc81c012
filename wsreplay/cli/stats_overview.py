"""`stats` of a folder, as a page, or with --follow: once, or over and over while something is being recorded."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from wsreplay.cli.colour import wants_colour
from wsreplay.contract import load
from wsreplay.display import fit
from wsreplay.errors import UsageError
from wsreplay.files import write_file
from wsreplay.report import overview_html, overview_json, overview_text
from wsreplay.stats.overview import OverviewWatch, StatisticsOverview
from wsreplay.store.paths import reachable
from wsreplay.trace.identity import UserSource

DRAW_EVERY_S = 1.0
TELL_EVERY_S = 5.0  # where there is no terminal to draw on
# Looking takes at most one part in so many of the time.
REST_FACTOR = 3
_SECOND_SCREEN, _FIRST_SCREEN = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


def show_overview(
    path: Path, contract: str | None, decoder: str | None, users: Sequence[UserSource], form: str, output: Path | None, *,
    follow: bool, color: bool | None,
) -> None:  # fmt: skip
    """Print or write an overview; Ctrl-C ends following, and leaves the last one.

    Raises UsageError, or an error of the RecordingError family for a single file.
    """
    if not reachable(path).exists():
        raise UsageError(f"{path}: no such file or folder")
    if follow and form == "html" and output is None:
        raise UsageError("-f html with --follow needs a file: add -o FILE, and open that file in a browser")
    painted = wants_colour(color) if output is None else bool(color)
    watch = OverviewWatch(path, load(contract) if contract else None, decoder, users)
    try:
        _look_once(watch)
        if follow:
            _follow(watch, form, output, painted)
        _put(_rendered(watch.overview(), form, painted), output, painted)
    finally:
        watch.close()


def _look_once(watch: OverviewWatch) -> bool:
    count = watch.count()
    hidden = count < 2 or not sys.stderr.isatty()
    with click.progressbar(length=count, label="counting", file=sys.stderr, hidden=hidden) as bar:
        return watch.look(lambda: bar.update(1))


def _follow(watch: OverviewWatch, form: str, output: Path | None, painted: bool) -> None:
    """Look and show until nothing is recorded any more, or Ctrl-C."""
    try:
        with _screen(output is None and form == "text" and sys.stdout.isatty()) as drawn:
            told_at = 0.0
            while True:
                began = time.monotonic()
                live = watch.look()
                if not live:
                    return
                if drawn:
                    _draw(watch.overview(), painted)
                elif output is not None:
                    _put(_rendered(watch.overview(), form, painted), output, painted)
                elif began - told_at >= TELL_EVERY_S:
                    told_at = began
                    _tell(watch.overview(), form)
                time.sleep(max(DRAW_EVERY_S, REST_FACTOR * (time.monotonic() - began)))
    except KeyboardInterrupt:
        pass


@contextmanager
def _screen(wanted: bool) -> Iterator[bool]:
    """The terminal's second screen, while it is drawn on."""
    if not wanted:
        yield False
        return
    sys.stdout.write(_SECOND_SCREEN)
    try:
        yield True
    finally:
        sys.stdout.write(_FIRST_SCREEN)
        sys.stdout.flush()


def _draw(overview: StatisticsOverview, painted: bool) -> None:
    width, height = shutil.get_terminal_size((100, 30))
    lines = overview_text.render(overview, color=painted, width=width).splitlines()
    if len(lines) > height - 1:
        lines = [*lines[: height - 2], f"… {len(lines) - height + 2} more lines (a taller terminal shows them)"]
    lines.append(fit("Ctrl-C stops", width))
    sys.stdout.write(_HOME + f"{_REST_OF_LINE}\n".join(lines) + _REST_OF_LINE + _REST_OF_SCREEN)
    sys.stdout.flush()


def _tell(overview: StatisticsOverview, form: str) -> None:
    """One line: into a log or a pipe."""
    click.echo(overview_json.render(overview, indented=False) if form == "json" else overview_text.summary(overview),
               nl=form != "json")  # fmt: skip
    sys.stdout.flush()


def _rendered(overview: StatisticsOverview, form: str, painted: bool) -> str:
    if form == "html":
        return overview_html.render(overview, refresh_s=2)
    if form == "json":
        return overview_json.render(overview)
    width = shutil.get_terminal_size((100, 24)).columns
    return overview_text.render(overview, color=painted, width=width)


def _put(text: str, output: Path | None, painted: bool) -> None:
    if output is None:
        click.echo(text, nl=False, color=painted)
    else:
        write_file(output, text.encode("utf-8", "surrogateescape"))
