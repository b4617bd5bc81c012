"""The source that judges each event a contract names, and any other."""

from __future__ import annotations

from wsreplay.contract import loads
from wsreplay.validator.handlers import list_handlers

RULES = """contract: x
keys: {run: $.run}
rules:
  - {id: r1, response: [s2c:a, b], by: run}
  - {id: r2, absence: c2s:c}
  - {id: r3, response: [d, ws.close]}
  - {id: r4, absence: e*}
"""


def test_each_event_has_the_source_that_judges_it():
    handlers = list(list_handlers(loads(RULES + "known: ['s2c:f', '*']\n")))
    named = [event for events, _ in handlers for event in events]
    assert named[0] == "s2c:a"
    both_ways = [f"{way}:{type_}" for type_ in ("b", "d", "e*", "any other type") for way in ("c2s", "s2c")]
    assert sorted(named) == sorted(["s2c:a", "c2s:c", "s2c:f", *both_ways])
    assert handlers[-1][0][-1].endswith("any other type")
    sources = [source for _, source in handlers]
    assert len(set(sources)) == len(sources) and all(source.startswith("def handle(") for source in sources)
    of = {event: source for events, source in handlers for event in events}
    assert of["c2s:c"] != of["c2s:b"] and of["s2c:f"] == of["s2c:any other type"]
