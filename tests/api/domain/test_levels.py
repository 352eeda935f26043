"""However a line was logged and however it is zoomed: what is shown is what its points say."""

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from api.domain import compaction, levels, series
from api.live import Live
from api.records import Line, Mark, Method, Series, SeriesQuery, XAxis
from api.storage import coarse, segments
from api.storage.database import execute, select, writing
from api.storage.keys import metric_key, run_key
from api.storage.segments import Piece
from tests.api.scripts import OWNER, Script, block

pytestmark = pytest.mark.anyio
NAN, INF = float("nan"), float("inf")
RUN = run_key("r1")
LOSS = SeriesQuery(runs=["r1"], metric="loss")
LONG = bool(os.environ.get("RUNVANE_CHARTER"))
Points = tuple[Any, Any, Any]


@dataclass
class Model:
    """The points as they were logged, for a reader that knows no levels."""

    steps: Any
    times: Any
    values: Any

    def ordered(self, axis: XAxis) -> tuple[Any, Any]:
        order = np.lexsort((self.times, self.steps))
        x = (self.steps if axis is XAxis.STEP else self.times)[order]
        if axis is XAxis.RELATIVE:
            x = x - self.times.min()
        by_x = np.argsort(x, kind="stable")
        return x[by_x], self.values[order][by_x]


async def load(parts: Sequence[Points], metric: str = "loss") -> Model:
    """Each part as a fold would leave it; the last one stays in an open frame."""
    (row,) = await select("SELECT experiment FROM run WHERE id = ?", RUN)
    key = metric_key(row["experiment"], metric, "value")
    for steps, times, values in parts[:-1]:
        order = np.lexsort((times, steps))
        piece = Piece(key, steps[order], times[order], values[order])
        rows = segments.rows_of(RUN, [piece])
        async with writing():
            await segments.insert(rows)
    return Model(*(np.concatenate(column) for column in zip(*parts, strict=True)))


async def load_all(script: Script, parts: Sequence[Points], metric: str = "loss") -> Model:
    model = await load(parts, metric)
    steps, times, values = parts[-1]
    await script.send(blocks=[replace(block(metric, values.tolist(), steps), times=times)])
    return model


def split(points: Points, *sizes: int) -> Sequence[Points]:
    """Parts of these sizes, over and over; the last one is short."""
    at, made, n = 0, list[Points](), len(points[0])
    while at < n - 50:
        size = min(sizes[len(made) % len(sizes)], n - 50 - at)
        made.append(tuple(column[at : at + size] for column in points))
        at += size
    return [*made, tuple(column[at:] for column in points)]


def noise(dice: Any, n: int) -> Any:
    return dice.normal(size=n).astype("f4").astype("f8")


def in_order(dice: Any, n: int) -> Sequence[Points]:
    times = np.cumsum(dice.integers(0, 20, n))
    return split((np.arange(n) * 3 - n, times, noise(dice, n)), 65_000, 8_000, 500)


def repeated(dice: Any, n: int) -> Sequence[Points]:
    """Many points of one step, and of one millisecond."""
    steps, times = np.cumsum(dice.integers(0, 2, n)), np.arange(n) // 100
    return split((steps, times, noise(dice, n)), 100_000, 30_000)


