"""Segments become few and long, and not a point is lost, doubled or moved on the way."""

import asyncio
import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from api.domain import background, compaction
from api.domain.compaction import MERGE, plans_of
from api.live import Live
from api.records import RunStatus, Status
from api.storage import segments, upkeep
from api.storage.database import select, writing
from api.storage.keys import metric_key, run_key
from api.storage.segments import POINTS_ENOUGH, POINTS_MAX, Extent, Piece
from tests.api.scripts import Script, block, fold_all

pytestmark = pytest.mark.anyio
RUN = run_key("r1")
Point = tuple[int, int, Any]


async def experiment() -> int:
    (row,) = await select("SELECT experiment FROM run WHERE id = ?", RUN)
    return row["experiment"]


async def key_of(metric: str) -> int:
    return metric_key(await experiment(), metric, "value")


async def points(metric: str = "loss") -> Sequence[Point]:
    """As they are kept, segment by segment."""
    found = await segments.read([RUN], [await key_of(metric)])
    return [
        point
        for each in found[RUN]
        for point in zip(
            each.steps.tolist(), each.times.tolist(), each.values.tolist(), strict=True
        )
    ]


async def shapes(metric: str = "loss") -> Sequence[Extent]:
    return await segments.shapes(RUN, [await key_of(metric)])


async def load(*sizes: int, first_step: int = 0) -> None:
    """Segments as folds leave them."""
    key, at = await key_of("loss"), first_step
    for size in sizes:
        steps = np.arange(at, at + size)
        rows = segments.rows_of(RUN, [Piece(key, steps, steps * 7, np.sin(steps))])
        async with writing():
            await segments.insert(rows)
        at += size


def extents(*levels_and_points: tuple[int, int]) -> Sequence[Extent]:
    return [Extent(n, 1, level, points, 1) for n, (level, points) in enumerate(levels_and_points)]


def planned(column: Sequence[Extent], **how: Any) -> Sequence[tuple[Sequence[int], Sequence[int]]]:
    plans = plans_of(column, **how)
    return [([e.id for e in plan.merge], [e.id for e in plan.leave]) for plan in plans]


def test_sixteen_of_a_level_become_one_of_the_next() -> None:
    assert planned(extents(*[(0, 5)] * (MERGE - 1))) == []
    assert planned(extents((1, 80), *[(0, 5)] * MERGE)) == [(list(range(1, 17)), [])]
    # The one that comes about is the sixteenth of its level.
    assert planned(extents((2, 900), *[(1, 80)] * 15, *[(0, 5)] * 16)) == [(list(range(1, 32)), [])]


def test_long_ones_are_left_and_what_lies_between_them_is_settled() -> None:
    long = (1, POINTS_ENOUGH)
    assert planned(extents(*[long] * 40)) == []
    assert planned(extents(long, (0, 5), (0, 5), long, (0, 5), long)) == [([1, 2], []), ([], [4])]
    # One that came as long as that waits for nothing either.
    assert planned(extents((0, POINTS_ENOUGH), (0, POINTS_ENOUGH))) == [([], [0, 1])]


def test_what_is_quiet_is_merged_while_that_doubles_it_and_what_ended_for_good() -> None:
    column = extents((2, 900), (1, 10), (0, 4), (0, 6))
    assert planned(column) == []
    assert planned(column, quiet_before=3) == []
    assert planned(column, quiet_before=4) == [([1, 2, 3], [])]
    assert planned(extents((0, 100), (0, 3)), quiet_before=9) == [([], [0, 1])]
    assert planned(column, ended=True) == [([0, 1, 2, 3], [])]
    assert planned(extents((1, 9), (1, 9)), ended=True) == []


async def test_a_point_is_written_again_three_times_at_most(live: Live, script: Script) -> None:
    written = 0
    for n in range(600):
        await load(64, first_step=64 * n)
        before = {(each.id, each.level) for each in await shapes()}
        await compaction.compact(RUN, ended=False)
        after = await shapes()
        written += sum(each.n for each in after if (each.id, each.level) not in before)
        assert len(after) <= 48
    await compaction.compact(RUN, ended=True)
    assert [each.n for each in await shapes()] == [600 * 64]
    assert written <= 3 * 600 * 64
    assert [step for step, _, _ in await points()] == list(range(600 * 64))


