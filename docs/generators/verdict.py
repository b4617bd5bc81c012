"""The JSON verdict as a page, from its JSON Schema."""

from __future__ import annotations

import json
from importlib import resources

from docs.generators import schemas

INTRODUCTION = """# JSON verdict

What `wsreplay validate -f json` prints, version 1. Times are seconds on the recording's axis. Later wsreplays may add
fields; what stands here keeps its meaning. The JSON Schema is part of the package, as `wsreplay/report/schema/verdict-1.json`.

<!-- test: have chat.db missing-event:bob -->
```console
$ wsreplay validate chat.db -f json -o verdict.json; echo $?
1
$ python -c "import json; print(json.load(open('verdict.json'))['verdict'])"
violated
```
"""


def page() -> str:
    schema = json.loads((resources.files("wsreplay.report") / "schema" / "verdict-1.json").read_text("utf-8"))
    top = {key: part for key, part in schema.items() if key != "description"}
    parts = [INTRODUCTION, *schemas.tables("The whole", top)]
    for name, definition in schema["definitions"].items():
        parts += schemas.tables(name, definition)
    return "\n\n".join(parts)
