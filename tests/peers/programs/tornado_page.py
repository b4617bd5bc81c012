"""A page of Tornado's, whose WebSocket checks the origin as Tornado does where nobody told it otherwise.

Run as `tornado_page.py PORT`.
"""

import asyncio
import sys

from tornado.web import Application, RedirectHandler, RequestHandler
from tornado.websocket import WebSocketHandler

PAGE = """<!doctype html><title>echo</title><p id=state></p>
<script>
const socket = new WebSocket(`ws://${location.host}/ws`), state = document.querySelector("#state");
socket.onopen = () => socket.send("hello");
socket.onmessage = event => { state.textContent = event.data };
socket.onerror = () => { state.textContent = "refused" };
</script>"""


class Page(RequestHandler):
    def get(self):
        self.write(PAGE)


class Echo(WebSocketHandler):
    def on_message(self, message):
        self.write_message(f"echo of {message}")


async def main():
    routes = [("/", RedirectHandler, {"url": "/page"}), ("/page", Page), ("/ws", Echo)]
    Application(routes).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