async def test_segments_stay_within_their_size_and_steps_whole(script: Script) -> None:
    key = await key_of("loss")
    for n in range(20):
        steps = np.arange(30_000 * n, 30_000 * (n + 1)) // 7
        piece = Piece(key, steps, np.arange(len(steps)), steps / 3)
        async with writing():
            await segments.insert(segments.rows_of(RUN, [piece]))
    await compaction.compact(RUN, ended=True)
    kept = await shapes()
    assert len(kept) == 5
    assert max(each.n for each in kept) <= POINTS_MAX
    rows = await select(
        "SELECT first_step, last_step, n, length(coarse) AS fine, length(outline) AS few"
        " FROM segment WHERE run = ? ORDER BY first_step",
        RUN,
    )
    assert all(a["last_step"] < b["first_step"] for a, b in pairwise(rows))
    assert all(row["fine"] > row["few"] > 0 for row in rows)
    assert len(await points()) == 600_000


async def test_late_points_find_their_place_and_equal_ones_keep_their_order(
    live: Live, script: Script
) -> None:
    dice = random.Random(5)
    model: list[Point] = []
    for n in range(40):
        steps = [dice.randint(0, 50) for _ in range(30)]
        values = [n + m / 100 for m in range(30)]
        times = [dice.randint(0, 1) for _ in steps]
        await script.send(blocks=[block("loss", values, steps, times=times)])
        model += zip(steps, times, values, strict=True)
        await fold_all(live)
        await compaction.compact(RUN, ended=False)
    await compaction.compact(RUN, ended=True)
    assert await points() == sorted(model, key=lambda point: point[:2])


async def test_types_stay_apart_and_small_integers_join_fractions(
    live: Live, script: Script
) -> None:
    for n, value in enumerate([0.5, 1, "warm", True, 2**53 + 1, False, "cold", 2.5, 3]):
        await script.log("loss", [value], [n])
        await fold_all(live)
    await compaction.compact(RUN, ended=True)
    kept = {step: value for step, _, value in await points()}
    assert [kept[n] for n in range(9)] == [0.5, 1, "warm", True, 2**53 + 1, False, "cold", 2.5, 3]
    assert type(kept[4]) is int
    assert kept[3] is True
    assert len(await shapes()) == 4
    # What cannot be one does not wait for it.
    assert await upkeep.uncompacted() == {}
    assert await compaction.compact(RUN, ended=True)


async def test_many_metrics_of_few_points_become_one_segment_each(
    live: Live, script: Script
) -> None:
    names = [f"layer/{n}" for n in range(1500)]
    for n in range(3):
        await script.send(blocks=[block(name, [float(n)], [n]) for name in names])
        await fold_all(live)
    assert await upkeep.uncompacted() == {RUN: False}
    await compaction.compact(RUN, ended=True)
    (row,) = await select("SELECT count(*) AS n, sum(n) AS points FROM segment WHERE run = ?", RUN)
    assert (row["n"], row["points"]) == (1500, 4500)
    assert await points(names[-1]) == [(n, n, float(n)) for n in range(3)]


async def test_the_server_compacts_runs_that_have_ended(live: Live, script: Script) -> None:
    await load(5, 6, 7)
    looking = compaction.Compacting()
    await looking.look()
    assert len(await shapes()) == 3
    await script.send(Status(RunStatus.COMPLETED))
    await compaction.Compacting().look()
    assert [each.n for each in await shapes()] == [18]


@pytest.mark.parametrize("seed", range(2))
async def test_racing_folds_and_compactions_change_no_point(
    live: Live, script: Script, seed: int
) -> None:
    dice = random.Random(seed)
    others = [Script(live, "r1", f"w{n}") for n in (2, 3)]
    for each in others:
        await each.start()
    model: dict[str, list[Point]] = {"loss": [], "acc": []}
    fenced = {"fold": 0, "compact": 0}

    async def write() -> None:
        for n in range(250):
            blocks = [_random_block(dice, model, name, n) for name in model]
            await dice.choice([script, *others]).send(blocks=blocks)

    async def work(task: asyncio.Task[None]) -> None:
        last = False
        while not last:
            last = task.done()
            for each in await upkeep.waiting():
                fenced["fold"] += not await background.fold(live, each)
            fenced["compact"] += not await compaction.compact(RUN, ended=dice.random() < 0.3)
            await asyncio.sleep(0)

    writing_task = asyncio.create_task(write())
    await asyncio.gather(*(work(writing_task) for _ in range(3)))
    await fold_all(live)
    await compaction.compact(RUN, ended=True)
    # They did get in each other's way.
    assert all(fenced.values())
    for name, said in model.items():
        assert await points(name) == sorted(said, key=lambda point: point[:2])
        assert len(await shapes(name)) == 1


def _random_block(dice: random.Random, model: dict[str, list[Point]], name: str, n: int) -> Any:
    size = dice.randint(1, 5)
    steps = [dice.randint(0, 20) + n for _ in range(size)]
    times = [dice.randint(0, 3) for _ in range(size)]
    values = [dice.random() for _ in range(size)]
    model[name] += zip(steps, times, values, strict=True)
    return block(name, values, steps, times=times)
