"""
What may be done with points: see many lines in small, one in each row of a table.

A table asks for a hundred of them, and again with every change of it. A line stays as it is
until its run has new points, so lines are kept in memory, each with the cursor
behind which nothing is in it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from api.domain.access import require
from api.domain.lines import Source, line
from api.domain.series import sources
from api.domain.thinning import thinned
from api.errors import Damaged, Invalid
from api.records import (
    Actor,
    Buckets,
    Column,
    Cursor,
    Points,
    Run,
    RunKey,
    Scope,
    SeriesQuery,
    XAxis,
)
from api.storage import frames
from api.storage.database import snapshot

PLACES_MAX = 200
# About half a kilobyte each.
KEPT_MAX = 10_000
NOTHING: Column = np.empty(0)

# Run, metric, column, places.
_Key: TypeAlias = tuple[int, str, str, int]


@dataclass(frozen=True, slots=True)
class _Kept:
    cursor: Cursor
    values: Column


class Sparklines:
    """Lines by run, those that were asked for last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()

    async def of(
        self, actor: Actor, runs: Sequence[Run], metric: str, column: str, places: int
    ) -> Mapping[int, Column]:
        """
        By `Run.id`: the mean at each of at most `places` parts of the run's own steps.

        None where nothing is finite, and at the end where the last value is not; no value at all
        without points, or where they are damaged.
        """
        require(actor, Scope.READ)
        if not 0 < places <= PLACES_MAX:
            raise Invalid(f"a small line has 1 to {PLACES_MAX} places")
        keys: dict[int, _Key] = {run.id: (run.id, metric, column, places) for run in runs}
        reached = await frames.cursors(list(keys))
        lines = {run: self._known(key, reached[run]) for run, key in keys.items()}
        old = [run for run in runs if lines[run.id] is None]
        if old:
            asked = SeriesQuery(runs=[], metric=metric, column=column, points_max=places)
            for run, kept in (await _drawn(actor, old, asked)).items():
                lines[run] = kept
                self._kept[keys[run]] = kept
                self._kept.move_to_end(keys[run])
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return {run: kept.values for run, kept in lines.items() if kept}

    def _known(self, key: _Key, cursor: Cursor) -> _Kept | None:
        kept = self._kept.get(key)
        if kept is None or kept.cursor != cursor:
            return None
        self._kept.move_to_end(key)
        return kept


async def _drawn(actor: Actor, runs: Sequence[Run], asked: SeriesQuery) -> Mapping[int, _Kept]:
    ids = [run.id for run in runs]
    keys = [RunKey(run.id, run.public_id, run.experiment_id) for run in runs]
    try:
        async with snapshot():
            cursors = await frames.cursors(ids)
            found = await sources(actor, keys, asked, asked.points_max)
        values = await asyncio.to_thread(
            lambda: [
                _values(of, cursors[run], asked) for run, (of,) in zip(ids, found, strict=True)
            ]
        )
    except Damaged:
        if len(runs) > 1:
            alone = [await _drawn(actor, [run], asked) for run in runs]
            return {run: kept for each in alone for run, kept in each.items()}
        return {ids[0]: _Kept({}, NOTHING)}
    return {run: _Kept(cursors[run], line) for run, line in zip(ids, values, strict=True)}


def _values(source: Source, cursor: Cursor, asked: SeriesQuery) -> Column:
    if source.empty:
        return NOTHING
    points = line(source, None, XAxis.STEP, None, cursor)
    (drawn,) = thinned({"": points}, asked.points_max).lines
    if not len(drawn.mean) or _ends_finite(points):
        return drawn.mean
    broken = drawn.mean.astype(object)
    broken[-1] = None
    return broken


def _ends_finite(points: Points | Buckets) -> bool:
    """Of a bucket only whether it has a finite value at all is sure."""
    if isinstance(points, Buckets):
        return bool(points.content["n_finite"][-1])
    return bool(np.isfinite(float(points.values[-1])))
