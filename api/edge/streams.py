"""
Event streams are kept awake, and end with the server.

Other answers are short and are finished. A stream has no end of its own; cut off, it
would look like a broken connection, and with the closing word of GraphQL's protocol like
one that nobody need ask for again. So it ends properly, and its reader comes back with a cursor.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

EVENT_STREAM = b"text/event-stream"
# Proxies close a connection on which nothing came for a minute or so. It may be silent for
# twice as long.
PING_PERIOD_S = 10.0
PING: Message = {"type": "http.response.body", "body": b": ping\r\n\r\n", "more_body": True}
END: Message = {"type": "http.response.body", "body": b"", "more_body": False}


class Stream:
    """One answer, which may turn out to be a stream."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._pinging: asyncio.Task[None] | None = None
        self.limit = asyncio.timeout(None)
        # Whether something was said since a ping was last due.
        self.spoke = True

    def ping(self) -> None:
        """Say a comment, which readers pass over, if nothing else was said."""
        if self.spoke:
            self.spoke = False
            return
        # The last one may still wait for a slow reader, whose connection is busy enough.
        if self._pinging is None or self._pinging.done():
            self._pinging = asyncio.ensure_future(self._send(PING))

    def rest(self) -> None:
        if self._pinging:
            self._pinging.cancel()

    def end(self) -> None:
        self.limit.reschedule(asyncio.get_running_loop().time())


class OpenStreams:
    """The streams under way in this process. One timer is for all of them."""

    def __init__(self) -> None:
        self._streams: set[Stream] = set()
        self._stopping = False
        self._timer: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        """End them all, and those that begin from now on."""
        self._stopping = True
        for stream in self._streams:
            stream.end()

    def add(self, stream: Stream) -> None:
        self._streams.add(stream)
        if self._stopping:
            stream.end()
        if self._timer is None:
            self._wait()

    def discard(self, stream: Stream) -> None:
        self._streams.discard(stream)
        stream.rest()
        if self._timer and not self._streams:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(PING_PERIOD_S, self._ping)

    def _ping(self) -> None:
        for stream in self._streams:
            stream.ping()
        self._wait()


class Streams:
    def __init__(self, app: ASGIApp, *, open_streams: OpenStreams) -> None:
        self._app = app
        self._open = open_streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stream = Stream(send)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self._open.discard(stream)
            stream.spoke = True
            await send(message)
            if message["type"] == "http.response.start" and is_event_stream(message):
                self._open.add(stream)

        try:
            async with stream.limit:
                await self._app(scope, receive, sending)
        except TimeoutError:
            if not stream.limit.expired():
                raise
            stream.rest()
            await send(END)
        finally:
            self._open.discard(stream)


def is_event_stream(start: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(EVENT_STREAM)
        for name, value in start["headers"]
    )
