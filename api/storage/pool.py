"""
PostgreSQL whose connections come back, also from a caller that gives up at BEGIN.

They come back as they went: no statement of ours changes a session (SET, LISTEN, advisory
locks, cursors), so nothing is put right between two callers. What the driver would send
is one more way there and back for each statement. A transaction that was left open is
ended all the same.
"""

# Tortoise offers no other place for it, and is pinned.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# ruff: noqa: SLF001

from typing import Any

from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    TransactionalDBClient,
    TransactionContext,
    TransactionContextPooled,
)
from tortoise.connection import get_connections


class Context(TransactionContextPooled):
    async def __aenter__(self) -> TransactionalDBClient:
        """Tortoise's own loses the connection when BEGIN is cancelled or fails."""
        await self.ensure_connection()
        pool: Any = self.client._parent._pool
        connection = self.client._connection = await pool.acquire()
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

    def _in_transaction(self) -> TransactionContext:
        return Context(TransactionWrapper(self), self._pool_init_lock)


async def _leave(_: Any) -> None:
    pass


client_class = Client
