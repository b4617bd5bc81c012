"""Recordings played to real peers, compared, and broken on purpose.

    async with ReplayServer("chat.db", contract) as server: …            plays the backend to clients
    async with ReplayClient("chat.db", url, "new.db", contract) as c: …  plays the clients to a backend
    mutate(recording, [EventFault.parse("drop:tool_completed")], out)    puts faults into events

    server        the backend of a recording, for real clients
    client        the clients of a recording, for a real backend
    script        a recorded connection as what one side does, and waits for
    player        plays one script: causal first, then in time
    peer          the WebSocket under it, frame by frame
    expectations  whether what the other side says is what was expected; mismatches
    content       the events that played messages say, and the ids in them
    splice        values put into JSON, every other byte kept
    targets       ids in the paths and queries of handshakes
    assignment    which session is played to whom
    credentials   what a played client shows at the door
    mutate        faults put into the events of a recording
    latencies     how long answers took, under load
    limits        what a load may take at the most
"""
