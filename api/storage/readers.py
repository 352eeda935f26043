"""
SQLite that several connections read, so that nobody waits for somebody else's long list.

A statement has a connection for itself. Most are short: they wait for the first one, whose
cache is warm, and go to another when that has been busy for a moment. One that is given up
is stopped, for a list of a million runs may be sorted for seconds.
"""

# Tortoise offers no other place for it, and is pinned.
# pyright: reportPrivateUsage=false
# ruff: noqa: SLF001

import asyncio
import heapq
import sqlite3
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

from tortoise.backends.base.client import ConnectionWrapper

from api.storage.engine import Client, Named

FIRST = 0
# Longer than what a page of some thousand runs asks.
_PATIENCE_S = 0.005
# How often a statement is told to stop that had not begun when it was told before.
_PAUSE_S = 0.02


class Turn(ConnectionWrapper[Any]):
    """One statement's time with a connection."""

    def __init__(self, readers: "Readers") -> None:
        super().__init__(readers._lock, readers)
        self._readers = readers
        self._place = FIRST

    async def __aenter__(self) -> Any:
        self._place = await self._readers.take()
        return self._readers.connection_at(self._place)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, asyncio.CancelledError):
            self._readers.stop(self._place)
        else:
            self._readers.give_back(self._place)


class Readers(Named):
    def __init__(self, file_path: str, caches: Sequence[int], **options: Any) -> None:
        """`caches`: for each connection, how many KiB of the file it keeps at most."""
        super().__init__(file_path, **options)
        self._clients = [Client(file_path, cache_size=-kib, **options) for kib in caches]
        self._opened = False
        self._free = list(range(len(caches)))
        self._waiting: deque[asyncio.Future[int]] = deque()
        # When the first was taken.
        self._since = 0.0
        # The event loop alone does not keep a task.
        self._stopping: set[asyncio.Task[None]] = set()

    async def create_connection(self, with_db: bool) -> None:  # noqa: FBT001 - as Tortoise calls it
        async with self._lock:
            await asyncio.gather(*(each.create_connection(with_db) for each in self._clients))
        self._opened = True

    async def close(self) -> None:
        await asyncio.gather(*self._stopping)
        self._opened = False
        for each in self._clients:
            await each.close()

    def acquire_connection(self) -> Turn:
        return Turn(self)

    async def take(self) -> int:
        """The place of a connection that nobody else has until it is given back."""
        if not self._opened:
            await self.create_connection(with_db=True)
        loop = asyncio.get_running_loop()
        if self._free and self._free[0] == FIRST:
            self._since = loop.time()
            return heapq.heappop(self._free)
        left = self._since + _PATIENCE_S - loop.time()
        if self._free and left <= 0:
            return heapq.heappop(self._free)
        return await self._waited(loop, left)

    async def _waited(self, loop: asyncio.AbstractEventLoop, left: float) -> int:
        turn = loop.create_future()
        self._waiting.append(turn)
        timer = loop.call_later(left, self._lend, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(turn.result())
            raise
        finally:
            timer.cancel()

    def _lend(self, turn: asyncio.Future[int]) -> None:
        """Another one, where the first is not given back soon."""
        if self._free and not turn.done():
            turn.set_result(heapq.heappop(self._free))

    def give_back(self, place: int) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                if place == FIRST:
                    self._since = asyncio.get_running_loop().time()
                turn.set_result(place)
                return
        heapq.heappush(self._free, place)

    def connection_at(self, place: int) -> Any:
        connection = self._clients[place]._connection
        assert connection
        return connection

    def stop(self, place: int) -> None:
        """End the statement that runs there, and then give the connection back."""
        stopping = asyncio.create_task(self._end(place))
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)

    async def _end(self, place: int) -> None:
        connection = self.connection_at(place)
        # What is asked for now comes behind the statement in its thread.
        ended = asyncio.ensure_future(connection.execute_fetchall("SELECT 1"))
        while not ended.done():
            await connection.interrupt()
            await asyncio.wait({ended}, timeout=_PAUSE_S)
        with suppress(sqlite3.OperationalError):
            # It was told to stop itself, as often as not.
            await ended
        self.give_back(place)


client_class = Readers
