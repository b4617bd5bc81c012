"""Runs a line of Python in a kernel of a Jupyter server, over `v1.kernel.websocket.jupyter.org` or JSON, and counts.

The kernel is the one whose number stands in the file KERNEL, or a new one.
"""

import asyncio
import itertools
import json
import os
import sys
import urllib.request
from pathlib import Path

from websockets.asyncio.client import connect

V1 = "v1.kernel.websocket.jupyter.org"
FIELDS = ("header", "parent_header", "metadata", "content")
counted = {"sent": 0, "received": 0, "saw": []}


def kernel(url):
    file = Path(os.environ["KERNEL"])
    if not file.exists():
        asked = urllib.request.Request(url.replace("ws://", "http://") + "/api/kernels", b"{}", method="POST")
        with urllib.request.urlopen(asked, timeout=30) as answer:
            file.write_text(json.load(answer)["id"])
    return file.read_text()


def packed(message):
    pieces = [message["channel"].encode(), *(json.dumps(message[name]).encode() for name in FIELDS)]
    offsets = [8 * (len(pieces) + 2)]
    for piece in pieces:
        offsets.append(offsets[-1] + len(piece))
    return b"".join(number.to_bytes(8, "little") for number in (len(offsets), *offsets)) + b"".join(pieces)


def unpacked(data):
    if isinstance(data, str):
        return json.loads(data)
    count = int.from_bytes(data[:8], "little")
    offsets = [int.from_bytes(data[8 * at : 8 * at + 8], "little") for at in range(1, count + 1)]
    pieces = [data[start:end] for start, end in itertools.pairwise(offsets)]
    return {"channel": pieces[0].decode(), **dict(zip(FIELDS, map(json.loads, pieces[1:5]), strict=True))}


async def main():
    url, is_v1 = sys.argv[-1], os.environ["FORM"] == "v1"
    path = f"{url}/api/kernels/{kernel(url)}/channels?session_id=a-session"
    async with connect(path, subprotocols=[V1] if is_v1 else None, max_size=None, compression=None) as websocket:
        header = {"msg_id": os.urandom(8).hex() + "_1", "msg_type": "execute_request", "session": "a-session", "version": "5.3"}
        content = {"code": "print(6 * 7)", "silent": False}
        message = {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": content}
        await websocket.send(packed(message) if is_v1 else json.dumps(message))
        counted["sent"] += 1
        awaited = {"execute_reply", "idle"}
        while awaited:
            heard = unpacked(await websocket.recv())
            counted["received"] += 1
            if heard["parent_header"].get("msg_id") == header["msg_id"]:
                kind = heard["header"]["msg_type"]
                awaited -= {kind, heard["content"].get("execution_state")}
                counted["saw"].append([kind, heard["content"].get("text")])
    counted["saw"].sort()


asyncio.run(main())
print(json.dumps(counted))
