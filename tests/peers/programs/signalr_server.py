"""A small hub that speaks SignalR's JSON protocol: an invocation with a result, one that fails, a stream, events of its own."""

import asyncio
import json
import sys

from websockets.asyncio.server import serve

END = "\x1e"


async def talk(websocket):
    async def send(**record):
        await websocket.send(json.dumps(record) + END)

    async for text in websocket:
        for record in map(json.loads, filter(None, text.split(END))):
            if "protocol" in record:
                await send()
            elif record["type"] == 1 and record["target"] == "Ask":
                await send(type=1, target="agent_started", arguments=[{"thread_id": record["arguments"][0]}])
                await send(type=3, invocationId=record["invocationId"], result="done")
            elif record["type"] == 1:
                await send(type=3, invocationId=record["invocationId"], error="no such method")
            elif record["type"] == 4:
                for n in range(3):
                    await send(type=2, invocationId=record["invocationId"], item=n)
                await send(type=3, invocationId=record["invocationId"])


async def main():
    async with serve(talk, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()


asyncio.run(main())
