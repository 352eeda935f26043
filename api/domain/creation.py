"""How a run comes about that somebody asks for; what scripts begin is in `batches`."""

import re
from collections.abc import Iterable

from api.domain.access import require, require_experiment, sees
from api.domain.clock import now_ms
from api.domain.events import OWN_PARENT, applied
from api.errors import Conflict, Invalid, UnknownParent
from api.records import Actor, Event, Run, RunStatus, Scope, Start
from api.storage import runs as kept
from api.storage import trash
from api.storage.keys import run_key
from runvane.wire import NAME_LENGTH_MAX, RUN_ID


async def begin(
    actor: Actor,
    public_id: str,
    start: Start,
    events: Iterable[Event],
    status: RunStatus = RunStatus.RUNNING,
    reason: str = "",
) -> Run:
    """Make a run in the commit we are in, with what `events` make of it."""
    require(actor, Scope.WRITE, Scope.EXECUTE)
    if not re.fullmatch(RUN_ID, public_id):
        raise Invalid("a run id is 1 to 256 characters of A-Z a-z 0-9 . _ ~ -, and not . or ..")
    if start.parent == public_id:
        raise Invalid(OWN_PARENT)
    if not 0 < len(start.experiment) <= NAME_LENGTH_MAX and start.parent is None:
        raise Invalid(f"the name of an experiment has 1 to {NAME_LENGTH_MAX} characters")
    # A child is in its parent's experiment, whatever it says.
    parent = await kept.get(start.parent) if start.parent else None
    if start.parent and (parent is None or not sees(actor, parent.experiment_id)):
        raise UnknownParent(f"no run {start.parent} to be the parent")
    require_experiment(actor, parent.experiment if parent else start.experiment)
    if await kept.get(public_id) is not None:
        raise Conflict(f"there is a run {public_id} already")
    if await trash.is_purged(run_key(public_id)):
        raise Conflict(f"a run {public_id} was deleted for good: choose another id")
    now = now_ms()
    made = await kept.insert(public_id, start, now, actor=actor.name, status=status, reason=reason)
    run = made
    for event in events:
        run = applied(run, event, now)
    if run != made:
        await kept.save(made, run)
    return await kept.get(public_id) or run
