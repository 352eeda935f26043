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

from collections.abc import Mapping, Sequence
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
    points = cut | (spans["bucketed"] == 0)
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


def ordered(before: Plan, buckets: Mapping[int, Buckets]) -> Plan:
    """For x by time: what is not in the order of time is read as points, too."""
    wrong = [id_ for id_, of in buckets.items() if _falls(of)]
    if sum(int(buckets[id_]["n"].sum()) for id_ in wrong) > OVERLAPPING_POINTS_MAX:
        return replace(before, clean=False)
    rest = [id_ for id_ in before.buckets if id_ not in set(wrong)]
    return replace(before, payload=[*before.payload, *wrong], buckets=rest)


def _falls(of: Buckets) -> bool:
    falls = (of["flags"] & FALLING).any() or (of["time"][1:] < of["time_last"][:-1]).any()
    return bool(falls)


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
