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
    "id": "text: names the rule in findings, and in contracts that extend this one. A span's id is its name",
    "severity": "`error` · `warning` · `info`: how bad a finding is. Default: `error`",
    "require_activation": "true or false: never to apply is a mistake too",
    "enabled": "true or false: false takes away a rule of the base",
}

DEFAULTS = {"to": "`conn.user`", "resume_within": "`30s`", "recover_within": "`1s`"}

MEANINGS = {
    "contract": {
        "": "The top of the file. Only its name, `contract`, must be there. Without a rule it names types and demands nothing.",
        "contract": "text: the contract's name",
        "version": "text or number: your own counting, shown in reports",
        "description": "text: for readers",
        "extends": "name or file: the base; what stands here changes parts of it by name or id. A `+` before the name of a "
        "list, as in `+body: [x]`, adds to it. "
        "Named by its file where it has no `contract`",
        "applies_to": "[object](#applies-to): which connections it judges; without it all",
        "envelope": "[object](#envelope): where a message has its type, time, number and id",
        "map": "[object](#map): a product's own names of events and places of fields",
        "keys": "names, each with a path, a key, or a list: what belongs together; of a list the first that is there counts",
        "json": "[object](#json): what text messages must be",
        "user": "text, or a list: where connections name their users, before what was recorded: `header:X-User-Id`, "
        "`query:user`, `path:/ws/{user}`, or a path in messages",
        "known": "patterns: further types that are not unknown",
        "unknown": "one of: what to say of types that the contract does not name",
        "spans": "names, each with a [span](#spans): what has a start and an end",
        "rules": "list of [rules](#rules): what must hold",
        "questions": "[questions](#questions): what a client asks, and what answers it",
        "waits": "[waits](#waits): when the server waits for its client, and nothing is due",
        "silence": "[silence](#silence), or a list: how long a span may go on without an event",
        "startup": "[startup](#startup), or a list: what comes first on a connection, where it comes",
        "needs": "[needs](#needs), or a list: what an event must have to show",
        "left_open": "[left_open](#left-open): that nobody leaves connections open for nothing",
        "reconnect": "[reconnect](#reconnect): that a lost connection is followed by another in time",
        "latency": "[latency](#latency), or a list: bounds on how long messages were on their way",
        "sequence": "[sequence](#sequence), or a list: counters without gaps",
        "unique": "[unique](#unique), or a list: what must not come twice",
        "isolation": "list of [isolation](#isolation): what must stay with its owner",
        "schema": "patterns, each with a JSON Schema: what whole messages of a type must look like (drafts 4, 6 and 7)",
        "session": "[object](#session): when a connection continues another",
    },
    "envelope": {
        "": "Where a message says what it is. Without an envelope, the type stands at `$.type`. `$` is the document that the "
        "connection's [decoder](decoders.md) makes of a message. Where the type is a number, patterns name it by its digits. "
        "With a decoder that has types of its own, such as `socket.io`, `$.type` means these; another path goes before.",
        "type": "path: the event type, a text or a whole number",
        "sent": "path: when it was sent: s, ms, µs or ns since 1970, or ISO 8601; `latency` needs it",
        "seq": "path: its number; `sequence` may use it",
        "id": "path: its id; after a reconnect, an id that the session has seen is resent history and judged by no rule",
        "decoder": "name: the [decoder](decoders.md) of all connections; without it each is read by what it shows to need",
    },
    "map": {
        "": "What a product calls the events and fields of the contract. No message is rewritten; schemas, and what reports "
        "show, are the product's.",
        "unpack": "path, or a list: where an object holds a list of events, as in `{type: batch, events: […]}`; arrays "
        "of events and JSON lines need no word",
        "type": "path: as in the [envelope](#envelope)",
        "sent": "path: likewise",
        "seq": "path: likewise",
        "id": "path: likewise",
        "events": "names, each with the contract's: `{agent.start: agent_started, \"tool.*\": \"tool_*\"}`; "
        "what a star stands for stays",
        "fields": "the contract's fields, each with the product's path: `{thread_id: $.data.thread}`; all below it goes along, "
        "so that `payload: $.data` moves `$.payload.run_id` too. The name of a key gives the key one more path",
    },
    "applies_to": {
        "": "Globs, of which one must fit.",
        "path": "glob, or a list: the path that the client asked for, without its query",
        "subprotocol": "glob, or a list: the subprotocol that the server chose",
        "events": "patterns: without `-c` the contract is chosen only where one of these came",
    },
    "span": {
        "": "What has a start and an end, such as a run or a tool call. A body or end event without an open span is a finding, "
        "and so is a second start of the same key, a span that never ends, and one that ends too late.",
        "by": "key, or a list: which spans are told apart",
        "else_by": "key, or a list: where `by` is not in the message: the oldest open span with this key",
        "inside": "a span: must be open around this one; if it ends `ok`, so must all inside it have",
        "parent": "path or key: names the span of the same kind that this one is nested in",
        "within": "duration: from start to end, at most",
        "start": "patterns: opens it",
        "body": "patterns: may come only while it is open",
        "end": "patterns, or names, each with patterns: ends it; `ok` means well, `cancelled` and `cut` what they say, "
        "any other name that it failed",
        "after": "patterns, or names of ends, each with patterns: may still come after it ended, or after it ended so",
        "outside": "patterns: body and end events that need no open span",
        "renews": "true or false: a further start prolongs it, its bound runs anew. Default: false",
        "until": "one of: the end of the session ends it too, and nothing is owed",
        "label": "path or key, or a list: where its name stands, such as a tool's or an agent's; the first that has a value",
    },
    "rule": {
        "": "One template of DECLARE, in a scope. A list where one pattern stands means any of them.",
        "existence": "patterns, a list: each occurs at least `min` times and at most `max`",
        "absence": "patterns, a list: none occurs",
        "init": "patterns, a list: the first event is one of them",
        "end": "patterns, a list: the last event is one of them",
        "response": "`[a, b]`: after every `a` comes a `b`",
        "precedence": "`[a, b]`: before every `b` came an `a`",
        "responded_existence": "`[a, b]`: where an `a` occurs, a `b` does too, before or after",
        "not_co_existence": "`[a, b]`: not both occur",
        "latency": "patterns: with `max`, the same as [latency](#latency)",
        "clock": "one of: of `latency`.",
        "recurrence": "patterns: comes at least once `every` so often, while the scope is open",
        "every": "duration: of `recurrence`",
        "rate": "patterns: at most `max` of them in any stretch of `per`; one finding for each burst",
        "per": "duration: of `rate`",
        "monotonic": "path: its value rises from event to event, or as `mode` says; numbers, or texts such as times",
        "count": "patterns: so many came since the last `at` as the event `at` says at `equals`",
        "sum": "path: its values in the events `event` add up to what the event `at` says at `equals`",
        "equals": "path: of `count` and `sum`: where the event `at` says it",
        "at": "patterns: of `count` and `sum`: what says it; one without the value only begins anew",
        "event": "patterns: of `sum`, `monotonic` and `consistent`: the events to look at",
        "assemble": "`{event, field, by, until, as, schema, equals}`: the texts at `field` of the events `event`, joined "
        "where `until` comes, are JSON (`as: json`; else `text`), fit the JSON Schema `schema`, and are what `until` says at "
        "`equals`",
        "consistent": "`[key, key]`: each value of the first has one value of the second: a call id has one tool name",
        "mode": "one of: of `response` and `precedence`: `alternate`: a `b` before the next `a`, an `a` since the last `b`; "
        "`chain`: the very next, the one just before; default `any`. Of `monotonic`: how each value stands to the one before "
        "it; default `increasing`",
        "min": "whole number: of `existence`. Default: 1",
        "max": "whole number, or duration: of `existence` and `rate`: how often; of `latency`: how long",
        "within": "duration: of `response`: how long after `a`; of `precedence`: how long before `b`",
        "in": "a span: look in each instance of it, from its start to its end",
        "by": "key, or a list: look at the events of each key",
        "across": "one of: look at all connections of a user",
        "after": "patterns: begin to look at the first of these",
        "until": "patterns: look no further from the next of these on",
        "unless": "name of an end, or a list: with `in`, leave out spans that ended so",
    },
    "latency": {
        "": "Received minus sent, where messages say when they were sent. The smallest difference of the connection is "
        "subtracted, so different clocks do not matter: what is bounded is the delay above the best. Times are compared as "
        "precisely as they are told, and what a reconnect delayed has none.",
        "latency": "patterns: which messages",
        "max": "duration: at most",
        "clock": "one of: what sender and recorder have: `skewed`: clocks that differ, so that a finding is a warning unless "
        "`severity` says otherwise; `same`: one clock, so that the delay itself is judged. Default: `skewed`",
    },
    "questions": {
        "": "What a client asks is answered by a run of the same thread. Each question has one answer: one that names no "
        "thread is answered by the connection's next run that nothing else claims, and a run that names no thread answers the "
        "oldest question. What is asked while a run of the thread is open is answered by that run. A failure before any start "
        "is a refusal, and an answer. A run that nobody asked for is a warning.",
        "asks": "patterns: what asks",
        "never": "patterns: what never asks",
        "text": "path, or a list: whatever else of the client's has a text there asks, too",
        "by": "key: what a question and its answer have in common",
        "answered_by": "a span: what answers",
        "within": "duration: from the question to the start of its answer, at most",
        "done_within": "duration: from the question to the end of its answer; longer is a warning",
        "unasked": "one of: what to say of a run that nobody asked for. Default: `warn`",
    },
    "waits": {
        "": "While the server waits for its client, such as for an approval, the bounds of spans and questions stand still, "
        "and silence does not count. A client that never answers is owed nothing.",
        "from": "patterns: the server asks its client something",
        "until": "patterns: the client has answered",
        "by": "key: what both have in common. Default: `conn.session`",
    },
    "silence": {
        "": "Between two of the server's events of a span not more than so long passes: the user would look at a screen on "
        "which nothing happens. While something inside of the span is open, such as a tool, its own bound counts. A "
        "silence that nothing ends is told by the span, as a missing end.",
        "in": "a span: whose events count",
        "max": "duration: at most",
    },
    "startup": {
        "": "On each connection what is first comes before all else, or not at all: a product that never sends it breaks "
        "nothing.",
        "first": "patterns: what comes first",
        "before": "patterns: what it comes before",
    },
    "needs": {
        "": "An event that has a place for a text has a text there, or anything else to show besides its times and ids. One "
        "without such a place shows by its type alone.",
        "event": "patterns: which events",
        "any": "path, or a list: the places for a text; the object that one stands in is a place, too",
    },
    "left_open": {
        "": "Where the recording ends, no connection is open on which nothing has gone on for so long. Of a recording that "
        "still grows nothing is said.",
        "in": "a span: while an instance is open the connection is in use",
        "after": "duration: since the last instance ended, at most",
    },
    "reconnect": {
        "": "A connection that is lost is followed by another one of its session in time. Back in time from the middle of "
        "something is a warning, late or never an error, which explains what the session still owes. Where nothing was owed, "
        "late and never are warnings.",
        "in": "a span: a connection that was closed is lost only while one is open",
        "within": "duration: from the loss to the next connection, at most",
        "lost": "patterns of `ws.drop` and `ws.close`: how a connection is lost",
        "left": "patterns of `ws.drop` and `ws.close`: a client that goes by itself; nothing is owed to it until it is back",
    },
    "sequence": {
        "": "A counter in messages, per direction. A number that is left out and sent again in time is a warning; one that "
        "comes later is late, and one that never comes is missing.",
        "field": "path, or `envelope.seq`: the counter",
        "by": "key, or a list: what counts on its own. Without it this is found by looking: the session, or each thread or "
        "run, by the keys of the span `run`",
        "mode": "one of: each one more than the last, or only larger. Default: `contiguous`",
        "recover_within": "duration: how long a number may be missing before that is an error",
    },
    "unique": {
        "": "What must not come twice. The last 10,000 values of each slice are remembered.",
        "field": "path, or `envelope.id`: the value",
        "by": "key, or a list: within what. Default: `conn.id`",
        "event": "patterns: which events. Default: all",
    },
    "isolation": {
        "": "What must stay with its owner. One of `bind`, `confine` and `canary`.",
        "bind": "key, or a list, the widest first: each value belongs to whose client, or URL, named it first, else to whom it "
        "was first shown; what is within a thread belongs to the thread's owner. One finding for each value and connection "
        "that it reached, with the number of events. An id that two owners ask in is taken for one that each of them has, "
        "with a warning",
        "confine": "key: its value names an owner, and only that owner's connections may carry it",
        "canary": "regular expression (RE2): marks that are planted for one user, such as `CANARY-[0-9a-f]+`, wherever they "
        "stand in a message: each belongs to whose client said it first, and nobody else may be shown it",
        "to": "key: who the owner is; where no user is known, each session is one.",
        "shared": "glob, or a list: values that are everybody's",
    },
    "json": {
        "": "What text messages must be.",
        "text": "one of: a JSON object, any JSON, or anything. Default: `object`",
        "type": "one of: whether every object must have a type that is a text. Default: `optional`",
        "names": "one of: whether a name may stand twice in one object. Default: `any`, which costs no time",
    },
    "session": {
        "": "When a connection continues another one of the same user and path.",
        "resume_within": "duration: after a drop, at most.",
    },
}  # fmt: skip
