"""
What may be done with many runs at once: to each what is done to one.

Some of them share a commit, for a commit of each would take a thousand times the disk's. What
cannot be done to one keeps no other of its commit back; a commit that fails keeps none of its
runs, and the same again does the rest. So whatever happens in between no run is half changed.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from api.domain import runs
from api.domain.access import require
from api.domain.clock import now_ms
from api.domain.events import applied
from api.errors import Invalid, NoSpace, RunvaneError, Unavailable
from api.live import Live
from api.records import Actor, Run, Scope, Tags
from api.storage.database import writing

BULK_RUNS_MAX = 1000
# Others who write wait so long as these take: a tenth of a second.
RUNS_PER_COMMIT_MAX = 50


async def cancel(
    actor: Actor, live: Live, run_ids: Sequence[str], reason: str
) -> Sequence[Run | RunvaneError]:
    return await each(actor, live, run_ids, lambda some: runs.cancel_several(actor, some, reason))


async def delete(actor: Actor, live: Live, run_ids: Sequence[str]) -> Sequence[Run | RunvaneError]:
    return await each(actor, live, run_ids, partial(runs.delete_several, actor))


async def restore(actor: Actor, live: Live, run_ids: Sequence[str]) -> Sequence[Run | RunvaneError]:
    return await each(actor, live, run_ids, partial(runs.restore_several, actor))


async def tag(
    actor: Actor, live: Live, run_ids: Sequence[str], tags: Tags
) -> Sequence[Run | RunvaneError]:
    now = now_ms()

    def tagged(run: Run) -> Run:
        return applied(run, tags, now)

    return await each(actor, live, run_ids, lambda some: runs.change_several(actor, some, tagged))


async def each(
    actor: Actor,
    live: Live,
    run_ids: Sequence[str],
    change: Callable[[Sequence[str]], Awaitable[runs.Several]],
) -> Sequence[Run | RunvaneError]:
    """What became of each run, in the order of the ids; nothing of those behind a full disk."""
    require(actor, Scope.WRITE)
    if len(run_ids) > BULK_RUNS_MAX:
        raise Invalid(f"{len(run_ids)} runs: at most {BULK_RUNS_MAX} at once")
    done: list[Run | RunvaneError] = []
    for at in range(0, len(run_ids), RUNS_PER_COMMIT_MAX):
        some = run_ids[at : at + RUNS_PER_COMMIT_MAX]
        try:
            async with writing():
                found, moved = await change(some)
        except (NoSpace, Unavailable) as error:
            # The others would fare no better, but what was done before is told.
            return [*done, *[error] * (len(run_ids) - at)]
        for run_id in moved:
            live.announce(run_id)
        done += [found[run_id] for run_id in some]
    return done
