"""What the names of the contract language mean, as `value: meaning`; the empty name stands for the construct itself."""

from __future__ import annotations

CONSTRUCTS = {
    "A contract": "contract", "Envelope": "envelope", "Map": "map", "Applies to": "applies_to", "Spans": "span",
    "Rules": "rule", "Latency": "latency", "Sequence": "sequence", "Unique": "unique", "Isolation": "isolation", "JSON": "json",
    "Questions": "questions", "Waits": "waits", "Silence": "silence", "Startup": "startup", "Needs": "needs",
    "Reconnect": "reconnect", "Left open": "left_open",
    "Session": "session",
}  # fmt: skip

COMMON = {
    "id": "text: names the rule in findings, and in contracts that extend this one. Needed in `rules` and `isolation`. "
    "The id of a span is its name",
    "severity": "`error` · `warning` · `info`: how bad a finding is. Default: `error`",
    "require_activation": "true or false: it is an error if the rule never applies",
    "enabled": "true or false: false removes a rule of the base contract",
}

DEFAULTS = {"to": "`conn.user`", "resume_within": "`30s`", "recover_within": "`1s`"}

MEANINGS = {
    "contract": {
        "": "The top of the file. Only the name, `contract`, is required. A contract without rules names types and requires "
        "nothing.",
        "contract": "text: the contract's name",
        "version": "text or number: your own version, shown in reports",
        "description": "text: for readers",
        "extends": "name or file: the base contract; this file changes parts of it by name or id. A `+` before the name of a "
        "list, as in `+body: [x]`, adds to that list; files that extend each other may each add to it. A rule without an id is "
        "changed by the one that findings show, as in `- {id: silence, max: 5s}`. Without `contract`, the contract is named "
        "after its file",
        "applies_to": "[object](#applies-to): which connections are validated. Default: all",
        "envelope": "[object](#envelope): where a message has its type, time, number and id",
        "map": "[object](#map): a product's own names of events and places of fields",
        "keys": "names, each with a path, a key, or a list: values that tell conversations apart; of a list, the first that "
        "exists",
        "json": "[object](#json): what text messages must be",
        "user": "text, or a list: where to find the user of a connection, instead of the recorded one: `header:X-User-Id`, "
        "`query:user`, `path:/ws/{user}`, or a path in messages",
        "known": "patterns: further types that are not unknown",
        "unknown": "one of: how to report types that the contract does not name",
        "spans": "names, each with a [span](#spans): what has a start and an end",
        "rules": "list of [rules](#rules): what must hold",
        "questions": "[questions](#questions): what a client asks, and what answers it",
        "waits": "[waits](#waits): when the server waits for its client, and nothing is due",
        "silence": "[silence](#silence), or a list: how long a span may be without an event",
        "startup": "[startup](#startup), or a list: what comes first on a connection, if it comes",
        "needs": "[needs](#needs), or a list: what an event must have to show",
        "left_open": "[left_open](#left-open): no connection is left open and idle",
        "reconnect": "[reconnect](#reconnect): a lost connection is followed by another in time",
        "latency": "[latency](#latency), or a list: how long messages may take to arrive",
        "sequence": "[sequence](#sequence), or a list: counters without gaps",
        "unique": "[unique](#unique), or a list: values that must not come twice",
        "isolation": "list of [isolation](#isolation): what must reach only its owner",
        "schema": "patterns, each with a JSON Schema: the schema of whole messages of a type (drafts 4, 6 and 7)",
        "session": "[object](#session): when a connection continues another",
    },
    "envelope": {
        "": "Where a message says what it is. Without an envelope, the type is at `$.type`. `$` is the document that the "
        "connection's [decoder](decoders.md) makes of a message. If the type is a number, patterns name it by its digits. "
        "With a decoder that defines types itself, such as `socket.io`, `$.type` means these types; any other path overrides "
        "them.",
        "type": "path: the event type, a text or a whole number",
        "sent": "path: when it was sent: s, ms, µs or ns since 1970, or ISO 8601; required by `latency`",
        "seq": "path: its number, for `sequence`",
        "id": "path: its id; after a reconnect, a message with an id that the session has seen before is not checked again",
        "decoder": "name: the [decoder](decoders.md) of all connections. Default: detected for each connection",
    },
    "map": {
        "": "A product's names for the events and fields of the contract. Messages are not rewritten: "
        "schemas use the product's names. Reports do too; where an event is missing, they add the contract's name.",
        "unpack": "path, or a list: where an object holds a list of events, as in `{type: batch, events: […]}`; arrays "
        "of events and JSON lines are unpacked without it",
        "type": "path: as in the [envelope](#envelope)",
        "sent": "path: likewise",
        "seq": "path: likewise",
        "id": "path: likewise",
        "events": "names, each with the contract's: `{agent.start: agent_started, \"tool.*\": \"tool_*\"}`; "
        "the part that a star matches is kept",
        "fields": "the contract's fields, each with the product's path: `{thread_id: $.data.thread}`; everything below a field "
        "moves with it, so that `payload: $.data` moves `$.payload.run_id` too. The name of a key adds a path to that key",
    },
    "applies_to": {
        "": "Globs, one of which must match.",
        "path": "glob, or a list: the path that the client requested, without its query",
        "subprotocol": "glob, or a list: the subprotocol that the server chose",
        "events": "patterns: without `-c`, the contract is chosen only if one of these events came",
    },
    "span": {
        "": "Something with a start and an end, such as a run or a tool call. It is a finding if a body or end event comes "
        "without an "
        "open span, if a span with the same key starts twice, never ends, or ends too late.",
        "by": "key, or a list: each value has a span of its own",
        "else_by": "key, or a list: if a message does not have `by`: the oldest open span with this key",
        "inside": "a span: must be open around this one; if it ends `ok`, all spans inside it must have ended",
        "parent": "path or key: names the span of the same kind that contains this one",
        "within": "duration: longest time from start to end",
        "start": "patterns: starts the span",
        "body": "patterns: may come only while the span is open",
        "end": "patterns, or names, each with patterns: ends the span; `ok` is success, `cancelled` and `cut` mean what they "
        "say, "
        "any other name is a failure",
        "after": "patterns, or names of ends, each with patterns: may still come after the end, or after that end",
        "outside": "patterns: body and end events that need no open span",
        "renews": "true or false: another start prolongs the span, and its deadline starts again. Default: false",
        "until": "one of: the end of the session ends the span too, without a missing event",
        "label": "path or key, or a list: its name, such as a tool's or an agent's; the first that has a value",
    },
    "rule": {
        "": "One template of DECLARE, in a scope. A list in place of a pattern means any of its members.",
        "existence": "patterns, a list: each occurs at least `min` times, and at most `max` times",
        "absence": "patterns, a list: none occurs",
        "init": "patterns, a list: the first event is one of them",
        "end": "patterns, a list: the last event is one of them",
        "response": "`[a, b]`: after every `a` comes a `b`",
        "precedence": "`[a, b]`: before every `b` came an `a`",
        "responded_existence": "`[a, b]`: if an `a` occurs, a `b` does too, before or after",
        "not_co_existence": "`[a, b]`: `a` and `b` do not both occur",
        "latency": "patterns: with `max`, the same as [latency](#latency)",
        "clock": "one of: for `latency`",
        "recurrence": "patterns: comes at least once in every period of `every`, while the scope is open",
        "every": "duration: for `recurrence`",
        "rate": "patterns: at most `max` of them in any period of `per`; one finding for each burst",
        "per": "duration: for `rate`",
        "monotonic": "path: its value rises from event to event, or changes as `mode` says; numbers, or texts such as times",
        "count": "patterns: the number of these events since the last `at` is what the event `at` says at `equals`",
        "sum": "path: its values in the events `event` add up to what the event `at` says at `equals`",
        "equals": "path: for `count` and `sum`: where the event `at` has the number",
        "at": "patterns: for `count` and `sum`: the event with the number; one without it only starts the count again",
        "event": "patterns: for `sum`, `monotonic` and `consistent`: the events to check",
        "assemble": "`{event, field, by, until, as, schema, equals}`: joins the texts at `field` of the events `event` until "
        "the event "
        "`until`; the whole must be JSON (`as: json`; else `text`), match the JSON Schema `schema`, and be the value at "
        "`equals` in `until`, numbers by value: 1 is 1.0",
        "consistent": "`[key, key]`: each value of the first has only one value of the second: a call id has one tool name",
        "mode": "one of: for `response` and `precedence`: `alternate`: a `b` before the next `a`, an `a` since the last `b`; "
        "`chain`: the very next event, the one just before; default `any`. For `monotonic`: how each value compares with the "
        "one "
        "before; default `increasing`",
        "min": "whole number: for `existence`. Default: 1",
        "max": "whole number, or duration: for `existence` and `rate`: how often; for `latency`: how long",
        "within": "duration: for `response`: how long after `a`; for `precedence`: how long before `b`",
        "in": "a span: check each span of that name, from its start to its end",
        "by": "key, or a list: check the events of each key",
        "across": "one of: check all connections of a user together",
        "after": "patterns: start checking at the first of these",
        "until": "patterns: stop checking at the next of these",
        "unless": "name of an end, or a list: with `in`, leave out spans that ended that way",
    },
    "latency": {
        "": "The time from sending to arrival, if messages say when they were sent. The smallest difference of the connection "
        "is "
        "subtracted, so that different clocks do not matter: the limit applies to the delay above the best one. Times are "
        "compared as "
        "precisely as they are given. Messages that a reconnect delayed are not checked.",
        "latency": "patterns: which messages",
        "max": "duration: longest delay",
        "clock": "one of: the clocks of sender and recorder: `skewed`: they differ, and a finding is a warning unless "
        "`severity` says "
        "otherwise; `same`: one clock, and the delay itself is checked. Default: `skewed`",
    },
    "questions": {
        "": "A client's question must be answered by a run of the same thread. Each question has one answer. A question "
        "without a thread is "
        "answered by the connection's next run that answers nothing else; a run without a thread answers the oldest question. "
        "A question "
        "that is asked while a run of the thread is open is answered by that run. A failure before any start is a refusal, "
        "which is an "
        "answer. A run that nobody asked for is a warning.",
        "asks": "patterns: events that ask",
        "never": "patterns: events that never ask",
        "text": "path, or a list: any other event of the client with a text here asks, too",
        "by": "key: what a question and its answer have in common",
        "answered_by": "a span: what answers",
        "within": "duration: longest time from the question to the start of its answer",
        "done_within": "duration: longest time from the question to the end of its answer; longer is a warning",
        "unasked": "one of: how to report a run that nobody asked for. Default: `warn`",
    },
    "waits": {
        "": "While the server waits for its client, for example for an approval, the deadlines of spans and questions are "
        "paused, and silence does not count. If the client never answers, nothing more is required.",
        "from": "patterns: the server asks its client something",
        "until": "patterns: the client has answered",
        "by": "key: what both have in common. Default: `conn.session`",
    },
    "silence": {
        "": "The longest time between two events of the server in a span, during which the user sees nothing happen. While "
        "something inside the span is open, such as a tool, its own deadline applies. A silence that lasts to the end is "
        "reported as a "
        "missing end of the span.",
        "in": "a span: whose events count",
        "max": "duration: longest silence",
    },
    "startup": {
        "": "On each connection, `first` comes before the other events, or not at all.",
        "first": "patterns: what comes first",
        "before": "patterns: what it comes before",
    },
    "needs": {
        "": "An event that has a field for a text must have a text there, or anything else to show besides its times and ids. "
        "An event without such a field is not checked.",
        "event": "patterns: which events",
        "any": "path, or a list: the fields for a text; the object around such a field counts, too",
    },
    "left_open": {
        "": "No connection is left open and idle for this long at the end of the recording. A recording that is still growing "
        "is not checked.",
        "in": "a span: while one is open, the connection is in use",
        "after": "duration: longest time since the last span ended",
    },
    "reconnect": {
        "": "After a lost connection, the client reconnects in time. If a span was open: in time is a warning; late or never "
        "is an error, and the cause of everything that is still due. If no span was open, late and never are warnings.",
        "in": "a span: a closed connection counts as lost only while one is open",
        "within": "duration: longest time from the loss to the next connection",
        "lost": "patterns of `ws.drop` and `ws.close`: how a connection is lost",
        "left": "patterns of `ws.drop` and `ws.close`: how a client leaves on purpose; nothing is due until it reconnects",
    },
    "sequence": {
        "": "A counter in messages, for each direction. A number that is skipped and sent again in time is a warning; one that "
        "comes later is late, and one that never comes is missing.",
        "field": "path, or `envelope.seq`: the counter",
        "by": "key, or a list: each value has a counter of its own. Default: detected: the session, or each thread or "
        "run, by the keys of the span `run`",
        "mode": "one of: each number is one more than the last, or only larger. Default: `contiguous`",
        "recover_within": "duration: how long a number may be missing before it is an error",
    },
    "unique": {
        "": "A value that must not come twice. The last 10,000 values of each slice are remembered.",
        "field": "path, or `envelope.id`: the value",
        "by": "key, or a list: unique for each of these. Default: `conn.id`",
        "event": "patterns: which events. Default: all",
    },
    "isolation": {
        "": "What must reach only its owner. One of `bind`, `confine` and `canary`.",
        "bind": "key, or a list, the widest first: each value belongs to the user whose client, or URL, named it first, else "
        "to the user "
        "to whom it was first sent; everything in a thread belongs to the thread's owner. There is one finding for each value "
        "and "
        "connection that it reached, with the number of events. If two owners ask with the same id, each is assumed to have "
        "one of "
        "their own, with a warning. The owner is remembered after the end of the span that has the key's name: of each key at "
        "least the last 10,000 values that ended, for ten minutes. After that end another client may use the value again",
        "confine": "key: its value names an owner, and it may appear only on connections of that owner",
        "canary": "regular expression (RE2): strings that are planted for one user, such as `CANARY-[0-9a-f]+`, anywhere in a "
        "message: each belongs to the user whose client sent it first, and nobody else may receive it",
        "to": "key: who the owner is; if no user is known, each session is one",
        "shared": "glob, or a list: values that belong to everybody",
    },
    "json": {
        "": "What text messages must be.",
        "text": "one of: a JSON object, any JSON, or anything. Default: `object`",
        "type": "one of: whether every object must have a type that is a text. Default: `optional`",
        "names": "one of: whether a name may occur twice in one object. Default: `any`, which costs no time",
    },
    "session": {
        "": "When a connection continues another one of the same user and path. The user may be one that a message names.",
        "resume_within": "duration: longest time between them",
        "resume_after": "one of: what the other one ended with: `loss`: anything but a close with code 1000; `any`: such a "
        "close, too, as of a client that closes its connection properly before it resumes. Default: `loss`",
    },
}  # fmt: skip
