"""
What one of a page's records needs is fetched for all of them, once.

So the number of statements does not grow with the page. A loader of the request
would do it too, but costs more for each field, and on a socket, whose requests
share one context, would answer with what was true when it was first asked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence
from typing import Any, Generic, TypeVar

R = TypeVar("R")
V = TypeVar("V")


class Siblings(Generic[R]):
    def __init__(self, records: Sequence[R]) -> None:
        self._records = records
        self._fetched: dict[Hashable, Awaitable[Any]] = {}

    @property
    def alone(self) -> bool:
        return len(self._records) == 1

    async def fetch(
        self, what: Hashable, load: Callable[[Sequence[R]], Coroutine[Any, Any, V]]
    ) -> V:
        """Give what `load` gives for all records; the first to ask for `what` loads it."""
        if what not in self._fetched:
            self._fetched[what] = asyncio.create_task(load(self._records))
        return await self._fetched[what]
