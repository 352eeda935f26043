"""
How finely each segment of a line is read (pure).

Few points are read as they are: then everything is exact. Of many, whole segments are
read as their buckets, the coarser ones where these are at least twice as many
as the places of x asked for. Read as points are always the short ones, those on which
an end of the range falls, and those that overlap others: so a bucket never
reaches over the range, or over points that came late. Only where more than a million
points overlap are their buckets taken as they are: no extreme is lost then, but a bucket counts
where its first point lies.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from api.records import Column, XAxis
from api.storage.coarse import FALLING, OUTLINE_POINTS, Buckets

RAW_POINTS_MAX = 262_144
OVERLAPPING_POINTS_MAX = 1_048_576
BUCKETS_PER_PLACE = 2

Spans = NDArray[np.void]
Range = tuple[float, float] | None
STEPS, TIMES = ("first_step", "last_step"), ("first_time", "last_time")


@dataclass(frozen=True, slots=True)
class Plan:
    """Ids of segments; buckets come from `column`, in the order of x."""

    payload: Sequence[int] = ()
    buckets: Sequence[int] = ()
    column: str = "coarse"
    # No bucket reaches over other points.
    clean: bool = True


def plan(spans: Spans, axis: XAxis, within: Range, opened: Column, places: int) -> Plan:
    """`opened`: the steps, or times, of points that are in no segment yet."""
    by_step = axis in (XAxis.STEP, XAxis.METRIC)
    (first, last), other = (STEPS, TIMES) if by_step else (TIMES, STEPS)
    low, high = within or (-np.inf, np.inf)
    spans = spans[(spans[last] >= low) & (spans[first] <= high)]
    spans = spans[np.lexsort((spans[other[0]], spans[first]))]
    if spans["n"].sum() + len(opened) <= RAW_POINTS_MAX:
        return Plan(spans["id"].tolist())
    cut = (spans[first] < low) | (spans[last] > high)
    points = cut | ~spans["bucketed"]
    at = np.sort(opened)
    met = np.searchsorted(at, spans[first]) < np.searchsorted(at, spans[last], "right")
    overlapping = ~points & (met | _overlapping(spans, (first, last), other))
    clean = bool(spans["n"][overlapping].sum() <= OVERLAPPING_POINTS_MAX)
    if clean:
        points |= overlapping
    rest = spans[~points]
    few = rest["n"].sum() >= OUTLINE_POINTS * BUCKETS_PER_PLACE * places
    column = "outline" if few else "coarse"
    return Plan(spans["id"][points].tolist(), rest["id"].tolist(), column, clean)


def ordered(
    before: Plan, buckets: Buckets, counts: NDArray[np.intp]
) -> tuple[Plan, NDArray[np.bool_]]:
    """
    For x by time: what is not in the order of time is read as points, too.

    `counts`: how many buckets each segment has. Given as well is whose buckets are still to
    be taken.
    """
    starts = np.cumsum(counts) - counts
    falls = (buckets["flags"] & FALLING) > 0
    later = buckets["time"][1:] < buckets["time_last"][:-1]
    # Between two segments it is no matter of either.
    later[starts[1:] - 1] = False
    falls[1:] |= later
    wrong = np.logical_or.reduceat(falls, starts)
    if buckets["n"][np.repeat(wrong, counts)].sum() > OVERLAPPING_POINTS_MAX:
        return replace(before, clean=False), np.ones_like(wrong)
    ids = np.array(before.buckets)
    payload = [*before.payload, *ids[wrong].tolist()]
    return replace(before, payload=payload, buckets=ids[~wrong].tolist()), ~wrong


def _overlapping(spans: Spans, ends: tuple[str, str], other: tuple[str, str]) -> NDArray[np.bool_]:
    """Which reach over the first x of one behind them, or are reached over."""
    first, last = ends
    reach = np.maximum.accumulate(spans[last])
    # Of one that begins where the one before it ends, all points are behind that one's.
    touching = (reach[:-1] == spans[first][1:]) & (spans[other[1]][:-1] <= spans[other[0]][1:])
    apart = np.ones(len(spans), np.bool_)
    apart[1:] = (reach[:-1] < spans[first][1:]) | touching
    group = np.cumsum(apart)
    return np.bincount(group)[group] > 1
