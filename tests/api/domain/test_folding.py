"""Folding moves points and changes none: what is read before, meanwhile and after is the same."""

import asyncio
import gc
import itertools
import math
import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.domain import background, metrics, runs, series
from api.live import Live
from api.records import (
    Block,
    ColumnType,
    MetricColumn,
    MetricKind,
    RunStatus,
    SeriesQuery,
    Start,
    Stat,
    Status,
    Summary,
    Wanted,
)
from api.storage import frames, upkeep
from api.storage import metrics as kept
from api.storage.database import select, writing
from tests.api.scripts import OWNER, Script, block, deliver, fold_all

pytestmark = pytest.mark.anyio
NAN, INF = math.nan, math.inf
RUNS = itertools.count()


async def summaries(run_id: str = "r1") -> dict[tuple[str, str], Summary]:
    run = await runs.get(OWNER, run_id)
    found = (await metrics.summaries(OWNER, [run]))[run.id]
    return {(each.metric, each.column): each for each in found}


async def test_what_is_known_of_a_column_is_exact(live: Live, script: Script) -> None:
    await script.log("loss", [4.0, 1.0, NAN, 8.0], [0, 1, 2, 3])
    await fold_all(live)
    await script.log("loss", [1.0, INF, 8.0], [7, 9, 8])
    await script.log("loss", [2.0], [-5])
    await fold_all(live)
    loss = (await summaries())["loss", "value"]
    assert (loss.n, loss.n_finite, loss.mean) == (8, 6, 4.0)
    assert (loss.min, loss.min_step, loss.max, loss.max_step) == (1.0, 1, 8.0, 3)
    assert (loss.first, loss.last, loss.last_step) == (2.0, INF, 9)


async def test_a_sum_beyond_all_numbers_keeps_no_points_waiting(live: Live, script: Script) -> None:
    for values in ([1e308, 1e308], [-1e308, -1e308], [1.0]):
        await script.log("loss", values)
        await fold_all(live)
    # So long that numpy sums both halves first.
    await script.log("both", [1e308] * 512 + [-1e308] * 512)
    await fold_all(live)
    found = await summaries()
    assert (found["loss", "value"].n, found["both", "value"].n) == (5, 1024)


async def test_more_metrics_than_a_statement_takes_values_are_folded(
    live: Live, script: Script
) -> None:
    for _ in range(2):
        await script.send(blocks=[block(f"m{n}", [1.0]) for n in range(33_000)])
        await fold_all(live)
    found = await summaries()
    assert len(found) == 33_000
    assert {each.n for each in found.values()} == {2}


async def test_nobody_waits_for_the_collector_while_many_metrics_are_folded(
    live: Live, script: Script
) -> None:
    walks: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            walks.append(info["generation"])

    await script.send(blocks=[block(f"m{n}", [1.0]) for n in range(12_000)])
    (waiting,) = await upkeep.waiting()
    gc.callbacks.append(note)
    try:
        await background.fold(live, waiting)
    finally:
        gc.callbacks.remove(note)
    # One may begin before the fold does.
    assert len(walks) <= 1
    assert gc.isenabled()


@pytest.mark.parametrize("last", [NAN, INF, -INF])
async def test_the_last_value_is_said_when_it_is_no_finite_number(
    live: Live, script: Script, last: float
) -> None:
    await script.log("loss", [0.5, last])
    await fold_all(live)
    assert repr((await summaries())["loss", "value"].last) == repr(last)


