"""The contract language and the built-in contracts as pages.

Names and values come from the JSON Schema of the language; what they mean, from `meanings`; a name without one is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any

from docs.generators.meanings import COMMON, CONSTRUCTS, DEFAULTS, MEANINGS
from docs.generators.needed import needed_keys
from wsreplay.contract import builtin_names, json_schema, load
from wsreplay.units import count_text

Schema = dict[str, Any]

LANGUAGE = """# Contract language

All keys of a contract. How to write one, step by step: [Write a contract](../how-to/contracts.md). What the verdicts mean:
[Verdicts](verdicts.md).

| Where it says | write |
|---|---|
| pattern | an event: `agent_started`, `s2c:chat*`, a number, a pseudo-event, or `{event: PATTERN, where: {PATH: VALUE}}` |
| value | text with `*` for anything, number, true, false, null, JSON Schema as in `{minimum: 1}`, or a list: any of them |
| patterns | a pattern, or a list: any of them |
| path | a singular JSONPath (RFC 9535): `$.payload.run_id` |
| key | a name of `keys`, or `conn.id`, `conn.user`, `conn.session` |
| duration | `100ms`, `2s`, `1m30s`, `1h`: [how to write one](units.md) |

Pseudo-events are events of the connection: `ws.open`, `ws.close`, `ws.drop` (it ended without a close), each with `$.code`,
`$.reason` and `$.by`; `ws.ping`, `ws.pong`. They count only if a rule names them. `c2s:` and `s2c:` give the direction of a
message, `*` stands for anything.

The first close frame says who ended a connection, with which code and why; the other side's is the answer. If none came, the
connection was dropped by the side whose TCP connection ended first. Findings that speak of an ending name its connection's, and
show that frame. If a recording was stopped, nobody knows how its connections ended, and what was open is inconclusive.

Editors complete and check contracts with this JSON Schema:

```console
$ wsreplay contract schema > contract.schema.json
```

In editors with the YAML language server, a comment in the first line of a contract names the schema:

```yaml
# yaml-language-server: $schema=contract.schema.json
```
"""

BUILTIN = """# Built-in contracts

Use one by its name, as in `wsreplay validate chat.db -c ag-ui`, or take it as the base of your own with
[`extends`](contracts.md#a-contract).

```console
$ wsreplay contract ls
…
$ wsreplay contract show ag-ui > ag-ui.yaml
```
"""


def language_page() -> str:
    schema = json_schema()
    parts = [LANGUAGE]
    for title, name in CONSTRUCTS.items():
        parts += _construct(title, name, schema)
    parts += ["## For every rule and span { #common }", _table(COMMON.items(), {})]
    return "\n\n".join(parts)


def _construct(title: str, name: str, schema: Schema) -> Iterator[str]:
    part = _find(name, schema)
    meanings = MEANINGS[name]
    has_common = name != "contract" and "severity" in part["properties"]
    names = [key for key in part["properties"] if not (has_common and key in COMMON)]
    if set(names) != set(meanings) - {""}:
        raise ValueError(f"docs/generators/meanings.py, {name}: {sorted(set(names) ^ set(meanings) - {''})}")
    yield f"## {title} {{ #{title.lower().replace(' ', '-')} }}"
    yield meanings[""]
    rows = ((key, meanings[key]) for key in names)
    yield _table(rows, {key: part["properties"][key] for key in names}, needed_keys(name))
    if has_common:
        yield "Also [what every rule may have](#common)."


def _find(name: str, schema: Schema) -> Schema:
    if name == "contract":
        return schema
    found: Schema = schema["definitions"].get(name) or schema["properties"][name]
    return found


def _table(rows: Any, schemas: dict[str, Schema], needed: Mapping[str, str] = MappingProxyType({})) -> str:
    lines = ["| Name | Value | |", "|---|---|---|"]
    for key, meaning in rows:
        kind, _, text = meaning.partition(": ")
        choices = schemas.get(key, {}).get("enum")
        value = " · ".join(f"`{one}`" for one in choices) if choices else kind
        mark = f" (needed{f' with {needed[key]}' if needed[key] else ''})" if key in needed else ""
        default = f". Default: {DEFAULTS[key]}" if key in DEFAULTS else ""
        lines.append(f"| `{key}`{mark} | {value} | {text}{default} |")
    return "\n".join(lines)


def builtin_page() -> str:
    parts = [BUILTIN.rstrip()]
    for name in builtin_names():
        contract = load(name)
        text = (resources.files("wsreplay.contract") / "builtin" / f"{name}.yaml").read_text("utf-8")
        spans, rules = count_text(len(contract.spans), "span"), count_text(len(contract.rules), "rule")
        counted = f"Version {contract.version}: {spans}, {rules} in all."
        parts += [f"## {name}", counted, f"```yaml\n{text.rstrip()}\n```"]
    return "\n\n".join(parts)
