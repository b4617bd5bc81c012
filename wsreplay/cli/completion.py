"""What the shell offers at TAB: files, the sessions in them, contracts, the fields of filters.

Nothing here raises: a recording that cannot be read has no sessions to offer.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wsreplay.errors import WsreplayError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from wsreplay.contract import Contract
    from wsreplay.model import Session
    from wsreplay.store.reader import Recording

_Read = TypeVar("_Read")
# The shell completes names of folders, and of any file, itself: it knows ~, quotes and spaces.
_FILES = "file"
_FOLDERS = "dir"
_CONTRACTS = (".yaml", ".yml")
# That of click forgets, at a `dir` or `file`, what was offered before, and gives us words that bash has broken at `:` and `=`;
# this one offers both, and gives us the line.
_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' response completion type value
    response=$(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORD="$2" %(complete_var)s=bash_complete "$1")
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
_COMPARED = ("sev", "size", "t")
# The last term of a filter, with what stands before it: its field, how it is compared, and its value.
_TERM = re.compile(r"(?P<stem>(?:.*[\s(|!])?)(?P<field>[A-Za-z]*)(?P<op>(?:!=|>=|<=|[:=<>])?)(?P<value>.*)", re.DOTALL)
_PLAIN_VALUE = re.compile(r"""[^\s|()"'\\*,]+""")


def register_bash() -> None:
    """Have click write our script for bash instead of its own."""
    from click.shell_completion import BashComplete, add_completion_class, split_arg_string

    class Bash(BashComplete):
        source_template = _BASH
        # What of the word is there already, before that part of it which bash completes.
        _kept = ""

        def get_completion_args(self) -> tuple[list[str], str]:
            line = os.environ.get("COMP_LINE", "")
            words = split_arg_string(line)
            incomplete = words.pop() if len(split_arg_string(f"{line}x")) == len(words) else ""
            self._kept = _part_before(incomplete, os.environ.get("COMP_WORD", ""))
            return words[1:], incomplete

        def format_completion(self, item: CompletionItem) -> str:
            return f"{item.type},{item.value.removeprefix(self._kept)}"

    add_completion_class(Bash)


def _part_before(word: str, part: str) -> str:
    """What stands before the part of a word that bash completes: a word is broken at `:` and `=`, unless it is quoted."""
    value = word.partition("=")[2] if word.startswith("--") else word
    part = part.lstrip("'\"")
    if part in (":", "="):
        return value
    return value.removesuffix(part) if value.endswith(part) else ""


class RecordingName(click.ParamType[str]):
    """FILE, or FILE#SESSION: what stands before the # is a recording."""

    name = "file"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        path, mark, number = incomplete.rpartition("#")
        offers = [_session_item(session, f"{path}#") for session in _sessions(path, ctx)] if mark else []
        return _fitting(offers, f"{path}#{number}") or _recordings(incomplete)


class RecordingPath(click.Path):
    """A recording, or a folder."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return _recordings(incomplete)


class FolderPath(click.Path):
    """A folder."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [_offer(incomplete, type=_FOLDERS)]


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
    """A filter: the field that its last term begins with, or a value of it, such as the types of the recording."""

    name = "filter"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from wsreplay.trace.filter.parser import FIELDS

        term = _TERM.fullmatch(incomplete)
        assert term is not None  # it takes any text
        stem, field, op = term["stem"], term["field"], term["op"]
        if op:
            words = [f"{field}{op}{value}" for value in _values(ctx, field)]
        else:
            names = [name for name in FIELDS if name.startswith(field)]
            words = [f"{name}:" for name in names] + [f"{name}>=" for name in _COMPARED if name in names]
            if len(words) == 1:  # bash takes a single one for the end of the word
                (name,) = names
                words = [f"{name}:{value}" for value in _values(ctx, name)] or [f"{name}:", f"{name}="]
        return _fitting((_offer(stem + word) for word in words), incomplete)


def _values(context: click.Context, field: str) -> Iterator[str]:
    """What a field may be compared with: fixed words, else what is in the recording that the line names so far."""
    yield from _VALUES.get(field, ())
    name = str(context.params.get("file") or next(iter(context.args), ""))  # click reads no arguments before a bare `--filter`
    path = name if Path(name).exists() else name.partition("#")[0]
    if field in ("user", "session"):
        values = [session.user or "" if field == "user" else str(session.id) for session in _sessions(path, context)]
    else:
        values = _types(path, context) if field == "type" else []
    yield from dict.fromkeys(value for value in values if _PLAIN_VALUE.fullmatch(value) and value.isprintable())


def _offer(value: str, type: str = "plain", help: str | None = None) -> CompletionItem:
    from click.shell_completion import CompletionItem

    return CompletionItem(value, type=type, help=help)


def _fitting(items: Any, incomplete: str) -> list[CompletionItem]:
    return [item for item in items if item.value.startswith(incomplete)]


def _recordings(incomplete: str) -> list[CompletionItem]:
    """Recordings and folders that begin so; any file where there is neither."""
    recordings = [*_files(incomplete, (".db",))]
    if recordings or _has_folder(incomplete):
        return [*recordings, _offer(incomplete, type=_FOLDERS)]
    return [_offer(incomplete, type=_FILES)]


def _has_folder(incomplete: str) -> bool:
    folder, start = os.path.split(incomplete)
    with contextlib.suppress(OSError, ValueError), os.scandir(folder or ".") as entries:
        return any(entry.name.startswith(start) and entry.is_dir() for entry in entries if start or entry.name[0] != ".")
    return False


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


def _sessions(path: str, context: click.Context) -> list[Session]:
    """Those of a recording, as the contract and the users that the line names so far make them."""
    from wsreplay.contract.users import sessions_of

    users, decoder = context.params.get("users") or (), context.params.get("decoder")
    return _read(path, context, lambda recording, contract: sessions_of(recording, contract, users, decoder))


def _types(path: str, context: click.Context) -> list[str]:
    """Those of the events of a recording, the most frequent first, as the line says so far how to read them."""
    from wsreplay.contract.observed_types import count_types

    decoder = context.params.get("decoder")
    return _read(path, context, lambda recording, contract: [*dict(count_types(recording, contract, decoder).most_common())])


def _read(path: str, context: click.Context, read: Callable[[Recording, Contract | None], list[_Read]]) -> list[_Read]:
    """What is read of a recording with the contract that the line names so far; nothing where there is no such recording."""
    from wsreplay.contract import load
    from wsreplay.store.reader import Recording

    named = context.params.get("contract") or next(iter(context.params.get("contracts") or ()), None)
    with contextlib.suppress(WsreplayError, OSError, ValueError):
        file = Path(path).expanduser()
        if file.is_file():
            with Recording.open(file) as recording:
                return read(recording, load(named) if named else None)
    return []