async def test_texts_booleans_and_gaps_are_kept_as_they_are(live: Live, script: Script) -> None:
    columns = {"note": ["a", None, ""], "ok": [True, False, True], "x": [1, None, 3]}
    await script.send(blocks=[block("t", columns, kind=MetricKind.TABLE)])
    run = await runs.get(OWNER, "r1")
    before = await metrics.rows(OWNER, run, "t", last=10)
    await fold_all(live)
    after = await metrics.rows(OWNER, run, "t", last=10)
    for rows in (before, after):
        assert rows.total == 3
        assert {name: of.tolist() for name, of in rows.columns.items()} == columns
    found = await summaries()
    assert [name for _, name in found] == ["note", "ok", "x"]
    assert [each.type for each in found.values()] == [
        ColumnType.TEXT,
        ColumnType.BOOLEAN,
        ColumnType.NUMBER,
    ]
    assert [each.n for each in found.values()] == [2, 3, 2]
    assert found["t", "note"].last is None


async def test_the_first_kind_stays_and_points_of_another_are_kept(
    live: Live, script: Script
) -> None:
    await script.log("loss", [0.5])
    await fold_all(live)
    other = block("loss", {"value": [0.4], "more": [1.0]}, [1], kind=MetricKind.ROW)
    for _ in range(2):
        await script.send(blocks=[other])
        await fold_all(live)
    found = await summaries()
    assert {each.kind for each in found.values()} == {MetricKind.SCALAR}
    assert [each.n for each in found.values()] == [3, 2]
    run = await runs.get(OWNER, "r1")
    assert len(run.warnings) == 1
    names = await kept.names(run.experiment_id, "lo", 10)
    assert names == [
        MetricColumn("loss", "more", MetricKind.SCALAR),
        MetricColumn("loss", "value", MetricKind.SCALAR),
    ]


async def test_of_two_folds_of_one_frame_one_is_kept(live: Live, script: Script) -> None:
    await script.log("loss", [0.5])
    (waiting,) = await upkeep.waiting()
    (frame,) = (await frames.opened([waiting.run]))[waiting.run]
    await asyncio.gather(*[background.fold(live, waiting) for _ in range(2)])
    async with writing():
        assert not await frames.mark_folded(waiting.run, [frame.id], 0)
    assert (await summaries())["loss", "value"].n == 1
    assert len(await select("SELECT id FROM segment WHERE run = ?", waiting.run)) == 1


async def test_cells_come_in_the_order_asked_for(live: Live, script: Script) -> None:
    await script.log("loss", [4.0, 2.0])
    await script.log("epoch", [7])
    await fold_all(live)
    run = await runs.get(OWNER, "r1")
    wanted = [
        Wanted("epoch", "value", Stat.LAST),
        Wanted("none", "value", Stat.LAST),
        *[Wanted("loss", "value", stat) for stat in Stat],
    ]
    cells = await metrics.cells(OWNER, [run], wanted)
    assert cells[run.id] == [7.0, None, 2.0, 2.0, 4.0, 4.0, 3.0, 2]


async def test_the_newest_rows_come_from_few_segments(live: Live, script: Script) -> None:
    for step in range(0, 50, 10):
        await script.log("loss", [float(n) for n in range(step, step + 10)], range(step, step + 10))
        await fold_all(live)
    await script.log("loss", [0.5, 0.25], [49, 49])
    run = await runs.get(OWNER, "r1")
    rows = await metrics.rows(OWNER, run, "loss", last=4)
    assert rows.steps.tolist() == [48, 49, 49, 49]
    assert rows.columns["value"].tolist() == [48.0, 49.0, 0.5, 0.25]
    assert rows.total == 52


async def test_folding_begins_at_once_and_an_end_hurries_it(live: Live) -> None:
    async with background.keeping(live):
        script = Script(live)
        await script.start()
        for step in range(3):
            await script.log("loss", [float(step)], [step])
        await script.send(Status(RunStatus.COMPLETED))
        with live.listening("r1") as moved:
            while ("loss", "value") not in (found := await summaries()) or (
                found["loss", "value"].n < 3
            ):
                await moved.wait()
                moved.clear()
    assert (await summaries())["loss", "value"].last == 2.0


# Sums of these are exact in whatever order they are summed.
VALUES = st.sampled_from([0.5, -2.0, 1024.0, 3.0, NAN, INF, -INF])
BATCHES = st.lists(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 30), VALUES), max_size=6),
    min_size=1,
    max_size=8,
)


