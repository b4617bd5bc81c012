"""Talks to python-lsp-server as an editor does, and counts."""

import asyncio
import json
import sys

from websockets.asyncio.client import connect

counted = {"sent": 0, "received": 0, "saw": []}


async def main():
    async with connect(sys.argv[1], max_size=None) as websocket:

        async def send(**message):
            counted["sent"] += 1
            await websocket.send(json.dumps({"jsonrpc": "2.0", **message}))

        told = []  # what the server says unasked

        async def receive():
            message = json.loads(await websocket.recv())
            counted["received"] += 1
            if "method" in message:
                told.append(message["method"])
            return message

        async def answer_to(number):
            while True:
                message = await receive()
                if message.get("id") == number and "method" not in message:
                    return message

        document = {"uri": "file:///a.py"}
        await send(id=1, method="initialize", params={"processId": None, "rootUri": None, "capabilities": {}})
        counted["saw"].append(sorted((await answer_to(1))["result"]["capabilities"])[:3])
        await send(method="initialized", params={})
        text = {"languageId": "python", "version": 1, "text": "import json\njson.du"}
        await send(method="textDocument/didOpen", params={"textDocument": {**document, **text}})
        place = {"textDocument": document, "position": {"line": 1, "character": 7}}
        await send(id=2, method="textDocument/completion", params=place)
        items = (await answer_to(2))["result"]["items"]
        counted["saw"].append(sorted(item["label"] for item in items)[:2])
        await send(id=3, method="no/such/method")
        counted["saw"].append((await answer_to(3))["error"]["code"])
        while "textDocument/publishDiagnostics" not in told:
            await receive()


asyncio.run(main())
print(json.dumps(counted))
