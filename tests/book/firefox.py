"""Firefox for Playwright: starts it, and stands between the two, as a program of its own.

Playwright drives a Firefox of the system by WebDriver BiDi, but begins with a command that
Firefox does not know yet. That command is answered here; everything else is passed on.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import threading

from tornado import websocket
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

UNKNOWN = {"emulation.setMediaFeaturesOverride"}  # how a page is coloured: left at Firefox's own
READY = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
MOST = 2**30  # bytes of a message: screenshots are long


def starter(folder, firefox: str) -> str:
    """A program that Playwright can start in place of Firefox, written into `folder`."""
    script = folder / "firefox"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "{firefox}" "$@"\n')
    script.chmod(0o755)
    return str(script)


class Between(websocket.WebSocketHandler):
    """One connection of Playwright's, and one to Firefox for it."""

    firefox = ""

    async def open(self, *_: str) -> None:
        """Connect to Firefox; what it says is passed on from now on."""
        self.there = await websocket.websocket_connect(
            f"{self.firefox}{self.request.path}", max_message_size=MOST
        )
        self.listening = asyncio.create_task(self.listen())

    async def listen(self) -> None:
        """Pass on what Firefox says, until it says no more."""
        while (message := await self.there.read_message()) is not None:
            await self.write_message(message)
        self.close()

    async def on_message(self, message: str | bytes) -> None:
        """Pass on what Playwright asks, or answer it."""
        asked = json.loads(message)
        if asked["method"] in UNKNOWN:
            answer = {"type": "success", "id": asked["id"], "result": {}}
            await self.write_message(json.dumps(answer))
        else:
            await self.there.write_message(message)


async def main(command: list[str]) -> None:
    """Start Firefox, and stay as long as it does."""
    firefox = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in firefox.stderr:
        if found := READY.search(line):
            Between.firefox = found[1]
            break
        sys.stderr.write(line)
    sockets = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(Application([("/.*", Between)], websocket_max_message_size=MOST))
    server.add_sockets(sockets)
    print(
        f"WebDriver BiDi listening on ws://127.0.0.1:{sockets[0].getsockname()[1]}",
        file=sys.stderr,
        flush=True,
    )
    threading.Thread(target=firefox.stderr.read, daemon=True).start()
    os._exit(await asyncio.to_thread(firefox.wait))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
