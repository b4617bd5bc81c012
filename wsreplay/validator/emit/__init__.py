"""The code writer: a contract becomes Python source, one function per direction and event type.

Why: of all that a contract asks, little concerns one type of event. What is the same for all events of a type is decided once,
when the first of them comes: which keys are read, which spans and rules look. What is left is a straight line of Python. Typed
closures instead of source judge about half as many events a second.

The handler
===========
`handle(d, conn, fid, t, payload, type)` judges one event. `wsreplay contract show NAME --handler` prints it. Its parts come in
this order, each written by whoever owns it:

1. what is history sent again is left at once (`rules.unique.ResentHistory`);
2. the keys that anything below needs are read;
3. the rules about messages, in the order of `rules.table.MESSAGE_RULES`; an event that is somebody else's is left after them;
4. spans, outermost first, each with the rules inside it; then the rules of no span; then the ends of spans, which come last
   so that an event counts for the instance that it ends.

Its variables
=============
====================  ====================================================================================================
`d`                   the message, decoded as far as the contract reads it (`emit.partial_decoder`); `d.kind` is its type
`conn`                the connection (`state.ConnectionState`), with what rules keep of it: `conn.span0`, `conn.unique0`, …
`fid`, `t`            the event's number and time (ns): the id of its frame, an `EventNumber` for further events of one frame
`payload`, `type`     the bytes of its message, or the document that a decoder has made of them; the event's type
`e`                   the event as one value (`state.trace_event`), once a rule has been told of it; else None
`v_0`, `v_1`, …       what stands at a path that does not lie at the top of the message; None where nothing does
`k_0`, `k_1`, …       the contract's keys, in its order: a text, a whole number, or a Token; None where there is none
`x0`, `i0`            the key of span 0 and its open instance, or None; `p0`, `h0` the parent that it names, and its instance
`alien`               the event belongs to somebody else: it has no place in this connection's slices
`g`                   the slice of a group of rules
`s`, `l`, `c`, `u`, … a rule's own, used up at once: see its `emit`
`n_…`                 counters, globals of the engine, brought home when a verdict is asked for (`emit.globals`)
`span0`, `rule0`, …   the monitors: globals of the engine
====================  ====================================================================================================

When a fast path may be taken
=============================
A monitor has one method that judges whatever comes: the slow path. What a healthy trace does nearly always may be written in
place of that call, on three conditions:

- it does exactly what the slow path would do there: the same state, the same counts, no finding;
- all else calls the slow path, with nothing half done;
- it does not depend on what conditions in the message (`where`) say of the event's role.

`Engine(contract, inline=False)` writes slow paths only; property tests hold both to the same verdict on any trace.

Nothing of a message or a contract ever becomes source but as a quoted literal or as the hexadecimal digits of its bytes.
"""
