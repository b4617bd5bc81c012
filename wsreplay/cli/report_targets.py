"""Which report goes where: an `-o` belongs to the `-f` before it on the command line; one before all belongs to the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from wsreplay.errors import UsageError

FORMS, OUTPUTS = "forms", "outputs"  # the parameters of such a command
_ORDER = "wsreplay.order_of_reports"


class ReportCommand(click.Command):
    """A command with `-f` (`forms`) and `-o` (`outputs`) that remembers in which order they were given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        ctx.meta[_ORDER] = [parameter.name for parameter in order if parameter.name in (FORMS, OUTPUTS)]
        return super().parse_args(ctx, args)


def given_order() -> list[str]:
    """The names of the current command's `-f` and `-o` as they were given; empty for those of a configuration."""
    order: list[str] = click.get_current_context().meta.get(_ORDER, [])
    return order


def pair(
    order: Sequence[str], forms: Sequence[str], outputs: Sequence[Path], needs_output: Callable[[str], bool]
) -> list[tuple[str, Path | None]]:
    """Each format with its output, None for standard output, which takes one report.

    Raises UsageError where an output cannot be told to belong to a format, or a format has none that needs one.
    """
    names, paths = iter(forms), iter(outputs)
    targets: list[tuple[str, Path | None]] = []
    unclaimed: list[Path] = []  # what stands before the first format
    for name in order if order.count(FORMS) == len(forms) else [FORMS] * len(forms) + [OUTPUTS] * len(outputs):
        if name == FORMS:
            targets.append((next(names), unclaimed.pop(0) if unclaimed else None))
        elif not targets:
            unclaimed.append(next(paths))
        elif targets[-1][1] is None:
            targets[-1] = targets[-1][0], next(paths)
        else:
            form, first = targets[-1]
            raise UsageError(f"-f {form} has two outputs, {first} and {next(paths)}: {_HOW}")
        if len(unclaimed) > 1:
            raise UsageError(f"the outputs {unclaimed[0]} and {unclaimed[1]} stand before any -f: {_HOW}")
    printed = [form for form, output in targets if output is None]
    if len(printed) > 1:
        raise UsageError(f"-f {' and -f '.join(printed)} would both go to standard output: {_HOW}")
    if printed and needs_output(printed[0]):
        raise UsageError(f"-f {printed[0]} writes a folder: name it with -o behind it")
    return targets


_HOW = "write each -o behind the -f that it belongs to, as in -f junit -o ci.xml -f sarif -o ci.sarif -f text"
