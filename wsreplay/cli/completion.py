"""What the shell offers at TAB: files, the sessions in them, contracts, the fields of filters.

Nothing here raises: a recording that cannot be read has no sessions to offer.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wsreplay.errors import WsreplayError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from wsreplay.model import Session

# The shell completes names of folders, and of any file, itself: it knows ~, quotes and spaces.
_FILES = "file"
_FOLDERS = "dir"
_CONTRACTS = (".yaml", ".yml")
# That of click forgets, at a `dir` or `file`, what was offered before; this one offers both.
_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' response completion type value
    response=$(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD %(complete_var)s=bash_complete "$1")
    COMPREPLY=()
    for completion in $response; do
        IFS=',' read -r type value <<< "$completion"
        case $type in
            dir) compopt -o filenames -o plusdirs ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""
# What a filter's field is followed by, where there are few answers.
_VALUES = {
    "dir": ("c2s", "s2c"), "op": ("text", "binary", "ping", "pong", "close", "continuation"),
    "sev": ("info", "warning", "error"),
}  # fmt: skip


def register_bash() -> None:
    """Have click write our script for bash instead of its own."""
    from click.shell_completion import BashComplete, add_completion_class

    class Bash(BashComplete):
        source_template = _BASH

    add_completion_class(Bash)


class RecordingName(click.ParamType[str]):
    """FILE, or FILE#SESSION: what stands before the # is a recording. Any file where none here is named like one."""

    name = "file"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        path, mark, number = incomplete.rpartition("#")
        offers = [_session_item(session, f"{path}#") for session in _sessions(path, ctx)] if mark else []
        if sessions := _fitting(offers, f"{path}#{number}"):
            return sessions
        files = list(_files(incomplete, (".db",)))
        return [*files, _offer(incomplete, type=_FOLDERS)] if files else [_offer(incomplete, type=_FILES)]


class SessionNumber(click.types.IntParamType):
    """SESSION, of the recording that the arguments before it name."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        path = next((value for name in ("file", "files") if (value := ctx.params.get(name))), "")
        return _fitting([_session_item(session, "") for session in _sessions(str(path), ctx)], incomplete)


class ContractName(click.ParamType[str]):
    """A built-in contract, or a file."""

    name = "contract"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from wsreplay.contract import builtin_names

        if incomplete.startswith("~"):
            return [_offer(incomplete, type=_FILES)]
        builtins = _fitting(map(_offer, builtin_names()), incomplete)
        return [*builtins, *_files(incomplete, _CONTRACTS), _offer(incomplete, type=_FOLDERS)]


class DecoderName(click.ParamType[str]):
    """A decoder, ours or an installed one."""

    name = "decoder"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from wsreplay.decode import decoder_names

        return _fitting(map(_offer, decoder_names()), incomplete)


class FilterText(click.ParamType[str]):
    """A filter: the field that its last term begins with, or a value of it."""

    name = "filter"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from wsreplay.trace.filter.parser import FIELDS

        before, space, term = incomplete.rpartition(" ")
        stem = before + space
        field, colon, _ = term.partition(":")
        words = (f"{field}:{value}" for value in _VALUES.get(field, ())) if colon else (f"{name}:" for name in FIELDS)
        return _fitting((_offer(stem + word) for word in words), incomplete)


def _offer(value: str, type: str = "plain", help: str | None = None) -> CompletionItem:
    from click.shell_completion import CompletionItem

    return CompletionItem(value, type=type, help=help)


def _fitting(items: Any, incomplete: str) -> list[CompletionItem]:
    return [item for item in items if item.value.startswith(incomplete)]


def _files(incomplete: str, suffixes: tuple[str, ...]) -> Iterator[CompletionItem]:
    """The files that begin so and end with one of the suffixes; none after ~, which each shell reads in its own way."""
    folder, start = os.path.split(incomplete)
    with contextlib.suppress(OSError, ValueError), os.scandir(folder or ".") as entries:
        for name in sorted(entry.name for entry in entries if entry.name.endswith(suffixes) and entry.is_file()):
            if name.startswith(start) and (start or not name.startswith(".")) and name.isprintable():
                yield _offer(os.path.join(folder, name))  # noqa: PTH118 -- pathlib drops the ./ that was typed


def _session_item(session: Session, stem: str) -> CompletionItem:
    first = session.connections[0]
    label = " ".join(part for part in (first.user, first.path) if part)
    return _offer(f"{stem}{session.id}", help="".join(sign for sign in label if sign.isprintable())[:60])


def _sessions(path: str, context: click.Context) -> Iterator[Session]:
    """Those of a recording, as the contract and the users that the line names so far make them."""
    from wsreplay.contract import load
    from wsreplay.contract.users import sessions_of
    from wsreplay.store.reader import Recording

    named = context.params.get("contract") or next(iter(context.params.get("contracts") or ()), None)
    with contextlib.suppress(WsreplayError, OSError, ValueError):
        file = Path(path).expanduser()
        if file.is_file():
            with Recording.open(file) as recording:
                contract = load(named) if named else None
                yield from sessions_of(recording, contract, context.params.get("users") or (), context.params.get("decoder"))
