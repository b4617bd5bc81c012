"""The contract language and the built-in contracts as pages."""

from __future__ import annotations

from importlib import resources

import wsreplay.contract as language
from docs.generators import schemas
from wsreplay.contract import builtin_names, load

LANGUAGE = """# Contract language

Every key that a contract may have. How to write one, step by step: [Write a contract](../how-to/contracts.md). What the
verdicts mean: [Verdicts](verdicts.md).

Editors complete and check contracts with the JSON Schema that this page is made from:

```console
$ wsreplay contract schema > contract.schema.json
```

A comment in a contract's first line tells it to editors that use the YAML language server:

```yaml
# yaml-language-server: $schema=contract.schema.json
```
"""

BUILTIN = """# Built-in contracts

Use one by its name, `wsreplay validate chat.db -c ag-ui`, or take it as the base of your own with `extends`.

"""


def language_page() -> str:
    schema = language.json_schema()
    parts = [LANGUAGE, *schemas.tables("A contract", {key: part for key, part in schema.items() if key != "description"})]
    for name, definition in (schema.get("$defs") or schema.get("definitions") or {}).items():
        parts += schemas.tables(name, definition)
    return "\n\n".join(parts)


def builtin_page() -> str:
    parts = [BUILTIN.rstrip()]
    for name in builtin_names():
        contract = load(name)
        text = (resources.files("wsreplay.contract") / "builtin" / f"{name}.yaml").read_text("utf-8")
        counted = f"Version {contract.version}, {len(contract.spans)} spans, {len(contract.rules)} rules in all."
        parts += [f"## {name}", counted, f"```yaml\n{text.rstrip()}\n```"]
    return "\n\n".join(parts)
