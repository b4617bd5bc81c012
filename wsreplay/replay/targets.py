"""Ids in the targets of handshakes: segments of a path, values of a query.

A recorded id in a path or a query stands for the same live one as in messages, and what a client that connects has in its place
is what stands for it from there on.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from urllib.parse import quote, unquote, unquote_plus, urlsplit

from wsreplay.contract.identities import NO_KEY, IdMap, is_telling


def map_target(target: str, ids: IdMap) -> str:
    """A recorded target with the ids that stand for those in it."""
    path, mark, query = target.partition("?")
    segments = [_stand_in(segment, unquote(segment), ids) for segment in path.split("/")]
    pairs = []
    for pair in query.split("&"):
        name, equals, value = pair.partition("=")
        pairs.append(f"{name}{equals}{_stand_in(value, unquote_plus(value), ids)}")
    return "/".join(segments) + mark + "&".join(pairs)


def _stand_in(written: str, text: str, ids: IdMap) -> str:
    live = ids.by_value(text) if is_telling(text) else None
    return written if live is None or live == text else quote(str(live), safe="")


def learn_target(recorded: str, live: str, known: Collection[object], ids: IdMap) -> bool:
    """Take in what stands, in a live target, for ids of the recorded one, `known` as such; whether the paths are alike."""
    pairs = list(_pairs(recorded, live))
    is_alike = recorded.partition("?")[0].count("/") == live.partition("?")[0].count("/")
    for in_path, old, new in pairs:
        if old == new:
            continue
        if is_telling(old) and old in known and ids.fits(NO_KEY, old, new):
            ids.learn(NO_KEY, old, new)
        elif in_path:
            is_alike = False
    return is_alike


def _pairs(recorded: str, live: str) -> Iterator[tuple[bool, str, str]]:
    """(whether of the path, recorded, live) of each segment and each parameter that both have."""
    (path, _, query), (other_path, _, other_query) = recorded.partition("?"), live.partition("?")
    for old, new in zip(path.split("/"), other_path.split("/"), strict=False):
        yield True, unquote(old), unquote(new)
    there = dict(pair.partition("=")[::2] for pair in other_query.split("&"))
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name in there:
            yield False, unquote_plus(value), unquote_plus(there[name])


def split_template(url: str) -> tuple[str, str | None]:
    """A backend's URL, and the path behind it where that has placeholders; else None."""
    if "{" not in url:
        return url, None
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}" if parts.scheme and parts.netloc else re.split(r"/", url, maxsplit=1)[0]
    return base, url[len(base) :]