def out_of_order(dice: Any, n: int) -> Sequence[Points]:
    """Twice back to an earlier step, and some points that come very late."""
    steps = np.arange(n)
    steps[n // 2 :] -= n // 8
    steps[3 * n // 4 :] -= n // 16
    late = dice.integers(0, n, 40)
    steps[-40:] = np.where(late % 2, steps[-40:], late)
    times = np.arange(n) * 2
    return split((steps, times, noise(dice, n)), 60_000)


def several_writers(dice: Any, n: int) -> Sequence[Points]:
    """Three ranks that log the same steps, with clocks of their own."""
    each = n // 3
    steps = [np.arange(each) for _ in range(3)]
    times = [np.arange(each) * 3 + rank * 500 for rank in range(3)]
    parts = [split((steps[r], times[r], noise(dice, each)), 50_000) for r in range(3)]
    return [part for of in zip(*parts, strict=True) for part in of]


def with_gaps(dice: Any, n: int) -> Sequence[Points]:
    """Pauses in steps and times, NaN for long, and infinities here and there."""
    steps = np.cumsum(np.where(dice.random(n) < 0.0001, 100_000, 1))
    times = np.cumsum(np.where(dice.random(n) < 0.0001, 10_000_000, 5))
    values = noise(dice, n)
    values[n // 3 : n // 3 + 20_000] = NAN
    values[dice.integers(0, n, 30)] = INF
    values[dice.integers(0, n, 30)] = -INF
    values[dice.integers(0, n, 30)] = NAN
    return split((steps, times, values), 65_536, 20_000)


LAYOUTS: Sequence[Callable[[Any, int], Sequence[Points]]] = [
    in_order, repeated, out_of_order, several_writers, with_gaps,
]  # fmt: skip


async def draw(**changed: Any) -> Series:
    return await series.series(OWNER, replace(LOSS, **changed))


def check(drawn: Series, x: Any, values: Any) -> None:
    """`x` and `values`: the points that are in the range, in their order."""
    (line,) = drawn.lines
    assert drawn.points_total == len(x)
    if not len(x):
        assert not len(drawn.x)
        return
    assert drawn.x[0] == x[0]
    borders = [*np.searchsorted(x, drawn.x).tolist(), len(x)]
    # Every place begins with a point that is there.
    assert (x[borders[:-1]] == drawn.x).all()
    marks: list[Mark] = []
    for n in range(len(drawn.x)):
        part = values[borders[n] : borders[n + 1]]
        check_place(line, n, part)
        if not np.isfinite(part).all():
            marks += [Mark(float(drawn.x[n]), kind) for kind in kinds_in(part)]
    assert set(marks) == set(line.marks)


def kinds_in(values: Any) -> set[str]:
    names = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    return {names[str(value)] for value in values[~np.isfinite(values)].tolist()}


def check_place(line: Line, n: int, part: Any) -> None:
    finite = part[np.isfinite(part)]
    if not len(finite):
        assert [line.min[n], line.max[n], line.first[n], line.last[n], line.mean[n]] == [None] * 5
        return
    assert (line.min[n], line.max[n]) == (finite.min(), finite.max())
    assert (line.first[n], line.last[n]) == (finite[0], finite[-1])
    assert line.mean[n] == pytest.approx(finite.mean(), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("axis", [XAxis.STEP, XAxis.TIME])
async def test_a_thousand_windows_show_what_a_reader_of_all_points_sees(
    live: Live, script: Script, layout: Any, axis: XAxis
) -> None:
    dice = np.random.default_rng(LAYOUTS.index(layout))
    model = await load_all(script, layout(dice, 700_000))
    if dice.random() < 0.5:
        await compaction.compact(RUN, ended=True)
    x, values = model.ordered(axis)
    methods: set[Method] = set()
    begin, extent = float(x[0]), float(x[-1] - x[0])
    for _ in range(100):
        places = int(dice.integers(3, 120))
        width = 10 ** dice.uniform(-6, 0.1)
        low = begin + extent * dice.uniform(-0.1, 1.0)
        high = low + extent * width
        low = float(x[dice.integers(len(x))]) if dice.random() < 0.2 else low
        drawn = await draw(x=axis, range=(low, high), points_max=places)
        inside = slice(np.searchsorted(x, low), np.searchsorted(x, high, side="right"))
        check(drawn, x[inside], values[inside])
        methods.add(drawn.method)
    assert Method.BUCKETS in methods
    check(await draw(x=axis, points_max=40), x, values)


async def test_twenty_spikes_are_seen_at_every_zoom(live: Live, script: Script) -> None:
    n = 10_000_000 if LONG else 1_000_000
    dice = np.random.default_rng(3)
    values = noise(dice, n)
    spikes = np.sort(dice.choice(n, 20, replace=False))
    values[spikes] = np.where(np.arange(20) % 2, 1000.0, -1000.0) + np.arange(20)
    strange = np.sort(dice.choice(np.setdiff1d(np.arange(n), spikes), 6, replace=False))
    values[strange] = [NAN, INF, -INF] * 2
    await load_all(script, split((np.arange(n), np.arange(n) * 3, values), 500_000))
    for centre in [*spikes.tolist(), *strange.tolist()]:
        width = float(n)
        while width > 100:
            low, high = max(centre - width * 0.3, 0.0), centre + width * 0.7
            drawn = await draw(range=(low, high), points_max=500)
            (line,) = drawn.lines
            within = (spikes >= low) & (spikes <= high)
            shown = {value for of in (line.min, line.max) for value in of if value is not None}
            assert set(values[spikes[within]].tolist()) <= shown
            kinds = {m.kind for m in line.marks}
            within = (strange >= low) & (strange <= high)
            assert kinds == kinds_in(values[strange[within]])
            width /= 10


async def test_zooming_out_shows_what_zooming_in_showed(live: Live, script: Script) -> None:
    n = 600_000
    dice = np.random.default_rng(4)
    await load_all(script, split((np.arange(n), np.arange(n), noise(dice, n)), 65_536))
    whole = await draw(points_max=100)
    (line,) = whole.lines
    edges = [*whole.x.tolist(), n]
    for place in random.Random(1).sample(range(len(whole.x)), 20):
        inside = await draw(range=(edges[place], edges[place + 1] - 1), points_max=50)
        (part,) = inside.lines
        assert (line.min[place], line.max[place]) == (part.min.min(), part.max.max())
        assert (line.first[place], line.last[place]) == (part.first[0], part.last[-1])


async def test_the_least_step_that_there_is_lies_in_a_range_that_reaches_over_it(
    live: Live, script: Script
) -> None:
    least = -(2**63)
    await load([(np.array([least]), np.array([1]), np.array([5.0]))] * 2)
    drawn = await draw(range=(-1e300, 0.0))
    assert (drawn.x.tolist(), drawn.lines[0].mean.tolist()) == ([least], [5.0])


async def test_only_segments_whose_own_times_fall_are_read_as_points() -> None:
    times = [(0, 5), (5, 9), (10, 19), (15, 20), (3, 4), (5, 6), (7, 8)]
    buckets = np.zeros(len(times), coarse.BUCKET)
    buckets["time"], buckets["time_last"] = zip(*times, strict=True)
    buckets["flags"][6] = coarse.FALLING
    before = levels.Plan(payload=[1], buckets=[7, 8, 9, 10])
    plan, left = levels.ordered(before, buckets, np.array([2, 2, 2, 1]))
    assert (plan.payload, plan.buckets) == ([1, 8, 10], [7, 9])
    assert left.tolist() == [True, False, True, False]


@pytest.mark.parametrize("axis", [XAxis.STEP, XAxis.TIME])
async def test_segments_without_buckets_are_read_among_those_that_have_them(
    live: Live, script: Script, axis: XAxis
) -> None:
    dice = np.random.default_rng(7)
    model = await load_all(script, in_order(dice, 700_000))
    async with writing():
        changed = await execute(
            "UPDATE segment SET outline = NULL, coarse = NULL WHERE run = ? AND first_step % 2 = 0"
            " AND outline IS NOT NULL",
            RUN,
        )
    assert changed > 2
    x, values = model.ordered(axis)
    for places in (5, 50):
        check(await draw(x=axis, points_max=places), x, values)


async def test_relative_time_begins_with_the_first_point_at_every_zoom(
    live: Live, script: Script
) -> None:
    dice = np.random.default_rng(6)
    model = await load_all(script, in_order(dice, 400_000))
    x, values = model.ordered(XAxis.RELATIVE)
    assert x[0] == 0
    check(await draw(x=XAxis.RELATIVE, points_max=50), x, values)
    low, high = 1e6, 3.5e6
    drawn = await draw(x=XAxis.RELATIVE, range=(low, high), points_max=20)
    inside = (x >= low) & (x <= high)
    check(drawn, x[inside], values[inside])


async def test_long_lines_against_another_column_keep_their_extremes(
    live: Live, script: Script
) -> None:
    n = 500_000
    dice = np.random.default_rng(8)
    steps = np.arange(n)
    values = noise(dice, n)
    values[123_456], values[400_001] = 77.0, -77.0
    await load_all(script, split((steps, steps, values), 65_536))
    await load_all(script, split((steps, steps, np.sqrt(steps)), 65_536), "x")
    drawn = await draw(x=XAxis.METRIC, x_metric="x", points_max=100)
    (line,) = drawn.lines
    assert (drawn.points_total, len(drawn.x) <= 100) == (n, True)
    place = int(np.argmax(line.max))
    assert (line.max.max(), line.min.min()) == (77.0, -77.0)
    # A bucket has one x: the mean over its 256 points.
    assert drawn.x[place] <= np.sqrt(123_456) <= drawn.x[place + 1]
    few = await draw(x=XAxis.METRIC, x_metric="x", range=(0.0, 100.0), points_max=100)
    assert few.x[-1] <= 100.0


async def test_several_long_runs_share_one_x_and_lose_no_extreme(
    live: Live, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = np.random.default_rng(9)
    model = await load_all(script, several_writers(dice, 600_000))
    other = Script(live, "r2", "w2")
    await other.start()
    await other.log("loss", [5.0, 7.0], [10, 90_000])
    for limit in (levels.OVERLAPPING_POINTS_MAX, 1000):
        monkeypatch.setattr(levels, "OVERLAPPING_POINTS_MAX", limit)
        drawn = await draw(runs=["r1", "r2"], points_max=50)
        first, second = drawn.lines
        assert drawn.points_total == 600_002
        assert min(v for v in first.min if v is not None) == model.values.min()
        assert max(v for v in first.max if v is not None) == model.values.max()
        assert [v for v in second.mean if v is not None] == [5.0, 7.0]
