"""
An application that only tells: `python -m bench.bare SOCKET`, on the web server that is ours too.

Each GET is a reader of server-sent events; what is posted is told to all of them.
"""

import asyncio
import sys

import uvicorn
from starlette.types import Receive, Scope, Send

EVENT = b'id: %b\r\nevent: next\r\ndata: {"data":{"metricsAppended":{"blocks":[%b]}}}\r\n\r\n'
# As long as the cursor of one run.
PLACE = b"x" * 90


class Bare:
    def __init__(self) -> None:
        self._moved: set[asyncio.Event] = set()
        self._said = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] == "GET":
            await self._follow(send)
            return
        self._said = (await receive())["body"]
        for each in self._moved:
            each.set()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def _follow(self, send: Send) -> None:
        moved = asyncio.Event()
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        # The first event says where a stream begins.
        said = b""
        self._moved.add(moved)
        while True:
            body = EVENT % (PLACE, said)
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await moved.wait()
            moved.clear()
            said = self._said


if __name__ == "__main__":
    uvicorn.run(Bare(), fd=int(sys.argv[1]), lifespan="off", log_level="critical")
