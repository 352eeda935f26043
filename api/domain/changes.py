"""What may be done to experiments."""

from collections.abc import Callable
from dataclasses import replace

from api.domain.access import require, require_experiment, sees
from api.domain.clock import now_ms
from api.errors import Conflict, Invalid, NotFound
from api.live import Live
from api.records import Actor, Experiment, Scope, Tags
from api.storage import experiments as kept
from api.storage.database import writing
from runvane.wire import NAME_LENGTH_MAX, TEXT_LENGTH_MAX

# No run has this name: whoever follows a list is told of experiments by it.
EXPERIMENTS = "!experiments"


async def create(actor: Actor, live: Live, name: str, description: str) -> Experiment:
    """Before its first run, which would make it too."""
    require(actor, Scope.WRITE)
    require_experiment(actor, name)
    if not 0 < len(name) <= NAME_LENGTH_MAX:
        raise Invalid(f"the name of an experiment has 1 to {NAME_LENGTH_MAX} characters")
    async with writing():
        if not await kept.insert(name, now_ms()):
            raise Conflict(f"there is an experiment {name} already")
        made = await _changed(actor, name, lambda made: _described(made, description))
    live.announce(EXPERIMENTS, grew=False)
    return made


async def update(
    actor: Actor, live: Live, name: str, *, description: str | None, tags: Tags
) -> Experiment:
    """What is not given stays."""
    require(actor, Scope.WRITE)

    def updated(experiment: Experiment) -> Experiment:
        left = {key: value for key, value in experiment.tags.items() if key not in tags.remove}
        changed = replace(experiment, tags={**left, **tags.set})
        return changed if description is None else _described(changed, description)

    async with writing():
        after = await _changed(actor, name, updated)
    live.announce(EXPERIMENTS, grew=False)
    return after


async def archive(actor: Actor, live: Live, name: str, *, archived: bool) -> Experiment:
    """Lists leave out archived ones; twice is no error, and the first time stays."""
    require(actor, Scope.WRITE)
    now = now_ms()
    async with writing():
        after = await _changed(
            actor,
            name,
            lambda found: replace(found, archived=(found.archived or now) if archived else None),
        )
    live.announce(EXPERIMENTS, grew=False)
    return after


def _described(experiment: Experiment, description: str) -> Experiment:
    if len(description) > TEXT_LENGTH_MAX:
        raise Invalid(f"a description has at most {TEXT_LENGTH_MAX} characters")
    return replace(experiment, description=description)


async def _changed(
    actor: Actor, name: str, change: Callable[[Experiment], Experiment]
) -> Experiment:
    found = await kept.to_change(name)
    if found is None or not sees(actor, found.id):
        raise NotFound(f"no experiment {name}")
    after = change(found)
    if after != found:
        await kept.save(after)
    return after
