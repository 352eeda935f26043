"""
What may be done with many runs at once: to each what is done to one, in a commit of its own.

So whatever happens in between no run is half changed, and the same again does the rest.
"""

from collections.abc import Awaitable, Callable, Sequence

from api.domain import runs
from api.domain.access import require
from api.errors import Forbidden, Invalid, NoSpace, RunvaneError, Unauthorized, Unavailable
from api.live import Live
from api.records import Actor, Describe, Run, Scope, Tags

BULK_RUNS_MAX = 1000


async def cancel(
    actor: Actor, live: Live, run_ids: Sequence[str], reason: str
) -> Sequence[Run | RunvaneError]:
    return await each(actor, run_ids, lambda run: runs.cancel(actor, live, run, reason))


async def delete(actor: Actor, live: Live, run_ids: Sequence[str]) -> Sequence[Run | RunvaneError]:
    return await each(actor, run_ids, lambda run: runs.delete(actor, live, run))


async def restore(actor: Actor, live: Live, run_ids: Sequence[str]) -> Sequence[Run | RunvaneError]:
    return await each(actor, run_ids, lambda run: runs.restore(actor, live, run))


async def tag(
    actor: Actor, live: Live, run_ids: Sequence[str], tags: Tags
) -> Sequence[Run | RunvaneError]:
    nothing = Describe()
    return await each(
        actor, run_ids, lambda run: runs.update(actor, live, run, describe=nothing, tags=tags)
    )


async def each(
    actor: Actor, run_ids: Sequence[str], change: Callable[[str], Awaitable[Run]]
) -> Sequence[Run | RunvaneError]:
    """What became of each run, in the order of the ids; nothing of those behind a full disk."""
    require(actor, Scope.WRITE)
    if len(run_ids) > BULK_RUNS_MAX:
        raise Invalid(f"{len(run_ids)} runs: at most {BULK_RUNS_MAX} at once")
    found: list[Run | RunvaneError] = []
    for run_id in run_ids:
        try:
            found.append(await change(run_id))
        except (Unauthorized, Forbidden):
            raise
        except RunvaneError as error:
            found.append(error)
            if isinstance(error, NoSpace | Unavailable):
                # The others would fare no better, but what was done before is told.
                return [*found, *[error] * (len(run_ids) - len(found))]
    return found
