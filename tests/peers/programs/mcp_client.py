"""Uses a server of the Model Context Protocol over WebSocket, by the official library, and counts."""

import asyncio
import json
import sys
import warnings

warnings.simplefilter("ignore", DeprecationWarning)

from mcp import ClientSession  # noqa: E402
from mcp.client.websocket import websocket_client  # noqa: E402
from websockets.asyncio.connection import Connection  # noqa: E402

counted = {"sent": 0, "received": 0, "saw": []}


def count(name, key):
    method = getattr(Connection, name)

    async def counting(self, *arguments, **options):
        result = await method(self, *arguments, **options)
        counted[key] += 1
        return result

    setattr(Connection, name, counting)


count("send", "sent")
count("recv", "received")


async def main():
    told = []

    async def tell(parameters):
        told.append(["log", parameters.data])

    async def progress(done, total, _message):
        told.append(["progress", done, total])

    async with websocket_client(sys.argv[1]) as streams, ClientSession(*streams, logging_callback=tell) as session:
        counted["saw"].append((await session.initialize()).serverInfo.name)
        counted["saw"].append([tool.name for tool in (await session.list_tools()).tools])
        answer = await session.call_tool("forecast", {"city": "Bonn"}, progress_callback=progress)
        counted["saw"].append(answer.content[0].text)
        counted["saw"].append((await session.call_tool("nothing", {})).isError)
        counted["saw"].append(told)


asyncio.run(main())
print(json.dumps(counted))
