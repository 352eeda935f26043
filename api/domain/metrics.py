"""What may be asked of metrics without drawing them."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from api.domain.access import require
from api.domain.folding import typed_points
from api.records import Actor, Column, Rows, Run, Scope, Summary, Wanted
from api.storage import frames, segments
from api.storage import metrics as kept
from api.storage.database import snapshot
from api.storage.keys import metric_key

ROWS_MAX = 1000


async def summaries(
    actor: Actor,
    runs: Sequence[Run],
    *,
    metric: str | None = None,
    prefix: str = "",
    first: int | None = None,
) -> Mapping[int, Sequence[Summary]]:
    """
    By `Run.id`, in the order in which metrics, and columns in them, were first logged.

    Of one metric, or of the `first` whose names begin so; else of all.
    """
    require(actor, Scope.READ)
    ids = [run.id for run in runs]
    return await kept.summaries(ids, metric=metric, prefix=prefix, first=first)


async def pending(actor: Actor, runs: Sequence[Run]) -> AbstractSet[int]:
    """The `Run.id` of those that have points which their summaries do not have yet."""
    require(actor, Scope.READ)
    return await frames.unfolded([run.id for run in runs])


async def cells(
    actor: Actor, runs: Sequence[Run], wanted: Sequence[Wanted]
) -> Mapping[int, Sequence[float | int | None]]:
    """One statement for all runs."""
    require(actor, Scope.READ)
    return await kept.cells({run.id: run.experiment_id for run in runs}, wanted)


async def rows(actor: Actor, run: Run, metric: str, *, last: int) -> Rows:
    """
    The newest points of a metric, each with what its columns held there.

    A column that was not logged at a point holds None there.
    """
    require(actor, Scope.READ)
    last = min(max(last, 0), ROWS_MAX)
    async with snapshot():
        known = (await kept.summaries([run.id], metric=metric))[run.id]
        names = [each.column for each in known]
        keys = {metric_key(run.experiment_id, metric, name): name for name in names}
        since = _since(await segments.extents(run.id, list(keys)), last) if keys else None
        steps = None if since is None else (float(since), np.inf)
        folded = (await segments.read([run.id], list(keys), steps=steps))[run.id]
        opened = (await frames.opened([run.id]))[run.id]
    parts: dict[str, list[_Part]] = {name: [] for name in names}
    for piece in folded:
        parts[keys[piece.key]].append((piece.steps, piece.times, piece.values))
    totals = {each.column: each.n for each in known}
    for block in (block for frame in opened for block in frame.blocks if block.name == metric):
        for name, column in block.columns.items():
            parts.setdefault(name, []).append((block.steps, block.times, column))
            totals[name] = totals.get(name, 0) + len(column)
    return _table(parts, last, max(totals.values(), default=0))


_Part = tuple[Column, Column, Column]


async def moment(
    actor: Actor, run: Run, metric: str, column: str, *, step: int | None, at: int | None
) -> tuple[int, int] | None:
    """
    Step and time of the point nearest to a step or, without one, to a time; None: no point.

    Of points that are as near as each other the one that was folded first.
    """
    require(actor, Scope.READ)
    wanted, axis = (at or 0, "time") if step is None else (step, "step")
    key = metric_key(run.experiment_id, metric, column)
    async with snapshot():
        covered = (await segments.spans([run.id], [key])).get((run.id, key))
        folded = None if covered is None else await _folded(run, covered, axis, wanted)
        opened = (await frames.opened([run.id], metrics={metric}))[run.id]
    blocks = [block for frame in opened for block in frame.blocks if block.name == metric]
    parts = [(each.steps, each.times) for each in blocks if column in each.columns]
    fresh = await asyncio.to_thread(_nearest, parts, axis, wanted) if parts else None
    near = [each for each in (folded, fresh) if each]
    return min(near, key=lambda each: each.away).place if near else None


class _Near(NamedTuple):
    away: int
    # Step and time.
    place: tuple[int, int]


async def _folded(run: Run, covered: NDArray[np.void], axis: str, wanted: int) -> _Near | None:
    """The nearest segment first, one at a time, until no other can hold a nearer point."""
    within = np.clip(wanted, covered[f"first_{axis}"], covered[f"last_{axis}"])
    away = _away(within, wanted).tolist()
    best: tuple[_Near, int] | None = None
    for least, id_ in sorted(zip(away, covered["id"].tolist(), strict=True)):
        if best and (least, id_) >= (best[0].away, best[1]):
            break
        for piece in (await segments.pieces(run.id, [id_])).values():
            parts = [(piece.steps, piece.times)]
            found = await asyncio.to_thread(_nearest, parts, axis, wanted)
            if best is None or (found.away, id_) < (best[0].away, best[1]):
                best = found, id_
    return best and best[0]


def _nearest(parts: Sequence[tuple[Column, Column]], axis: str, wanted: int) -> _Near:
    steps, times = (np.concatenate(each) for each in zip(*parts, strict=True))
    away = _away(times if axis == "time" else steps, wanted)
    best = int(np.argmin(away))
    return _Near(int(away[best]), (int(steps[best]), int(times[best])))


def _away(places: Column, wanted: int) -> Column:
    """From one end of 64 bits to the other it takes 64 without a sign, and wraps to that."""
    return np.where(places < wanted, wanted - places, places - wanted).astype("u8")


def _since(extents: Iterable[tuple[int, int, int]], last: int) -> int | None:
    """A step from which on there are so many points of some column for certain."""
    counted: dict[int, int] = {}
    for key, first_step, n in extents:
        counted[key] = counted.get(key, 0) + n
        if counted[key] >= last:
            return first_step
    return None


def _table(parts: Mapping[str, Sequence[_Part]], last: int, total: int) -> Rows:
    """Columns side by side: points of the same step and time belong together, in their order."""
    columns = {name: _numbered(of) for name, of in parts.items()}
    places = [place for place, _ in columns.values()]
    every = np.unique(np.concatenate([np.empty((0, 3), "i8"), *places]), axis=0)
    shown = every[max(len(every) - last, 0) :]
    made: dict[str, Column] = {}
    for name, (place, values) in columns.items():
        column = np.full(len(shown), None, dtype=object)
        at = {tuple(row): n for n, row in enumerate(shown.tolist())}
        for row, value in zip(place.tolist(), values.tolist(), strict=True):
            if (n := at.get(tuple(row))) is not None:
                column[n] = value
        made[name] = column
    return Rows(shown[:, 0], shown[:, 1], made, max(total, len(shown)))


def _numbered(parts: Sequence[_Part]) -> tuple[Column, Column]:
    """Step, time and number among the points of that step and time; and the values there."""
    typed = typed_points(parts)
    steps, times = (np.concatenate([np.empty(0, "i8"), *[t[n] for t in typed]]) for n in (0, 1))
    values = np.concatenate([np.empty(0, "O"), *[each[2].astype("O") for each in typed]])
    order = np.lexsort((times, steps))
    steps, times, values = steps[order], times[order], values[order]
    fresh = np.ones(len(steps), bool)
    fresh[1:] = (np.diff(steps) != 0) | (np.diff(times) != 0)
    counted = np.arange(len(steps))
    nth = counted - np.maximum.accumulate(np.where(fresh, counted, 0))
    return np.stack([steps, times, nth], axis=1), values
