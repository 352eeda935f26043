"""
When what lists are sorted by is brought up to date: at once after a pause and at a
run's end, else every few seconds, so that live values cost a run's indexes little.
"""

import time

from api.live import Live
from api.storage import ranks, runs
from api.storage.database import writing
from api.storage.ranks import Waiting

RANK_EVERY_S = 3.0
RANK_PAUSE_S = 0.25


class Ranking:
    def __init__(self) -> None:
        self._ranked: dict[int, float] = {}

    async def look(self, live: Live) -> None:
        now = time.monotonic()
        self._ranked = {run: at for run, at in self._ranked.items() if now - at < RANK_EVERY_S}
        for each in await ranks.waiting():
            if each.ended or each.run not in self._ranked:
                self._ranked[each.run] = now
                await refresh(live, each)


async def refresh(live: Live, old: Waiting) -> bool:
    """Copy a run's values to where lists find them; False when another process was faster."""
    async with writing():
        if not await ranks.take(old.run):
            return False
        if moved := await ranks.refresh([old.run]) > 0:
            await runs.touch(old.run)
    if moved:
        live.announce(old.public_id, grew=False)
    return True
