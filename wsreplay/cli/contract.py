"""`wsreplay contract`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from wsreplay.cli.completion import ContractName, RecordingName, RecordingPath
from wsreplay.cli.console import Console
from wsreplay.contract import Contract, builtin_names, json_schema, load, purpose
from wsreplay.contract.unseen import UnseenType
from wsreplay.display import visible
from wsreplay.errors import EXIT_CLEAN, EXIT_VIOLATIONS, ContractError
from wsreplay.units import count_text

if TYPE_CHECKING:
    from wsreplay.validator.mutation_score import Mutant


@click.group(name="contract")
def command() -> None:
    """List, show and check contracts."""


@command.command(name="ls")
def list_builtins() -> None:
    """List the built-in contracts."""
    width = max(map(len, builtin_names()))
    for name in builtin_names():
        click.echo(f"{name:<{width}}  v{load(name).version}  {purpose(name)}")


@command.command(name="show")
@click.argument("contract", type=ContractName())
@click.option("--handler", is_flag=True, help="Print the Python code that the validator generates from it instead.")
def show(contract: str, handler: bool) -> None:
    """Print a contract: a file, or a built-in to start your own from."""
    loaded = load(contract)
    if not handler:
        click.echo(loaded.source, nl=False)
        return
    from wsreplay.validator.handlers import list_handlers

    for events, source in list_handlers(loaded):
        click.echo(f"# {', '.join(map(visible, events))}\n{source}\n")


@command.command(name="check")
@click.argument("contracts", metavar="CONTRACT...", type=ContractName(), nargs=-1, required=True)
@click.option("--recording", "file", type=RecordingName(), help="Also list the types in rules that never came in it.")
def check(contracts: tuple[str, ...], file: str | None) -> int:
    """Check that contracts are valid; every error is reported with file, line and column."""
    code = EXIT_CLEAN
    for name in contracts:
        try:
            contract = load(name)
        except ContractError as error:
            for mistake in (error, *error.others):
                click.echo(f"wsreplay: {visible(str(mistake))}", err=True)
            code = error.exit_code
            continue
        spans, rules = count_text(len(contract.spans), "span"), count_text(len(contract.rules), "rule")
        click.echo(f"{name}: {contract.name} v{contract.version}, {spans} and {rules}: OK")
        for line in _unseen_lines(contract, file) if file is not None else ():
            click.echo(f"  {visible(line)}")
    return code


def _unseen_lines(contract: Contract, file: str) -> Iterator[str]:
    """A line for each type that never came, and one for all that an extended contract names, which may be optional."""
    inherited: dict[str, dict[str, None]] = {}
    for unseen in _unseen(contract, file):
        if unseen.near is not None or unseen.rule.place.file == contract.file:
            yield str(unseen)
        else:
            inherited.setdefault(unseen.rule.place.file, {})[unseen.name] = None
    for base, names in inherited.items():
        yield f"of {base}: {', '.join(names)} never came"


def _unseen(contract: Contract, file: str) -> list[UnseenType]:
    from wsreplay.cli.options import open_recording, split_session
    from wsreplay.contract.unseen import find_unseen, types_in

    with open_recording(split_session(file)[0]) as recording:
        return list(find_unseen(contract, types_in(recording, contract)))


@command.command(name="schema")
def schema() -> None:
    """Print the JSON Schema of the contract language, for editors."""
    click.echo(orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2))


@command.command(name="map")
@click.argument("recording", type=RecordingPath(path_type=Path))
@click.option("-c", "--contract", "base", type=ContractName(), default="agent-chat", show_default=True,
              help="The contract to extend.")
def map_recording(recording: Path, base: str) -> None:
    """Propose a contract for a RECORDING whose events and fields are named differently from a built-in's.

    `agentStarted` and `agent.start` are taken for `agent_started`, `$.data.threadId` for `thread_id`. Names that resemble none
    are listed in comments. If nothing resembles the built-in, the contract says where types are and lists them, for you to add
    rules.
    """
    from wsreplay.cli.options import open_recording
    from wsreplay.contract.observed_types import look
    from wsreplay.contract.proposal import propose
    from wsreplay.contract.proposal_yaml import as_yaml

    contract = load(base)
    with open_recording(recording) as opened:
        proposal = propose(look(opened, contract), contract)
    click.echo(as_yaml(proposal, recording.stem, base), nl=False)


@command.command(name="mutate")
@click.argument("contract", type=ContractName())
@click.argument("recording", metavar="RECORDING[#SESSION]", type=RecordingName())
@click.option("--most", type=click.IntRange(1), default=2000, show_default=True, help="How many faults to try, at random.")
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed.")
def mutate(contract: str, recording: str, most: int, seed: int) -> int:
    """Find the faults that a CONTRACT misses, by injecting them into a good RECORDING, or into one SESSION of it.

    Each event in turn is dropped, duplicated, swapped with the next, delayed by a minute, or sent to another user. The
    faults that survive are printed as they are found.

    A fault that survives is a hole in the contract, or harmless. Exit code 0: none survived; 1: at least one did.
    """
    from wsreplay.cli.options import connections_of, open_recording, split_session
    from wsreplay.contract.users import sessions_of
    from wsreplay.validator.mutation_score import format_score, score_recording

    loaded = load(contract)
    path, session = split_session(recording)
    with open_recording(path) as opened:
        chosen = connections_of(opened, session, sessions_of(opened, loaded))
        connections = None if chosen is None else [connection.id for connection in chosen]
        score = score_recording(opened, loaded, most=most, seed=seed, connections=connections, on_mutant=_MutantLines().add)
    for line in format_score(score):
        click.echo(visible(line))
    return EXIT_VIOLATIONS if score.survivors else EXIT_CLEAN


class _MutantLines:
    """A line on stdout for each fault that survives, and where stderr is a terminal one that says how far this is."""

    def __init__(self) -> None:
        self._console = Console(quiet=False)

    def add(self, mutant: Mutant, number: int, total: int) -> None:
        from wsreplay.validator.mutation_score import format_survivor

        if mutant.survived:
            self._console.clear_status()
            click.echo(visible(format_survivor(mutant)))
        self._console.draw_status(f"{number:,} of {count_text(total, 'fault')} injected")
        if number == total:
            self._console.clear_status()