@dataclass
class Model:
    """What everybody sent, in plain Python."""

    points: dict[str, list[tuple[int, int, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def summary(self, metric: str) -> tuple[Any, ...]:
        points = sorted(self.points[metric], key=lambda point: point[:2])
        finite = [point for point in points if math.isfinite(point[2])]
        values = [value for _, _, value in finite]
        return (
            len(points),
            len(finite),
            repr(points[-1][2]),
            points[-1][0],
            values[0] if values else None,
            min(values, default=None),
            max(values, default=None),
            sum(values) / len(values) if values else None,
            min((s for s, _, v in finite if v == min(values)), default=None),
            min((s for s, _, v in finite if v == max(values)), default=None),
        )


def told(summary: Summary) -> tuple[Any, ...]:
    return (
        summary.n,
        summary.n_finite,
        repr(summary.last),
        summary.last_step,
        summary.first,
        summary.min,
        summary.max,
        summary.mean,
        summary.min_step,
        summary.max_step,
    )


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(BATCHES, min_size=4, max_size=4), st.integers(0, 2**32))
async def test_writers_that_retry_and_folds_that_race_equal_a_plain_model(
    live: Live, scripts: list[list[list[tuple[str, int, float]]]], seed: int
) -> None:
    run, dice, model = f"run-{next(RUNS)}", random.Random(seed), Model()
    writing = True
    times = iter(range(10**9))

    async def write(name: str, batches: list[list[tuple[str, int, float]]]) -> None:
        script = Script(live, run, name)
        sent = [script.batch(Start(experiment="mnist"))]
        await deliver(live, sent[0])
        for points in batches:
            blocks: list[Block] = []
            for metric, step, value in points:
                # No two points share step and time: which of them is last would be chance.
                at = next(times)
                model.points[metric].append((step, at, value))
                blocks.append(block(metric, [value], [step], times=[at]))
            sent.append(script.batch(blocks=blocks))
            await deliver(live, sent[-1])
            if dice.random() < 0.3:
                await deliver(live, sent[-1])
            if dice.random() < 0.3:
                assert await deliver(live, dice.choice(sent)) == len(sent) - 1

    async def race() -> None:
        while writing or any(each.public_id == run for each in await upkeep.waiting()):
            for each in await upkeep.waiting():
                await background.fold(live, each)
            await asyncio.sleep(0)

    folds = [asyncio.create_task(race()) for _ in range(2)]
    await asyncio.gather(*[write(f"w{n}", batches) for n, batches in enumerate(scripts)])
    writing = False
    await asyncio.gather(*folds)
    await equal(run, model)


async def equal(run: str, model: Model) -> None:
    found = await summaries(run)
    assert {metric for metric, _ in found} == set(model.points)
    for metric, points in model.points.items():
        assert told(found[metric, "value"]) == model.summary(metric)
        asked = SeriesQuery(runs=[run], metric=metric, points_max=5000)
        drawn = await series.series(OWNER, asked)
        assert drawn.points_total == len(points)
        (line,) = drawn.lines
        for place, step in enumerate(drawn.x.tolist()):
            here = sorted((t, v) for s, t, v in points if s == step and math.isfinite(v))
            values = [value for _, value in here]
            assert line.min[place] == min(values, default=None)
            assert line.max[place] == max(values, default=None)
            assert line.first[place] == (values[0] if values else None)
            assert line.last[place] == (values[-1] if values else None)
        rows = await metrics.rows(OWNER, await runs.get(OWNER, run), metric, last=1000)
        stored = zip(
            rows.steps.tolist(), rows.times.tolist(), rows.columns["value"].tolist(), strict=True
        )
        assert [repr(each) for each in stored] == [repr(each) for each in sorted(points, key=first)]


def first(point: tuple[int, int, float]) -> tuple[int, int]:
    return point[:2]
