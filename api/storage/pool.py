"""
PostgreSQL whose connections come back, also from a caller that gives up at BEGIN, and
that makes do with those it has while it is given no more.

They come back as they went: no statement of ours changes a session (SET, LISTEN, advisory
locks, cursors), so nothing is put right between two callers. What the driver would send
is one more way there and back for each statement. A transaction that was left open is
ended all the same.
"""

# Tortoise offers no other place for it, and is pinned.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# ruff: noqa: SLF001

import asyncio
from typing import Any

from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    PoolConnectionWrapper,
    TransactionalDBClient,
    TransactionContext,
    TransactionContextPooled,
)
from tortoise.connection import get_connections

from api.storage.faults import INIT_FILE

TOO_MANY = "53300"
# How often a connection is asked for again that was refused.
_PAUSE_S = 0.02


class Wrapper(PoolConnectionWrapper[Any]):
    async def __aenter__(self) -> Any:
        await self.ensure_connection()
        self.connection = await _acquire(self.client._pool)
        return self.connection


class Context(TransactionContextPooled):
    async def __aenter__(self) -> TransactionalDBClient:
        """Tortoise's own loses the connection when BEGIN is cancelled or fails."""
        await self.ensure_connection()
        pool: Any = self.client._parent._pool
        connection = self.client._connection = await _acquire(pool)
        try:
            await self.client.begin()
        except BaseException:  # A caller that gives up raises CancelledError.
            # The pool ends what has begun.
            await pool.release(connection)
            raise
        self.token = get_connections().set(self.connection_name, self.client)
        return self.client


class Client(AsyncpgDBClient):
    async def create_pool(self, **given: Any) -> Any:
        return await super().create_pool(reset=_leave, **given)

    def acquire_connection(self) -> Wrapper:
        return Wrapper(self, self._pool_init_lock)

    def _in_transaction(self) -> TransactionContext:
        return Context(TransactionWrapper(self), self._pool_init_lock)


async def _acquire(pool: Any) -> Any:
    """
    A PostgreSQL that has no room for a byte, or for one more connection, still answers
    on those that are open: the next that is free does as well as a new one.
    """
    while True:
        try:
            return await pool.acquire()
        except Exception as error:  # The driver has no class for it.
            refused = INIT_FILE in str(error) or getattr(error, "sqlstate", "") == TOO_MANY
            if not refused or not pool.get_size():
                raise
        await asyncio.sleep(_PAUSE_S)


async def _leave(_: Any) -> None:
    pass


client_class = Client
