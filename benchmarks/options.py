"""The options that benchmarks share."""

from __future__ import annotations

from argparse import ArgumentParser


def parser_for(module: str, description: str | None, **numbers: int) -> ArgumentParser:
    """The command line of `python -m MODULE`: `--publish`, and an option for each number, with its default."""
    parser = ArgumentParser(prog=f"python -m {module}", description=description)
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default, help="default: %(default)s")
    parser.add_argument("--publish", action="store_true", help="write docs/figures/, which the documentation shows, too")
    return parser
