"""What was read of one column → a line over one x, in its order (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from api.domain.folding import typed_points
from api.domain.levels import Plan, Spans, ordered
from api.records import Block, Buckets, Column, Cursor, Points, XAxis
from api.storage import coarse, segments
from runvane.wire import FLOAT_EXACT_MAX

Range = tuple[float, float] | None
Opened = Sequence[tuple[Column, Column, Column]]
_NO_POINTS = (np.empty(0, "i8"), np.empty(0, "i8"), np.empty(0))


@dataclass(frozen=True, slots=True)
class Source:
    """What was read of one column of one run."""

    spans: Spans
    plan: Plan
    # Steps, times and values that are in no segment yet.
    opened: Opened
    payloads: Mapping[int, bytes] = field(default_factory=dict[int, bytes])
    # Of the segments of the plan, one behind the other, and how many are of each.
    buckets: coarse.Buckets = field(default_factory=partial(np.empty, 0, coarse.BUCKET))
    counts: NDArray[np.intp] = field(default_factory=partial(np.empty, 0, np.intp))

    @property
    def empty(self) -> bool:
        return not len(self.spans) and not self.opened

    @property
    def begin(self) -> int:
        """The time of its first point; 0 without points."""
        times = [self.spans["first_time"], *(each[1] for each in self.opened)]
        return min((int(of.min()) for of in times if len(of)), default=0)

    def of_plan(self, name: str) -> Column:
        """What its spans say of the segments whose buckets are planned."""
        # Oldest first: in the order of their ids.
        places = np.searchsorted(self.spans["id"], np.array(self.plan.buckets, "i8"))
        return self.spans[name][places]


def opened_points(blocks: Iterable[Block], metric: str, column: str) -> Opened:
    """Steps, times and values of a column, as they came."""
    return [
        (block.steps, block.times, block.columns[column])
        for block in blocks
        if block.name == metric and column in block.columns
    ]


def bucketed(source: Source, held: Mapping[int, bytes], *, by_time: bool) -> Source:
    """With the buckets of its plan, which `held` has where they are no outlines."""
    if source.plan.column == "outline":
        blobs = source.of_plan("outline").tolist()
    else:
        blobs = [held[id_] for id_ in source.plan.buckets]
    buckets, counts = coarse.heard(blobs), coarse.counts(blobs)
    if not by_time:
        return replace(source, buckets=buckets, counts=counts)
    plan, left = ordered(source.plan, buckets, counts)
    buckets = buckets[np.repeat(left, counts)]
    return replace(source, plan=plan, buckets=buckets, counts=counts[left])


def line(
    source: Source, x_source: Source | None, axis: XAxis, within: Range, cursor: Cursor
) -> Points | Buckets:
    """With `x_source` the values of another column are x. `within` is in the units of x."""
    # Values of another column are x: where a point lies is known only with these.
    points = _points(source, axis, None if x_source else within)
    if source.plan.buckets or (x_source and x_source.plan.buckets):
        if x_source:
            return _against(_buckets(source, points, axis), x_source, within, cursor)
        return _buckets(source, points, axis, cursor)
    steps, times, values = points
    if axis is XAxis.STEP:
        x = steps
    elif x_source:
        other = _points(x_source)
        x, places = _matched(steps, other[0], other[2])
        values = values[places]
        if within is not None:
            inside = (x >= within[0]) & (x <= within[1])
            x, values = x[inside], values[inside]
    else:
        x = times - source.begin if axis is XAxis.RELATIVE else times
    if len(x) > 1 and not (x[1:] >= x[:-1]).all():
        order = np.argsort(x, kind="stable")
        x, values = x[order], values[order]
    return Points(x, values, cursor)


def _points(
    source: Source, axis: XAxis = XAxis.STEP, within: Range = None
) -> tuple[Column, Column, Column]:
    """Numbers of a column in the order of (step, time)."""
    if source.empty:
        return _NO_POINTS
    pieces = [segments.piece(0, source.payloads[id_]) for id_ in sorted(source.payloads)]
    parts = [(each.steps, each.times, each.values) for each in pieces]
    begin = source.begin
    parts = [_inside(each, axis, within, begin) for each in (*parts, *source.opened)]
    numbers = [each for each in typed_points(parts) if each[2].dtype.kind in "fi"]
    if len(numbers) == 1:
        return numbers[0]
    empty = np.empty(0, "i8")
    steps = np.concatenate([empty, *[each[0] for each in numbers]])
    times = np.concatenate([empty, *[each[1] for each in numbers]])
    values = _joined([each[2] for each in numbers])
    order = np.lexsort((times, steps))
    return steps[order], times[order], values[order]


def _inside(
    points: tuple[Column, Column, Column], axis: XAxis, within: Range, begin: int
) -> tuple[Column, Column, Column]:
    if within is None or not len(points[0]):
        return points
    x = points[0] if axis is XAxis.STEP else points[1]
    x = x - begin if axis is XAxis.RELATIVE else x
    inside = (x >= within[0]) & (x <= within[1])
    first, n = int(inside.argmax()), np.count_nonzero(inside)
    # Side by side they need no copy.
    part = slice(first, first + n) if inside[first : first + n].all() else inside
    return points[0][part], points[1][part], points[2][part]


def _buckets(
    source: Source,
    points: tuple[Column, Column, Column],
    axis: XAxis,
    cursor: Cursor | None = None,
) -> Buckets:
    """The buckets that were read, and the points as buckets between them."""
    content = source.buckets
    by_step = axis in (XAxis.STEP, XAxis.METRIC)
    if by_step:
        x, x_last = content["step"], _last_steps(source, content["step"])
    else:
        x, x_last = content["time"], content["time_last"]
    steps, times, values = points
    if len(steps):
        if not by_step:
            order = np.argsort(times, kind="stable")
            steps, times, values = steps[order], times[order], values[order]
        own = steps if by_step else times
        borders = np.searchsorted(own, np.sort(x))
        starts = np.unique([*coarse.cuts(own, times), *borders[borders < len(own)]])
        content = np.append(content, coarse.buckets(steps, times, values, starts))
        x = np.append(x, own[starts])
        x_last = np.append(x_last, own[np.append(starts[1:], len(own)) - 1])
    if not (x[1:] > x[:-1]).all():
        order = np.lexsort((content["time"] if by_step else content["step"], x))
        x, x_last, content = x[order], x_last[order], content[order]
    clean = np.ones(len(x), np.bool_)
    if source.plan.clean:
        clean[1:] = np.maximum.accumulate(x_last)[:-1] < x[1:]
    moved = source.begin if axis is XAxis.RELATIVE else 0
    return Buckets(x - moved, x_last - moved, clean, content, cursor or {})


def _last_steps(source: Source, first: Column) -> Column:
    """A bucket ends before the next one of its segment, the last one where the segment does."""
    made = np.append(first[1:], 0) - 1 if len(first) else first.copy()
    made[np.cumsum(source.counts) - 1] = source.of_plan("last_step")
    return made


def _against(y: Buckets, x_source: Source, within: Range, cursor: Cursor) -> Buckets:
    """
    Give each bucket of y one x: the mean of the bucket of x in which its first step lies.

    What has no x there is left out.
    """
    other = _buckets(x_source, _points(x_source), XAxis.STEP)
    place = np.searchsorted(other.x, y.x, side="right") - 1
    if not len(other.x):
        place = np.full(len(y.x), -1)
    known = (place >= 0) & (other.x_last[place] >= y.x) if len(other.x) else place >= 0
    x = other.content["mean"][np.maximum(place, 0)] if len(other.x) else np.empty(len(y.x))
    known &= np.isfinite(x)
    if within is not None:
        known &= (x >= within[0]) & (x <= within[1])
    places = np.flatnonzero(known)
    places = places[np.argsort(x[places], kind="stable")]
    x, content = x[places], y.content[places]
    return Buckets(x, x, np.ones(len(x), np.bool_), content, cursor)


def _joined(columns: Sequence[Column]) -> Column:
    """One column of integers and one of floats; large integers stay what they are."""
    if len(columns) == 1:
        return columns[0]
    large = any(
        # As integers: 2^53 + 1 as a float is 2^53.
        column.dtype.kind == "i"
        and not -FLOAT_EXACT_MAX <= column.min() <= column.max() <= FLOAT_EXACT_MAX
        for column in columns
    )
    dtype = np.dtype("O") if large else np.dtype("f8")
    return np.concatenate([np.empty(0, dtype), *[column.astype(dtype) for column in columns]])


def _matched(steps: Column, x_steps: Column, x_values: Column) -> tuple[Column, Column]:
    """The last finite x of each step, and the places of the points that have one."""
    x = x_values.astype("f8")
    known = np.isfinite(x)
    # Reversed, because the first one of each step is given.
    at, place = np.unique(x_steps[known][::-1], return_index=True)
    x = x[known][::-1][place]
    if not len(at):
        return np.empty(0), np.empty(0, "i8")
    found = np.minimum(np.searchsorted(at, steps), len(at) - 1)
    kept_places = np.flatnonzero(at[found] == steps)
    return x[found[kept_places]], kept_places
