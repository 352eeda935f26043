"""
Commits that several callers share: one costs what the disk costs, however much is in it.

Works that come while a commit is under way go together in the next one. One that
fails takes nobody with it: all of its group is undone, and done again one by one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from api.storage.database import writing

Wanted = TypeVar("Wanted")
Answer = TypeVar("Answer")

# Who was answered a moment ago comes again soon: the next commit waits so long for them.
GATHER_S = 0.005
# What one transaction holds, and keeps others waiting for.
WORKS_MAX = 256
BYTES_MAX = 16 * 1024 * 1024


@dataclass(slots=True, eq=False)
class _Work(Generic[Wanted, Answer]):
    key: Any
    wanted: Wanted
    size: int
    alone: bool
    then: Callable[[], None]
    answer: asyncio.Future[Answer] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Commits(Generic[Wanted, Answer]):
    """`do` is given a group in the order of its keys, inside a transaction, and answers each."""

    def __init__(self, do: Callable[[Sequence[Wanted]], Awaitable[Sequence[Answer]]]) -> None:
        self._do = do
        self._waiting: list[_Work[Wanted, Answer]] = []
        self._task: asyncio.Task[None] | None = None
        self._came: asyncio.Event | None = None

    async def join(
        self,
        key: Hashable,
        wanted: Wanted,
        *,
        then: Callable[[], None],
        size: int = 0,
        alone: bool = False,
    ) -> Answer:
        """
        Have it done, and raise what it raises; `then` is called after the commit, also when
        the caller has gone meanwhile.

        Keys are sorted, and one key is in a group once: what has the same key, or
        is to be `alone`, waits for its turn. `size` is how many bytes are written.
        """
        work = _Work[Wanted, Answer](key, wanted, size, alone, then)
        self._waiting.append(work)
        if self._came:
            self._came.set()
        if self._task is None or self._task.done():
            # It works for everybody: nothing of the caller that begins it is in its context.
            self._task = asyncio.create_task(self._commit(), context=Context())
        return await work.answer

    async def _commit(self) -> None:
        answered = 0
        try:
            while self._waiting:
                await self._gather(answered)
                group = self._take()
                await self._settle(group)
                answered = len(group)
        finally:
            # Only where the server stops in between is anybody left.
            for work in self._waiting:
                work.answer.cancel()
            self._waiting.clear()

    async def _gather(self, wanted: int) -> None:
        """Wait until as many are there as were answered last, but not for long."""
        came = self._came = asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(GATHER_S):
                while len(self._waiting) < wanted:
                    came.clear()
                    await came.wait()
        self._came = None

    def _take(self) -> Sequence[_Work[Wanted, Answer]]:
        """In one order everywhere, so that two processes cannot wait for each other's rows."""
        group: dict[Any, _Work[Wanted, Answer]] = {}
        left: list[_Work[Wanted, Answer]] = []
        size = 0
        for work in self._waiting:
            size += work.size
            fits = work.key not in group and len(group) < WORKS_MAX and size <= BYTES_MAX
            joins = fits and not work.alone and not next(iter(group.values())).alone if group else 1
            if joins:
                group[work.key] = work
            else:
                left.append(work)
        self._waiting = left
        return [group[key] for key in sorted(group)]

    async def _settle(self, group: Sequence[_Work[Wanted, Answer]]) -> None:
        group = [work for work in group if not work.answer.done()]
        if not group:
            return
        try:
            async with writing():
                answers = await self._do([work.wanted for work in group])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is its caller's
            if len(group) > 1:
                for work in group:
                    await self._settle([work])
            elif not group[0].answer.done():
                group[0].answer.set_exception(error)
            return
        except BaseException:  # The server stops.
            for work in group:
                work.answer.cancel()
            raise
        for work, answer in zip(group, answers, strict=True):
            work.then()
            if not work.answer.done():
                work.answer.set_result(answer)
