"""Contracts that hold every kind of rule, over events s, a, b, e and f of few keys."""

from __future__ import annotations

HEAD = """
contract: x
envelope: {type: $.type, id: $.id, seq: $.seq, sent: $.at}
keys: {thread: [$.t, conn.id], run: [$.r, thread], tool: $.c, owner: $.u, name: $.n}
"""
SPANS = """
spans:
  run: {by: [thread, run], start: s, end: {ok: e, failed: f}, body: [a, b], within: 200ms, parent: $.p}
  tool: {by: [run, tool], else_by: [run, name], inside: run, start: a, end: b, within: 50ms}
"""
RULES = {
    "latency": "latency: {latency: ['s2c:*', a], max: 20ms}",
    "latency with a condition": "rules: [{id: l, latency: {event: a, where: {$.r: r1}}, max: 20ms}]",
    "sequence by connection": "sequence: {field: envelope.seq, by: conn.id}",
    "sequence by session": "sequence: {field: envelope.seq, by: conn.session, mode: increasing}",
    "sequence by key": "sequence: {field: envelope.seq, by: tool}",
    "sequence of what is found": SPANS + "sequence: {field: envelope.seq, recover_within: 40ms}",
    "unique": "unique: {field: envelope.id, by: thread}",
    "unique of something else": "unique: {field: $.seq, by: tool}",
    "bind": "isolation: [{id: i, bind: [thread, run], to: conn.user}]",
    "bind to another key": "isolation: [{id: i, bind: [run, tool], to: owner}]",
    "bind in spans": SPANS + "isolation: [{id: i, bind: [thread, run], to: conn.user}]",
    "bind what may be shared, and confine": SPANS
    + "isolation: [{id: i, bind: [thread, run], shared: 't2'}, {id: j, confine: owner, shared: u1}]",
    "confine": "isolation: [{id: i, confine: owner, to: conn.user}, {id: j, confine: run, to: thread}]",
    "spans": SPANS,
    "templates in spans": SPANS
    + """
rules:
  - {id: a, existence: [a, b], in: run}
  - {id: b, precedence: [a, b], in: run}
  - {id: c, response: [a, b], in: run, by: tool, within: 50ms}
  - {id: d, precedence: [a, {event: b, where: {$.r: r1}}], by: thread}
  - {id: e, existence: a, in: tool, unless: ok}
  - {id: f, precedence: [s, e], in: run, unless: failed}
  - {id: g, response: [s, e], across: user}
""",
    "values": SPANS
    + """
rules:
  - {id: a, recurrence: a, every: 100ms, in: run}
  - {id: b, rate: ["s2c:*"], max: 2, per: 50ms, by: thread}
  - {id: c, monotonic: $.seq, mode: non_decreasing, event: [a, b], in: run, by: tool}
  - {id: d, count: a, equals: $.seq, at: e, across: user}
  - {id: e, sum: $.seq, event: a, equals: $.seq, at: [b, ws.drop], after: s, until: f}
  - {id: f, assemble: {event: a, field: $.t, by: run, until: e, as: json, equals: $.n}}
  - {id: g, consistent: [tool, name], by: run}
  - {id: h, precedence: [a, {event: b, where: {$.r: {pattern: '^r'}, $.seq: [{minimum: 2}, 1]}}]}
""",
    "values in scopes": SPANS
    + """
rules:
  - {id: a, recurrence: b, every: 40ms, after: s, until: e}
  - {id: b, rate: a, max: 1, per: 50ms, in: run, after: b}
  - {id: c, monotonic: $.seq, event: a, after: s, until: [e, f], by: thread}
  - {id: d, assemble: {event: a, field: $.t, until: b, equals: $.n}, by: thread, after: s}
  - {id: e, consistent: [tool, name], by: thread, until: e}
  - {id: f, count: [a, b], equals: $.seq, at: f, in: run, after: a}
  - {id: g, response: [a, b], in: run, after: b, until: f, within: 50ms}
  - {id: h, existence: a, in: run, unless: failed, severity: warning}
  - {id: i, init: [s, a], by: thread}
  - {id: j, end: [e, f], by: run}
  - {id: k, not_co_existence: [a, f], in: run}
  - {id: l, responded_existence: [a, b], across: user}
  - {id: m, response: [a, b], mode: chain, by: run}
  - {id: n, precedence: [a, b], mode: alternate, by: thread}
""",
    "all in spans that may fail": SPANS
    + """
rules:
  - {id: a, recurrence: a, every: 40ms, in: run, unless: failed}
  - {id: b, rate: [a, b], max: 1, per: 50ms, in: run, unless: [ok, failed]}
  - {id: c, monotonic: $.seq, event: [a, b], in: run, unless: failed}
  - {id: d, count: a, equals: $.seq, at: [b, e], in: run, by: tool, unless: failed}
  - {id: e, sum: $.seq, event: a, equals: $.seq, at: [b, e], in: run, unless: failed}
  - {id: f, assemble: {event: a, field: $.n, until: [b, e], equals: $.t}, in: run, unless: failed}
  - {id: g, consistent: [tool, name], in: run, unless: failed}
  - {id: h, response: [a, b], in: run, by: tool, within: 30ms, unless: failed}
  - {id: i, response: [a, b], mode: alternate, in: run, unless: ok}
  - {id: j, precedence: [a, b], mode: chain, in: run, unless: failed}
  - {id: k, precedence: [a, b], within: 30ms, in: run, by: tool, unless: failed}
  - {id: l, responded_existence: [a, b], in: run, unless: failed}
  - {id: m, not_co_existence: [a, b], in: run, unless: failed}
  - {id: n, init: [a], in: run, unless: failed}
  - {id: o, end: [b], in: run, by: tool, unless: failed}
  - {id: p, absence: {event: b, where: {$.n: search}}, in: run, unless: failed, require_activation: true}
  - {id: q, existence: [a, b], max: 1, in: run, unless: failed, severity: warning}
""",
    "all between events": SPANS
    + """
rules:
  - {id: a, existence: [a, b], max: 2, after: s, until: [e, f]}
  - {id: b, absence: b, after: a, until: b, by: thread}
  - {id: c, init: a, after: s, by: run}
  - {id: d, end: [b, f], until: e, by: run}
  - {id: e, response: [a, b], mode: alternate, within: 50ms, after: s, until: [e, f]}
  - {id: f, precedence: [a, b], after: s, until: e, by: thread}
  - {id: g, precedence: [a, b], mode: chain, within: 50ms, until: f}
  - {id: h, responded_existence: [a, b], after: s, until: f}
  - {id: i, not_co_existence: [a, "c2s:*"], after: s, until: e}
  - {id: j, rate: a, max: 1, per: 100ms, after: ws.open, until: ws.drop}
  - {id: k, response: [ws.drop, ws.open], across: user, within: 20ms, after: s}
  - {id: l, sum: $.seq, event: [a, b], equals: $.seq, at: f, after: a, until: e, severity: warning}
  - {id: m, existence: {event: a, where: {$.n: 's*', $.c: [c1, c2]}}, min: 2, by: [thread, run]}
""",
    "three spans in each other": """
spans:
  run: {by: [thread, run], start: s, end: {ok: e, failed: f}, within: 200ms, renews: true}
  tool: {by: [run, tool], inside: run, start: a, end: [b, f], after: {ok: f}}
  step: {by: [tool, name], inside: tool, start: {event: a, where: {$.n: search}}, end: e, body: b}
rules:
  - {id: a, existence: b, in: step}
  - {id: b, response: [a, b], in: tool}
  - {id: c, precedence: [a, e], in: run}
""",
    "questions": """
spans: {run: {by: [thread, run], start: s, end: {ok: e, failed: f}, body: [a, b], within: 200ms}}
questions: {asks: ["c2s:*"], by: thread, answered_by: run, within: 50ms, done_within: 100ms}
reconnect: {in: run, lost: [ws.drop], within: 100ms}
waits: {by: thread, from: a, until: ["c2s:*"]}
silence: {in: run, max: 40ms}
""",
    "canaries": "isolation: [{id: i, canary: 'm[12]'}]",
    "what a user sees": SPANS
    + """
waits: {by: thread, from: a, until: [b, "c2s:*"]}
silence: {in: run, max: 40ms}
startup: {first: b, before: [s, a]}
left_open: {in: run, after: 10ms}
needs: {event: [a, b, s], any: [$.t, $.x.n]}
""",
    "all at once": SPANS
    + """
json: {text: object, type: required}
unknown: warn
rules: [{id: a, existence: [a, b], in: run}, {id: b, precedence: [a, b], in: run}, {id: l, latency: a, max: 20ms}]
sequence: {field: envelope.seq, by: conn.session}
unique: {field: envelope.id, by: thread}
isolation: [{id: i, bind: [thread, run], to: conn.user}, {id: j, confine: owner, to: conn.user}]
""",
}
