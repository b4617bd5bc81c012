"""`wsreplay mutate`."""

from __future__ import annotations

from pathlib import Path

import click

from wsreplay.cli.completion import ContractName, RecordingPath
from wsreplay.cli.options import FITTING_DEFAULT, contract_of, decoder_option, make_parent
from wsreplay.display import visible
from wsreplay.errors import UsageError
from wsreplay.store.paths import reachable
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.units import clock, count_text


@click.command(name="mutate")
@click.argument("file", metavar="FILE", type=RecordingPath(path_type=Path))
@click.option("--fault", "faults", multiple=True, required=True, metavar="SPEC",
              help="KIND:PATTERN[,OPTION=VALUE]…, such as drop:tool_completed or delay:s2c:tool_*,by=3s,nth=2.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The new recording.")
@click.option("-c", "--contract", type=ContractName(), help=f"Contract that says where readdress finds keys. {FITTING_DEFAULT}")
@decoder_option
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def command(
    file: Path, faults: tuple[str, ...], output: Path, contract: str | None, decoder: str | None, seed: int, quiet: bool
) -> None:
    """Copy a recording and inject faults into its events.

    \b
    Kinds: drop, duplicate, delay (by=3s), reorder, readdress (key=tool, to=ID), corrupt, truncate (keep=20),
    end (code=1011). All take nth=2 and p=0.3. A pattern is [c2s:|s2c:]type; * matches any text.
    Play the copy to a client with `replay server`, or see with `validate` whether a contract notices.
    """
    from wsreplay.replay.mutate import EventFault, mutate
    from wsreplay.store.reader import Recording

    wanted = [EventFault.parse(fault) for fault in faults]
    if not reachable(file).exists():
        raise UsageError(f"{file}: no such file")
    make_parent(output)
    with Recording.open(file) as recording:
        done = mutate(recording, wanted, output, contract_of(contract, recording, read_as=ReadAs(decoder)), seed)
    if not quiet:
        for fault in done[:50]:
            click.echo(f"{clock(fault.t_ns, 6):>12}  connection {fault.connection_id}  {visible(fault.detail)}", err=True)
        more = f", {len(done) - 50:,} of them not shown" if len(done) > 50 else ""
        click.echo(f"{count_text(len(done), 'fault')}{more} → {visible(str(output))}", err=True)
