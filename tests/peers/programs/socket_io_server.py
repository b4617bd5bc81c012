"""A chat over python-socketio: acknowledgements, a namespace, bytes, events of its own."""

import sys

import socketio
import uvicorn

server = socketio.AsyncServer(async_mode="asgi", ping_interval=1)


@server.event
async def chat(sid, data):
    await server.emit("agent_started", {"thread_id": data["thread_id"]}, to=sid)
    await server.emit("partial_result", {"thread_id": data["thread_id"], "content": "half"}, to=sid)
    await server.emit("picture", {"data": b"\x00\x01\x02"}, to=sid)
    await server.emit("agent_completed", {"thread_id": data["thread_id"]}, to=sid)
    return {"ok": True}


@server.on("note", namespace="/admin")
async def note(sid, data):
    return "noted", len(data)


uvicorn.run(socketio.ASGIApp(server), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
