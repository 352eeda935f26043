"""What may be asked of many runs' lines at once: smooth ones, and what groups of runs have."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from api.analysis import Analysis, GroupKey, Smoothing
from api.conditions import Attribute
from api.domain import series
from api.domain.access import require
from api.domain.aggregates import alike, grouped, value_of
from api.domain.smoothing import checked, smoothed
from api.errors import Invalid
from api.records import Actor, Line, Run, Scope, Series, SeriesQuery
from api.storage import runs as kept

KEYS_MAX = 5


async def analysis(
    actor: Actor,
    asked: SeriesQuery,
    *,
    by: Sequence[GroupKey] | None,
    smoothing: Smoothing | None,
) -> Analysis:
    """
    The series asked for. With `by` (none: all runs are one group) one group for all runs
    that read the same, in the order in which their first runs were asked for.
    """
    require(actor, Scope.READ)
    if smoothing:
        checked(smoothing)
    if by is not None:
        _checked(by)
    drawn = await series.series(actor, asked)
    ids = [] if by is None else [line.run for line in drawn.lines]
    runs = await kept.several(ids)
    return await asyncio.to_thread(_analysed, drawn, runs, by, smoothing)


def _checked(by: Sequence[GroupKey]) -> None:
    if len(by) > KEYS_MAX:
        raise Invalid(f"group by at most {KEYS_MAX} keys")
    if Attribute.DURATION in by:
        raise Invalid("a duration changes all the time: group by something else")


def _analysed(
    drawn: Series, runs: Mapping[str, Run], by: Sequence[GroupKey] | None, how: Smoothing | None
) -> Analysis:
    means = [line.mean for line in drawn.lines]
    lines = smoothed(means, how) if how else None
    if by is None:
        return Analysis(drawn, lines)
    members: dict[tuple[str | None, ...], list[Line]] = {}
    values: dict[tuple[str | None, ...], Sequence[Any]] = {}
    for line in (line for line in drawn.lines if line.run in runs):
        own = [value_of(runs[line.run], key) for key in by]
        same = tuple(alike(own))
        values.setdefault(same, own)
        members.setdefault(same, []).append(line)
    groups = [grouped(values[same], of, how) for same, of in members.items()]
    return Analysis(drawn, lines, groups)
