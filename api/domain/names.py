"""What may be asked of the names that runs gave their metrics."""

from collections.abc import Mapping, Sequence

from api.conditions import WRONG_CURSOR
from api.domain.access import require
from api.errors import Invalid
from api.records import Actor, Experiment, Page, Position, Run, Scope
from api.storage import metrics as kept

NAMES_MAX = 1000


async def of_experiment(
    actor: Actor, experiment: Experiment, *, prefix: str, first: int, after: Position | None
) -> Page[str]:
    """Each name once, by code point; a page is cut to size, not refused."""
    require(actor, Scope.READ)
    limit = min(max(first, 0), NAMES_MAX)
    return _page(await kept.names_after(experiment.id, prefix, _name(after), limit + 1), limit)


async def of_runs(
    actor: Actor, runs: Sequence[Run], *, prefix: str, first: int, after: Position | None
) -> Mapping[int, Page[str]]:
    """
    By `Run.id`, each run's own names as the database orders texts; one statement for all.

    A page is cut to size, not refused.
    """
    require(actor, Scope.READ)
    limit = min(max(first, 0), NAMES_MAX)
    found = await kept.run_names_after([run.id for run in runs], prefix, _name(after), limit + 1)
    return {run: _page(names, limit) for run, names in found.items()}


def _name(after: Position | None) -> str | None:
    match after.values if after else (None,):
        case (None | str() as name,):
            return name
        case _:
            raise Invalid(WRONG_CURSOR)


def _page(found: Sequence[str], limit: int) -> Page[str]:
    shown = found[:limit]
    return Page(shown, [Position((name,), 0) for name in shown], len(found) > limit)
