"""Which keys of a construct a contract cannot do without: those that the loader misses in an example."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from wsreplay.contract import loads
from wsreplay.errors import ContractError

_BASE = """
contract: c
envelope: {sent: $.at, seq: $.seq, id: $.id}
keys: {thread: $.thread, name: $.name}
spans: {run: {by: thread, start: a, end: b}}
"""
# Where each construct stands in a contract, with all that one example of it may need.
EXAMPLES: dict[str, tuple[str, str]] = {
    "span": ("spans", "{s: {by: thread, start: a, end: b, within: 1s, label: $.name}}"),
    "latency": ("latency", "{latency: 's2c:*', max: 1s, clock: same}"),
    "sequence": ("sequence", "{field: envelope.seq, by: thread, mode: increasing}"),
    "unique": ("unique", "{field: envelope.id, by: thread, event: a}"),
    "questions": ("questions", "{asks: q, never: n, text: $.text, by: thread, answered_by: run, within: 1s}"),
    "waits": ("waits", "{from: a, until: b, by: thread}"),
    "silence": ("silence", "{in: run, max: 1s}"),
    "startup": ("startup", "{first: a, before: b}"),
    "needs": ("needs", "{event: a, any: $.text}"),
    "reconnect": ("reconnect", "{in: run, within: 1s, lost: [ws.drop], left: [ws.close]}"),
    "left_open": ("left_open", "{in: run, after: 1s}"),
}
_RULES = (
    "{id: r, existence: a, in: run, min: 1}", "{id: r, response: [a, b], within: 1s}", "{id: r, recurrence: a, every: 1s}",
    "{id: r, latency: 's2c:*', max: 1s, clock: same}", "{id: r, rate: a, max: 1, per: 1s}",
    "{id: r, monotonic: $.n, mode: increasing, event: a}", "{id: r, count: a, equals: $.n, at: b}",
    "{id: r, sum: $.n, event: a, equals: $.n, at: b}", "{id: r, consistent: [thread, name], event: a}",
)


def needed_keys(construct: str) -> dict[str, str]:
    """The keys that one of these needs, each with the key that it is needed with, "" where it always is."""
    if construct == "contract":
        return {"contract": ""}
    if construct == "rule":
        return _of_rules()
    if construct not in EXAMPLES:
        return {}
    key, text = EXAMPLES[construct]
    return dict.fromkeys(_missed(key, yaml.safe_load(text)), "")


def _of_rules() -> dict[str, str]:
    needed: dict[str, str] = {}
    for text in _RULES:
        rule = yaml.safe_load(text)
        template = list(rule)[1]
        missed = set(_missed("rules", [rule]))
        if template not in missed:
            raise ValueError(f"docs/generators/needed.py: {text} does well without its template")
        for key in missed - {"id", template}:
            needed[key] = f"{needed[key]}, `{template}`" if key in needed else f"`{template}`"
    return needed


def _missed(key: str, example: Any) -> Iterator[str]:
    if mistake := _mistake(key, example):
        raise ValueError(f"docs/generators/needed.py: the example of {key} is not valid: {mistake}")
    member = example[0] if key == "rules" else example["s"] if key == "spans" else example
    for name in list(member):
        value = member.pop(name)
        if _mistake(key, example):
            yield name
        member[name] = value


def _mistake(key: str, example: Any) -> str:
    document = yaml.safe_load(_BASE)
    document[key] = {**document[key], **example} if key == "spans" else example
    try:
        loads(yaml.safe_dump(document))
    except ContractError as error:
        return str(error)
    return ""
