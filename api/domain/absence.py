"""
Workers that are not heard of any more: first their node does not respond, then what they had
is lost.

By a clock that nobody sets and that stands still while we do not look (the machine slept, or
the database did not answer): from when we saw the last sign, so that after a start of the
server everybody has the whole time. Any number of server processes may look: each changes
only what is still as it saw it.
"""

import time
from collections.abc import Hashable, Mapping
from typing import TypeAlias

from api.domain import workers
from api.execution import ClaimState
from api.live import Live
from api.records import Actor, RunStatus
from api.storage import claims, queues, runs, targets
from api.storage.database import writing
from api.storage.queues import Seen

LOST_S = 600.0
# A node that holds nothing is forgotten after a day.
FORGET_S = 24 * 60 * 60.0
# Time between two looks counts at most so often their usual distance.
_STRIDES = 3
SERVER = Actor("the server")

# What was seen last, and when.
_Sign: TypeAlias = tuple[Hashable, float]


class Absence:
    def __init__(self, silence_s: float, lost_s: float, every_s: float) -> None:
        self._silence_s = silence_s
        self._lost_s = lost_s
        self._step_s_max = every_s * _STRIDES
        self._looked = time.monotonic()
        self._now = 0.0
        self._nodes: Mapping[int, _Sign] = {}
        self._claims: Mapping[int, _Sign] = {}

    async def look(self, live: Live) -> None:
        now = time.monotonic()
        self._now += min(now - self._looked, self._step_s_max)
        self._looked = now
        await self._look_at_nodes(live)
        await self._look_at_claims(live)

    async def _look_at_nodes(self, live: Live) -> None:
        seen: dict[int, _Sign] = {}
        for node, beats, responding in await targets.watched():
            silent_s = self._since(seen, self._nodes, node, beats)
            gone = False
            if silent_s > self._silence_s and responding:
                async with writing():
                    gone = await targets.note_silence(node, beats)
            elif silent_s > FORGET_S and not responding:
                async with writing():
                    gone = await targets.leave(node, beats)
            if gone:
                live.announce(workers.TARGETS, grew=False)
        self._nodes = seen

    async def _look_at_claims(self, live: Live) -> None:
        seen: dict[int, _Sign] = {}
        for each in await queues.all_held():
            silent_s = self._since(seen, self._claims, each.run, (each.fence, each.renewed))
            if silent_s > self._lost_s and await self.lose(each):
                live.announce(each.public_id)
                live.announce(workers.TARGETS, grew=False)
        self._claims = seen

    def _since(
        self, seen: dict[int, _Sign], before: Mapping[int, _Sign], key: int, sign: Hashable
    ) -> float:
        """For how long there was no other sign."""
        last = before.get(key)
        seen[key] = last if last and last[0] == sign else (sign, self._now)
        return self._now - seen[key][1]

    async def lose(self, seen: Seen) -> bool:
        """False where its worker, or somebody else, said something of it since it was seen."""
        async with writing():
            run = await runs.get(seen.public_id, to_change=True)
            claim = await claims.to_change(seen.run) if run else None
            if run is None or claim is None or claim.state is not ClaimState.HELD:
                return False
            if (claim.fence, claim.renewed) != (seen.fence, seen.renewed):
                return False
            why = f"nothing was heard of its worker for {self._lost_s:g} s"
            await workers.ended(SERVER, run, claim, RunStatus.FAILED, why, lost=True)
        return True
