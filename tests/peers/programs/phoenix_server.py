"""A small server of Phoenix channels, serializer V2: joins, pushes with replies, a broadcast."""

import asyncio
import json
import sys

from websockets.asyncio.server import serve


async def talk(websocket):
    async for text in websocket:
        join_ref, ref, topic, event, payload = json.loads(text)
        response = {"echo": payload} if event == "shout" else {}
        if event == "shout":
            await websocket.send(json.dumps([None, None, topic, "shouted", {"who": "somebody", **payload}]))
        await websocket.send(json.dumps([join_ref, ref, topic, "phx_reply", {"status": "ok", "response": response}]))
        if event == "phx_leave":
            await websocket.send(json.dumps([join_ref, ref, topic, "phx_close", {}]))


async def main():
    async with serve(talk, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()


asyncio.run(main())
