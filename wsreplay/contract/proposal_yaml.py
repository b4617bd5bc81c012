"""A proposed contract as YAML, for a person to read and to go on with: what is left over stands in comments."""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from wsreplay.contract.observed_types import WAYS, one_line
from wsreplay.contract.proposal import Proposal
from wsreplay.decode import PLAIN
from wsreplay.trace import jsonpath

_PLAIN_SCALAR = re.compile(r"(?:[cs]2[cs]:)?[A-Za-z_][A-Za-z0-9_./-]*")


def as_yaml(proposal: Proposal, name: str, base: str) -> str:
    """The contract that is proposed; what is left over in comments."""
    seen = proposal.seen
    fits = bool(proposal.events) or any(True for _ in _known(proposal))
    if not fits:
        return _of_its_own(proposal, name, base)
    lines = ["# Proposed from a recording, by similar names. Check it before you use it.", f"contract: {_scalar(name)}"]
    lines.append(f"extends: {_scalar(base)}")
    if seen.decoder != PLAIN:
        lines.append(f"envelope: {{decoder: {seen.decoder}}}")
    lines += _user_lines(proposal)
    lines += _map_lines(proposal)
    lines += _array_lines(proposal)
    if known := list(dict.fromkeys(map(one_line, _known(proposal)))):
        lines += ["# Understood as they are, without a mapping:", *_listed(known)]
    if proposal.unmapped:
        lines.append("# Not mapped:")
        lines += [f"#   {WAYS[way]}:{one_line(type_)}  {seen.counts[way, type_]:,}×" for way, type_ in proposal.unmapped]
    if proposal.unmapped and proposal.free_names:
        lines.append(f"# If one of these means the same as a name of {base}, add it to events. Its unused names:")
        lines += _listed(proposal.free_names)
    if proposal.unkept:
        lines.append("# These rules ask for events that did not come. Turn off what your product does not promise:")
        lines.append("# rules:")
        lines += [f"#   - {{id: {rule}, enabled: false}}   # asks for {', '.join(names)}" for rule, names in proposal.unkept]
    if proposal.free_fields:
        lines.append(f"# Fields of {base} that were not found; add those that your messages have under another name to fields:")
        lines += _listed(proposal.free_fields)
        if proposal.common:
            lines.append(f"#   most messages have {one_line(', '.join(proposal.common))}")
    return "\n".join(lines) + "\n"


def _of_its_own(proposal: Proposal, name: str, base: str) -> str:
    """A contract of types that look like nothing of the base's, to which rules are still to be added. It extends the base where
    that says how the messages are read."""
    seen = proposal.seen
    places = {"decoder": seen.decoder if seen.decoder != PLAIN else None, "sent": proposal.sent}
    if seen.type_path is not None:
        places = {"type": jsonpath.show(seen.type_path), **places}
    envelope = ", ".join(f"{place}: {_scalar(text)}" for place, text in places.items() if text is not None)
    lines = [f"# Proposed from a recording whose events do not resemble those of {base}.", f"contract: {_scalar(name)}"]
    if seen.as_contract:
        lines.append(f"extends: {_scalar(base)}")
    elif envelope:
        lines.append(f"envelope: {{{envelope}}}")
    lines += _user_lines(proposal)
    lines += _array_lines(proposal)
    if proposal.unmapped:
        lines.append("+known:" if seen.as_contract else "known:")
        listed = [(_scalar(f"{WAYS[way]}:{type_}"), seen.counts[way, type_]) for way, type_ in proposal.unmapped]
        lines += [f"  - {pattern}   # {count:,}×" for pattern, count in listed]
    if proposal.common:
        lines.append(f"# Most messages have {one_line(', '.join(proposal.common))}.")
    lines.append("# It has no rules yet. Add keys, spans and rules: wsreplay help write-contracts")
    return "\n".join(lines) + "\n"


def _listed(names: Sequence[str]) -> list[str]:
    return textwrap.wrap(", ".join(names), 100, initial_indent="#   ", subsequent_indent="#   ", break_on_hyphens=False)


def _known(proposal: Proposal) -> Iterator[str]:
    """Events that bear the contract's own name."""
    left = {type_ for _, type_ in proposal.unmapped} | set(proposal.events)
    return (type_ for _, type_ in proposal.seen.counts if type_ not in left)


def _map_lines(proposal: Proposal) -> list[str]:
    seen, lines = proposal.seen, list[str]()
    if seen.type_path is not None:
        lines.append(f"  type: {_scalar(jsonpath.show(seen.type_path))}")
    if proposal.sent is not None:
        lines.append(f"  sent: {_scalar(proposal.sent)}")
    if proposal.seq is not None:
        lines.append(f"  seq: {_scalar(proposal.seq)}")
    if proposal.events:
        totals = Counter[str]()
        for (_, type_), count in seen.counts.items():
            totals[type_] += count
        lines.append("  events:")
        lines += [
            f"    {_scalar(theirs)}: {ours}   # {totals[theirs]:,}×{', a guess' if theirs in proposal.guessed else ''}"
            for theirs, ours in proposal.events.items()
        ]
    if proposal.fields:
        lines.append("  fields:")
        lines += [f"    {ours}: {_scalar(path)}" for ours, path in proposal.fields.items()]
    return ["map:", *lines] if lines else []


def _user_lines(proposal: Proposal) -> list[str]:
    """Whose connections are, where the base does not say."""
    return [f"user: {_scalar(proposal.user)}   # names who a connection belongs to"] if proposal.user is not None else []


def _array_lines(proposal: Proposal) -> list[str]:
    """What lets messages be arrays, where they are."""
    path = proposal.seen.type_path or ("",)
    return ["json: {text: json, type: required}   # messages are arrays"] if isinstance(path[0], int) else []


def _scalar(text: str) -> str:
    """A YAML scalar (YAML 1.2, section 7.3.1): plain where nothing in it is special, else in double quotes."""
    if _PLAIN_SCALAR.fullmatch(text) or re.fullmatch(r"\$(\.[A-Za-z_][A-Za-z0-9_]*)+", text):
        return text
    return json.dumps(text)
