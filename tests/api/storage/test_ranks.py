"""What lists are sorted by becomes what was folded, once, whoever copies it."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from api.domain import background, ranking, runs
from api.live import Live
from api.records import RunStatus, Status
from api.storage import database, ranks, upkeep
from api.storage.keys import run_key
from api.storage.ranks import Waiting
from tests.api.scripts import OWNER, Script, fold_all

pytestmark = pytest.mark.anyio
NAN, INF = float("nan"), float("inf")


async def ranked(run: str = "r1") -> Sequence[tuple[Any, ...]]:
    rows = await database.select(
        "SELECT vlast, vmin, vmax FROM metric_rank WHERE run = ? ORDER BY id", run_key(run)
    )
    return [tuple(row.values()) for row in rows]


async def fold(live: Live) -> None:
    for each in await upkeep.waiting():
        await background.fold(live, each)


async def test_values_are_ranked_and_infinite_last_ones_stand_at_the_ends(script: Script) -> None:
    for metric, values in {"a": [2.0, 1.0], "b": [3.0, INF], "c": [-INF], "d": [1.0, NAN]}.items():
        await script.log(metric, values)
    await script.log("e", ["text"])
    await fold_all(script.live)
    assert await ranked() == [
        (1.0, 1.0, 2.0),
        (INF, 3.0, 3.0),
        (-INF, None, None),
        (None, 1.0, 1.0),
        (None, None, None),
    ]


async def test_a_fold_makes_the_ranks_old_until_they_are_copied_once(script: Script) -> None:
    await script.log("a", [1.0])
    await fold(script.live)
    assert await ranked() == []
    await script.log("a", [2.0], [1])
    await fold(script.live)
    (old,) = await ranks.waiting()
    assert old == Waiting(run_key("r1"), "r1", ended=False)
    taken = [await ranking.refresh(script.live, old), await ranking.refresh(script.live, old)]
    assert taken == [True, False]
    assert await ranked() == [(2.0, 1.0, 2.0)]
    assert await ranks.waiting() == []


async def test_two_processes_copy_what_both_of_them_folded(script: Script) -> None:
    old = Waiting(run_key("r1"), "r1", ended=False)
    for n in range(10):
        await script.log("a", [float(n)], [n])
        others = [ranking.refresh(script.live, old) for _ in range(3)]
        await asyncio.gather(fold(script.live), *others)
    await ranking.refresh(script.live, old)
    assert await ranked() == [(9.0, 0.0, 9.0)]
    assert await ranks.waiting() == []


async def test_a_run_that_goes_on_is_ranked_now_and_then_and_at_once_when_it_ends(
    script: Script,
) -> None:
    looks = ranking.Ranking()
    for n in range(3):
        await script.log("a", [float(n)], [n])
        await fold(script.live)
        await looks.look(script.live)
    assert await ranked() == [(0.0, 0.0, 0.0)]
    await script.send(Status(RunStatus.COMPLETED))
    await looks.look(script.live)
    assert await ranked() == [(2.0, 0.0, 2.0)]


async def test_a_server_ranks_by_itself(script: Script) -> None:
    await script.log("a", [1.0])
    async with background.keeping(script.live):
        async with asyncio.timeout(20):
            while await ranked() != [(1.0, 1.0, 1.0)]:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.05)


async def test_deleted_runs_have_no_ranks_until_they_come_back(script: Script) -> None:
    child = Script(script.live, "child", "w2")
    await child.start(parent="r1")
    await child.log("a", [1.0])
    await fold_all(script.live)
    await runs.delete(OWNER, script.live, "r1")
    assert await ranked("child") == []
    # What was folded before it was deleted is not copied after it.
    async with database.writing():
        await ranks.mark(run_key("child"), 0)
    (old,) = await ranks.waiting()
    assert await ranking.refresh(script.live, old)
    assert await ranked("child") == []
    await runs.restore(OWNER, script.live, "r1")
    assert await ranked("child") == [(1.0, 1.0, 1.0)]
