"""
What a token opened ends with it: streams, sockets and downloads, when it is revoked or expires.

Every other request is short, and is finished: nothing is cut in the middle of a change.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.credentials import Token
from api.domain import credentials
from api.edge.context import context_of
from api.edge.streams import END, is_event_stream
from api.errors import RunvaneError
from api.live import Live

# As graphql-transport-ws says it: Unauthorized.
CLOSE: Message = {"type": "websocket.close", "code": 4401, "reason": "the token ended"}
RETRY_S = 0.2

_log = logging.getLogger("runvane")


class Openings:
    """What tokens hold open in this process: by the token's id, limits that end it."""

    def __init__(self) -> None:
        self._limits: dict[str, set[asyncio.Timeout]] = {}
        self._moved = asyncio.Event()

    def add(self, token: Token, limit: asyncio.Timeout) -> None:
        now = asyncio.get_running_loop().time()
        if token.expires is not None:
            limit.reschedule(now + token.expires / 1000 - time.time())
        self._limits.setdefault(token.id, set()).add(limit)
        # It may have been revoked since it was shown.
        self._moved.set()

    def discard(self, token: Token, limit: asyncio.Timeout) -> None:
        if limits := self._limits.get(token.id):
            limits.discard(limit)
            if not limits:
                del self._limits[token.id]

    @asynccontextmanager
    async def watched(self, live: Live) -> AsyncGenerator[None]:
        """End what revoked tokens hold open, as soon as they are, while inside."""
        with credentials.revocations(live) as self._moved:
            task = asyncio.create_task(self._watch())
            try:
                yield
            finally:
                task.cancel()

    async def _watch(self) -> None:
        while True:
            await self._moved.wait()
            self._moved.clear()
            try:
                revoked = await credentials.revoked(list(self._limits))
            except RunvaneError as error:
                _log.warning("revoked tokens are found later: %s", error)
                self._moved.set()
                await asyncio.sleep(RETRY_S)
                continue
            for limit in [limit for each in revoked for limit in self._limits.get(each, ())]:
                # One that is ending cannot be told again.
                if not limit.expired():
                    limit.reschedule(asyncio.get_running_loop().time())


class Revocations:
    def __init__(self, app: ASGIApp, *, openings: Openings) -> None:
        self._app = app
        self._openings = openings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        served = scope["type"] in ("http", "websocket")
        token = context_of(HTTPConnection(scope)).token if served else None
        if token is None:
            await self._app(scope, receive, send)
            return
        limit, last, opened = asyncio.timeout(None), None, False

        async def sending(message: Message) -> None:
            nonlocal last, opened
            if message["type"] == "http.response.start" and is_event_stream(message):
                last = END
            if message["type"] == "websocket.accept":
                last = CLOSE
            await send(message)
            if not opened and (last is CLOSE or message.get("more_body")):
                opened = True
                self._openings.add(token, limit)

        try:
            async with limit:
                await self._app(scope, receive, sending)
        except TimeoutError:
            if not limit.expired():
                raise
            # A download without its end says itself that it is not whole.
            if last:
                await send(last)
        finally:
            self._openings.discard(token, limit)
