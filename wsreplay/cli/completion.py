"""What the shell offers at TAB: files, the sessions in them, contracts, the fields of filters.

Nothing here raises: a recording that cannot be read has no sessions to offer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wsreplay.errors import WsreplayError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from wsreplay.model import Session

# The shell completes names of files itself: it knows ~, quotes and spaces.
_FILES = "file"
# What a filter's field is followed by, where there are few answers.
_VALUES = {
    "dir": ("c2s", "s2c"), "op": ("text", "binary", "ping", "pong", "close", "continuation"),
    "sev": ("info", "warning", "error"),
}  # fmt: skip


class RecordingName(click.ParamType[str]):
    """FILE, or FILE#SESSION: what stands before the # is a recording."""

    name = "file"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        path, mark, number = incomplete.rpartition("#")
        offers = [_session_item(session, f"{path}#") for session in _sessions(path)] if mark else []
        return _fitting(offers, f"{path}#{number}") or [_offer(incomplete, type=_FILES)]


class SessionNumber(click.types.IntParamType):
    """SESSION, of the recording that the arguments before it name."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        path = next((value for name in ("file", "files") if (value := ctx.params.get(name))), "")
        return _fitting([_session_item(session, "") for session in _sessions(str(path))], incomplete)


class ContractName(click.ParamType[str]):
    """A built-in contract, or a file."""

    name = "contract"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from wsreplay.contract import builtin_names

        return [*_fitting(map(_offer, builtin_names()), incomplete), _offer(incomplete, type=_FILES)]


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


def _session_item(session: Session, stem: str) -> CompletionItem:
    first = session.connections[0]
    label = " ".join(part for part in (first.user, first.path) if part)
    return _offer(f"{stem}{session.id}", help="".join(sign for sign in label if sign.isprintable())[:60])


def _sessions(path: str) -> Iterator[Session]:
    from wsreplay.store.reader import Recording
    from wsreplay.trace.sessions import stitch

    with contextlib.suppress(WsreplayError, OSError, ValueError):
        file = Path(path).expanduser()
        if file.is_file():
            with Recording.open(file) as recording:
                yield from stitch(recording.connections())
