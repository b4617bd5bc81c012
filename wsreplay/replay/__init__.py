"""Recordings played to real peers, compared, and broken on purpose.

    async with ReplayServer("chat.db", contract) as server: …            plays the backend to clients       server
    async with ReplayClient("chat.db", url, "new.db", contract) as c: …  plays the clients to a backend     client
    diff(recording_a, recording_b, contract)                             what differs between two           diff
    mutate(recording, [EventFault.parse("drop:tool_completed")], out)    faults put into events             mutate

    script       a recorded connection as what one side does, and waits for
    matching     whether what the other side says is what was expected; departures
    player       the timeline: causal first, then in time                   peer         the WebSocket under it, frame by frame
    casting      which session is played to whom                            credentials  what a played client shows at the door
    fields       which values are ids, learned from a contract; how they map    splice   put into JSON, every other byte kept
    talk         a session's messages, ready to be compared                 slices       which runs and tools correspond
    align        which entry of one list belongs to which of another        compare      two messages, value by value
    rows         two sessions side by side, a row for every message
    diff_report  a diff as text and as JSON                                 latencies    how long answers took, under load
"""
