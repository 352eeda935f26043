"""
Event streams end with the server, and properly, so that their readers come back with a cursor.

Other answers are short and are finished. A stream has no end of its own; cut off, it
would look like a broken connection, and with the closing word of GraphQL's protocol like
one that nobody need ask for again.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

EVENT_STREAM = b"text/event-stream"


class Endings:
    """The streams under way in this process."""

    def __init__(self) -> None:
        self._limits: set[asyncio.Timeout] = set()
        self._stopping = False

    def stop(self) -> None:
        """End them all, and those that begin from now on."""
        self._stopping = True
        for limit in self._limits:
            _end(limit)

    def add(self, limit: asyncio.Timeout) -> None:
        self._limits.add(limit)
        if self._stopping:
            _end(limit)

    def discard(self, limit: asyncio.Timeout) -> None:
        self._limits.discard(limit)


class Streams:
    def __init__(self, app: ASGIApp, *, endings: Endings) -> None:
        self._app = app
        self._endings = endings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = asyncio.timeout(None)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_stream(message):
                self._endings.add(limit)
            elif not message.get("more_body"):
                self._endings.discard(limit)
            await send(message)

        try:
            async with limit:
                await self._app(scope, receive, sending)
        except TimeoutError:
            if not limit.expired():
                raise
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._endings.discard(limit)


def _is_stream(start: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(EVENT_STREAM)
        for name, value in start["headers"]
    )


def _end(limit: asyncio.Timeout) -> None:
    limit.reschedule(asyncio.get_running_loop().time())
