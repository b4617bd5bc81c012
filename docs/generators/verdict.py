"""The JSON verdict as a page, from its JSON Schema."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from docs.generators import schemas

# Where the schema itself says nothing, since the name says it to those who know the report.
MEANINGS = {
    "version": "The version of this format.",
    "contracts": "The names of the contracts that were asked for.",
    "file": {
        "verdict": "The verdict on this recording by this contract.",
        "contract": "Its name, its version, and a digest of its text.",
        "events": "How many events were validated.",
        "sessions": "How many sessions were validated.",
        "session_verdicts": "Verdicts by the number of the session.",
        "rules": "All rules, in the order of the contract.",
        "findings": "In the order in which they were decided.",
        "runs": "How each run of an agent ended.",
        "run_counts": "The number of runs in each state.",
        "notes": "What else a reader should know, such as connections that the contract does not apply to.",
    },
    "rule": {
        "id": "Its name in the contract.",
        "contract_file": "The contract file that contains it.",
        "line": "Its line there, from 1.",
        "activations": "How often it applied.",
        "fulfilments": "How often it held.",
        "violations": "How often it was broken.",
        "pending": "How often something is still due.",
        "inconclusive": "How often it could not be decided: the recording ended, or a message could not be read.",
        "errors": "How often it could not be checked.",
    },
    "finding": {
        "rule": "The rule's name.",
        "contract_file": "The contract file that contains the rule.",
        "kind": "`missing`, `unexpected`, `order`, `late`, `duplicate`, `gap`, `isolation`, `format`, …",
        "session": "Its number.",
        "connection": "Its number.",
        "expected": "Event types, one of which should have come, as the product calls them.",
        "until": "When it was due at the latest.",
        "seen": "What came instead.",
        "decided_by": "`event`, `deadline`, `scope_close` or `trace_end`.",
        "decided_at": "When the finding was certain.",
        "late_by": "By how many seconds it was late.",
        "blame": "`client` or `server`, where the protocol says.",
        "fingerprint": "The same in every recording with the same mistake.",
        "message": "The finding in a sentence.",
    },
}

INTRODUCTION = """# JSON verdict

What `wsreplay validate -f json` prints, version 2. Times are in seconds since the recording began. Later versions may
add fields; those on this page keep their meaning. The JSON Schema is in the package: `wsreplay/report/schema/verdict-2.json`.

<!-- test: have chat.db missing-event:bob -->
```console
$ wsreplay validate chat.db -f json -o verdict.json; echo $?
1
$ python -c "import json; print(json.load(open('verdict.json'))['verdict'])"
violated
```

`runs` lists the contract's runs; `--spans` adds tools and everything else that has a start and an end:

```console
$ wsreplay validate chat.db -f json --spans -o verdict.json; echo $?
1
$ python -c "import json; [print(s['label'], s['state']) for s in json.load(open('verdict.json'))['files'][0]['spans']]"
analyst completed
search cut
```
"""


def page() -> str:
    schema = json.loads((resources.files("wsreplay.report") / "schema" / "verdict-2.json").read_text("utf-8"))
    _explain(schema["properties"], MEANINGS)
    for name, definition in schema["definitions"].items():
        _explain(definition.get("properties", {}), MEANINGS.get(name, {}))
    top = {key: part for key, part in schema.items() if key != "description"}
    parts = [INTRODUCTION, *schemas.tables("Report", top)]
    for name, definition in schema["definitions"].items():
        parts += schemas.tables(name, definition)
    return "\n\n".join(parts)


def _explain(properties: dict[str, Any], meanings: Any) -> None:
    for name, part in properties.items():
        if "description" not in part and isinstance(meanings.get(name), str):
            part["description"] = meanings[name]
