"""PostgreSQL whose connections come back, also from a caller that gives up at BEGIN."""

# Tortoise offers no other place for it, and is pinned.
# pyright: reportPrivateUsage=false
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
    def _in_transaction(self) -> TransactionContext:
        return Context(TransactionWrapper(self), self._pool_init_lock)


client_class = Client
