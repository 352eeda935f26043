"""
Many short chunks of output → few of 0.5 to 1 MB, so that reading and searching read little.

The tiers are those of `compaction`; here the parts are in the order of their offsets, and only
what follows without a hole becomes one. What is merged holds the very same bytes, lines and
times, so no cursor notices.
"""

import asyncio
from collections.abc import Iterator, Sequence

from api.domain.clock import now_ms
from api.domain.compaction import MERGE, QUIET_MS, Fenced, Plan, plans_of
from api.storage import logs, texts, upkeep
from api.storage.database import writing
from api.storage.keys import oldest_key
from api.storage.logs import Extent
from api.storage.texts import Chunk

# Of the time, for a run that prints without end: what waits is read more slowly.
SHARE = 0.25


async def compact(run: int, *, ended: bool, quiet_ms: int = QUIET_MS) -> bool:
    """Merge what is to be merged in this run. False when somebody else was faster."""
    quiet_before = oldest_key(now_ms() - quiet_ms)
    due = await logs.due(run, many=1 if ended else MERGE, quiet_before=quiet_before)
    try:
        for stream in due:
            while plans := _plans(await logs.shapes(run, stream), ended, quiet_before):
                for plan in plans:
                    await _carry_out(run, plan)
    except Fenced:
        return False
    return True


def _plans(
    extents: Sequence[Extent],
    ended: bool,  # noqa: FBT001 - as it is asked
    quiet_before: int,
) -> Sequence[Plan[Extent]]:
    parts = list(_without_holes(extents))
    return [
        plan
        for part in parts
        # Before a hole nothing comes any more.
        for plan in plans_of(part, ended=ended or part is not parts[-1], quiet_before=quiet_before)
    ]


def _without_holes(extents: Sequence[Extent]) -> Iterator[Sequence[Extent]]:
    part: list[Extent] = []
    for each in extents:
        if part and part[-1].first_byte + part[-1].n != each.first_byte:
            yield part
            part = []
        part.append(each)
    if part:
        yield part


async def _carry_out(run: int, plan: Plan[Extent]) -> None:
    found = await logs.chunks(run, [each.id for each in plan.merge])
    if len(found) < len(plan.merge):
        raise Fenced
    made, payload = None, b""
    if plan.merge:
        # In a thread: it takes long, and requests are served meanwhile.
        made, payload = await asyncio.to_thread(_merged, [found[each.id] for each in plan.merge])
    async with writing():
        ids = [each.id for each in (*plan.merge, *plan.leave)]
        if not await upkeep.hold("log_chunk", run, ids):
            raise Fenced
        if made is not None and not await logs.replace(run, plan.merge, made, payload):
            raise Fenced
        await logs.leave(run, [each.id for each in plan.leave])


def _merged(chunks: Sequence[Chunk]) -> tuple[Chunk, bytes]:
    made = texts.merged(chunks)
    return made, texts.packed(made.text, made.places, made.times, made.first_time, texts.SMALL)
