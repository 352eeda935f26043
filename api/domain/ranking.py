"""
When what lists are sorted by is brought up to date: at once after a pause and at a
run's end, else every few seconds, so that live values cost a run's indexes little.
"""

import time

from api.storage import ranks
from api.storage.database import writing

RANK_EVERY_S = 3.0
RANK_PAUSE_S = 0.25


class Ranking:
    def __init__(self) -> None:
        self._ranked: dict[int, float] = {}

    async def look(self) -> None:
        now = time.monotonic()
        self._ranked = {run: at for run, at in self._ranked.items() if now - at < RANK_EVERY_S}
        for run, ended in await ranks.waiting():
            if ended or run not in self._ranked:
                self._ranked[run] = now
                await refresh(run)


async def refresh(run: int) -> bool:
    """Copy a run's values to where lists find them; False when another process was faster."""
    async with writing():
        if not await ranks.take(run):
            return False
        await ranks.refresh([run])
    return True
