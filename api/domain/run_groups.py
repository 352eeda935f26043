"""What may be asked of runs in groups: how many are alike, and what they have together."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from api.analysis import GroupKey, RunGroup, RunGroups
from api.conditions import Attribute, MetricStat, RunFilter, refuse_large
from api.domain.access import narrowed, require
from api.domain.aggregates import alike, place, statistics
from api.domain.clock import now_ms
from api.errors import Invalid
from api.records import Actor, Scope
from api.storage import facets as kept
from api.storage import listing

GROUPED_RUNS_MAX = 10_000
GROUPED_COLUMNS_MAX = 20

# What a run is grouped by, and its values.
_Row = tuple[Any, Sequence[float | None]]


async def of(
    actor: Actor, wanted: RunFilter, by: GroupKey, columns: Sequence[MetricStat], *, first: int
) -> RunGroups:
    """
    By what the runs have, numbers first; at most `first` groups.

    Of more runs than 10,000 the newest are looked at. Five statements at most.
    """
    require(actor, Scope.READ)
    refuse_large(wanted)
    if by is Attribute.DURATION:
        raise Invalid("a duration changes all the time: group by something else")
    if len(columns) > GROUPED_COLUMNS_MAX:
        raise Invalid(f"columns: {len(columns)} were asked for, at most {GROUPED_COLUMNS_MAX}")
    seen = narrowed(actor, wanted)
    if seen is None:
        return RunGroups([], 0, capped=False)
    scope, found = await listing.newest_meant(seen, GROUPED_RUNS_MAX + 1, now_ms())
    runs = found[:GROUPED_RUNS_MAX]
    rows = await kept.values(runs, by, columns, scope)
    groups, known = await asyncio.to_thread(_grouped, rows, first)
    capped = len(found) > len(runs) or known > first
    return RunGroups(groups, len(runs), capped=capped)


def _grouped(rows: Sequence[_Row], first: int) -> tuple[Sequence[RunGroup], int]:
    """The first groups, and how many there are: what is said of one costs more than finding it."""
    found: dict[str | None, list[_Row]] = {}
    for row in rows:
        found.setdefault(alike([row[0]])[0], []).append(row)
    # Of 64 and "64" it is the number that is said.
    said = [(min((value for value, _ in of), key=place), of) for of in found.values()]
    said.sort(key=lambda each: place(each[0]))
    return [_group(value, of) for value, of in said[:first]], len(said)


def _group(value: Any, members: Sequence[_Row]) -> RunGroup:
    columns = [
        [each if each is not None and math.isfinite(each) else math.nan for each in column]
        for column in zip(*(values for _, values in members), strict=True)
    ]
    table = np.array(columns, dtype=np.float64).reshape(len(columns), len(members))
    found = statistics(table)
    known = found["n"].tolist()
    least = np.where(np.isnan(table), np.inf, table).min(axis=1, initial=np.inf)
    most = np.where(np.isnan(table), -np.inf, table).max(axis=1, initial=-np.inf)
    return RunGroup(
        value=value,
        runs=len(members),
        n=known,
        mean=_where(found["mean"], known, 1),
        std=_where(found["std"], known, 2),
        min=_where(least, known, 1),
        max=_where(most, known, 1),
    )


def _where(values: Any, known: Sequence[int], at_least: int) -> Sequence[float | None]:
    """What is said of enough values, and a number."""
    return [
        value if n >= at_least and math.isfinite(value) else None
        for value, n in zip(values.tolist(), known, strict=True)
    ]
