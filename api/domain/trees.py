"""What may be asked of all that is below a run."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from api.analysis import GroupKey, TreeAggregate, TreeGroup
from api.conditions import Attribute, Param, Tag
from api.domain.access import require
from api.domain.aggregates import alike, place, statistics
from api.errors import Invalid
from api.records import Actor, Run, Scope, Wanted
from api.storage import metrics as kept
from api.storage.database import of_json

TREE_RUNS_MAX = 10_000
TREE_GROUPS_MAX = 1_000
_ELSEWHERE = {Attribute.EXPERIMENT, Attribute.PARENT, Attribute.ROOT, Attribute.DURATION}

# Whose it is below, what it is grouped by, and its value.
_Row = tuple[int, Any, float | None]


async def aggregates(
    actor: Actor, runs: Sequence[Run], wanted: Wanted, by: GroupKey | None
) -> Mapping[int, TreeAggregate]:
    """
    By `Run.id`, over all runs below it that are there; one statement for all.

    All of them together are looked at up to 10,000 runs; beyond that each is `capped`. Groups
    are in the order of their values, numbers first; without `by` all runs are one.
    """
    require(actor, Scope.READ)
    if by in _ELSEWHERE:
        raise Invalid("runs below one are not told apart by that: take a param, a tag or the depth")
    tops = {run.id: run.experiment_id for run in runs}
    column = "params" if isinstance(by, Param) else "tags" if isinstance(by, Tag) else by
    rows = await kept.below(tops, wanted, column or Attribute.DEPTH, TREE_RUNS_MAX + 1)
    return await asyncio.to_thread(_aggregated, list(tops), rows, by)


def _aggregated(
    tops: Sequence[int], rows: Sequence[_Row], by: GroupKey | None
) -> Mapping[int, TreeAggregate]:
    capped = len(rows) > TREE_RUNS_MAX
    found: dict[int, dict[str | None, list[tuple[Any, float | None]]]] = {top: {} for top in tops}
    for top, said, value in rows[:TREE_RUNS_MAX]:
        own = None if by is None else said
        if isinstance(by, Param | Tag):
            own = of_json(said).get(by.key)
        found[top].setdefault(alike([own])[0], []).append((own, value))
    made: dict[int, TreeAggregate] = {}
    for top, groups in found.items():
        ordered = sorted(groups.values(), key=lambda members: place(members[0][0]))
        made[top] = TreeAggregate(
            [_group(each) for each in ordered[:TREE_GROUPS_MAX]],
            sum(map(len, ordered)),
            capped or len(ordered) > TREE_GROUPS_MAX,
        )
    return made


def _group(members: Sequence[tuple[Any, float | None]]) -> TreeGroup:
    values = [float(value) for _, value in members if value is not None and math.isfinite(value)]
    found = {name: column[0].item() for name, column in statistics(np.array([values])).items()}
    some, several = bool(values), len(values) > 1
    return TreeGroup(
        value=members[0][0],
        runs=len(members),
        n=len(values),
        mean=found["mean"] if some else None,
        median=found["median"] if some else None,
        min=min(values, default=None),
        max=max(values, default=None),
        std=found["std"] if several else None,
        stderr=found["stderr"] if several else None,
    )
