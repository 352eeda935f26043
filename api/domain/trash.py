"""
What becomes of deleted runs: after a while they are taken away, in steps that keep
nobody waiting. The server does it by itself, so nobody is named.
"""

import asyncio

from api.domain.clock import now_ms
from api.storage import trash
from api.storage.database import writing

DAY_MS = 86_400_000
# Between two commits, so that what scripts write goes first.
PAUSE_S = 0.02


async def empty(days: float) -> None:
    """Take away what was deleted so many days ago, or was purged by somebody."""
    before = now_ms() - int(days * DAY_MS)
    while True:
        if await trash.is_due(before):
            async with writing():
                await trash.mark(before, now_ms())
        marked = await trash.marked()
        for run in marked:
            await _take_away(run)
        if not marked:
            break
    await _give_back()


async def _take_away(run: int) -> None:
    # Frames first: what has none is folded no more, so nothing new comes behind us.
    for table in trash.CHILDREN:
        more = True
        while more:
            async with writing():
                more = await trash.remove_some(run, table)
            await asyncio.sleep(PAUSE_S)
    async with writing():
        await trash.remove(run, now_ms())


async def _give_back() -> None:
    more = True
    while more:
        more = await trash.give_back()
        await asyncio.sleep(PAUSE_S)
