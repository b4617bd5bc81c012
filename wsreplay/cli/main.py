"""The command line. Commands are imported when they are used, so that `wsreplay --help` starts fast."""

from __future__ import annotations

import errno
import gc
import importlib
import os
import signal
import sys
from typing import Any, NoReturn

import click

import wsreplay
from wsreplay.cli import streams
from wsreplay.cli.streams import harmless
from wsreplay.errors import EXIT_NOT_JUDGED, WsreplayError

INTERRUPTED = 130
READER_GONE = 141  # as a shell says of what SIGPIPE ended
DEBUG = "WSREPLAY_DEBUG"
NO_CONFIG = "WSREPLAY_NO_CONFIG"
COMPLETE = "_WSREPLAY_COMPLETE"  # what click names it: set by a shell that asks for what may follow
# A full disk, a closed stdout, a terminal that is gone.
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EBADF, errno.EIO)
# What writes files and has no signal handlers of its own: asked to end, it does so with nothing half made left.
WRITES_FILES = frozenset(("validate", "mutate", "import", "export", "cut", "stats", "diff", "contract"))

COMMANDS = {
    "record": "Record WebSocket traffic through a proxy in front of your backend.",
    "ls": "List recordings and their sessions, with verdicts.",
    "show": "Print the frames of a recording.",
    "validate": "Check recordings against contracts.",
    "tui": "Browse and replay recordings in the terminal.",
    "stats": "Show counts, gaps and latencies of a recording.",
    "contract": "List, show and check contracts.",
    "replay": "Play a recording to a real client or a real backend.",
    "diff": "Compare two recordings or sessions.",
    "send": "Send messages to a backend by hand, and print what comes back.",
    "mutate": "Copy a recording and inject faults into its events.",
    "import": "Make a recording from another format.",
    "export": "Write a recording in another format.",
    "sql": "Query recordings with SQL.",
    "cut": "Copy chosen sessions into a new, smaller recording.",
    "prune": "Remove old recordings.",
    "help": "Show help on a topic: filters, contracts, exit codes, keys ...",
    "mcp": "Serve recordings to a coding assistant (Model Context Protocol).",
    "doctor": "Check the installation, the terminal, the port and recordings.",
    "demo": "See wsreplay work: a real backend, a proxy, chats, a verdict.",
    "init": "Write a configuration file for this project.",
    "config": "Show the configuration, and where each value comes from.",
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in COMMANDS if _exists(name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS or not _exists(cmd_name):
            return None
        command: click.Command = importlib.import_module(_module(cmd_name)).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            import difflib

            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"No such command: {args[0]!r}." + (f" Did you mean {close[0]!r}?" if close else ""))
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and command is not None:
            from wsreplay.cli import defaults

            defaults.apply(ctx, name, command, rest)
        if not gc.isenabled():
            gc.freeze()
            gc.enable()
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        """Click itself would exit with 1, which says that rules are violated."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # the reader of our output has gone, such as `| head`: nothing more is to be said to it
            _forget_output()
            sys.exit(READER_GONE)


def _module(name: str) -> str:
    return f"wsreplay.cli.{'import_' if name == 'import' else name}"


def _exists(name: str) -> bool:
    folder = os.path.dirname(__file__)  # noqa: PTH120 -- pathlib costs a third of the start
    return os.path.exists(os.path.join(folder, _module(name).rpartition(".")[2] + ".py"))  # noqa: PTH110, PTH118


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(wsreplay.__version__, "-V", "--version", message="wsreplay %(version)s")
@click.option("--no-config", is_flag=True, envvar=NO_CONFIG,
              help="Ignore wsreplay.toml and pyproject.toml.")
@click.pass_context
def group(context: click.Context, no_config: bool) -> None:
    """Record the WebSocket traffic of agent chats, look at it, check it against a contract, replay it.

    \b
    Start with:
      wsreplay demo                            see it work
      wsreplay record ws://localhost:8000      then point your client at ws://localhost:8765
      wsreplay tui                             look at what was recorded
      wsreplay help                            read about filters, contracts, exit codes ...
    """
    if no_config:
        os.environ[NO_CONFIG] = "1"  # for the processes that a command starts
    if context.invoked_subcommand in WRITES_FILES:
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _end_in_order)


def _end_in_order(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def main() -> NoReturn:
    """The entry point: runs a command, and turns every error into one line and an exit code."""
    gc.disable()  # until the command is imported: nothing that is made before it runs is garbage
    streams.prepare()
    if COMPLETE in os.environ:
        from wsreplay.cli.completion import register_bash

        register_bash()
    try:
        code = group.main(prog_name="wsreplay", standalone_mode=False)
    except click.ClickException as error:
        if isinstance(error, click.UsageError):
            from wsreplay.cli.hints import with_hint

            error = with_hint(error)
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except WsreplayError as error:
        click.echo(harmless(f"wsreplay: {error}"), err=True)
        sys.exit(error.exit_code)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in UNWRITABLE:
            click.echo(f"wsreplay: the output cannot be written: {error.strerror}", err=True)
            _forget_output()
            sys.exit(EXIT_NOT_JUDGED)
        if os.environ.get(DEBUG):
            raise
        text = f"{type(error).__name__}: {error}".replace("\n", " ")
        click.echo(harmless(f"wsreplay: internal error, please report it: {text} ({DEBUG}=1 shows where)"), err=True)
        sys.exit(EXIT_NOT_JUDGED)
    sys.exit(code if isinstance(code, int) else 0)


def _forget_output() -> None:
    """What could not be written is not to be tried again when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
