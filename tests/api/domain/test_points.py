"""Points of clients that count no batches: kept once, all or none, exactly: on each database."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from api.domain import batches, experiments, metrics, points, runs, series
from api.domain.points import Point
from api.errors import Forbidden, Gone, Invalid, RunvaneError, TooLarge, UnknownRun
from api.live import Live
from api.records import Actor, ExperimentKey, RunStatus, Scope
from api.storage.database import select
from tests.api.scripts import OWNER, STRANGER, Script, fold_all

pytestmark = pytest.mark.anyio


async def values(metric: str = "loss") -> list[Any]:
    """In the order of step and time."""
    found = await metrics.rows(OWNER, await runs.get(OWNER, "r1"), metric, last=100)
    return found.columns["value"].tolist() if found.columns else []


async def written() -> Sequence[tuple[str, int]]:
    rows = await select(
        "SELECT writer, seq FROM frame WHERE run = (SELECT id FROM run WHERE public_id = 'r1')"
        " AND writer <> 'w1' ORDER BY writer, seq"
    )
    return [(row["writer"], row["seq"]) for row in rows]


@pytest.mark.usefixtures("script")
async def test_points_are_kept_exactly_in_the_order_of_their_steps(live: Live) -> None:
    given: dict[str, list[Any]] = {
        "fractions": [0.1, float("inf"), 3],
        "whole": [2**63 - 1, -(2**63), 0],
        "mixed": [2**62 + 1, 0.5, 1],
    }
    rows = [Point(name, 2 - n, v, n) for n in range(3) for name, v in _nth(given, n)]
    await points.log(OWNER, live, "r1", rows)
    for fold in (False, True):
        if fold:
            await fold_all(live)
        assert await values("whole") == [0, -(2**63), 2**63 - 1]
        assert await values("mixed") == [1, 0.5, 2**62 + 1]
        assert await values("fractions") == [3, float("inf"), 0.1]


def _nth(given: dict[str, list[Any]], n: int) -> Sequence[tuple[str, Any]]:
    return [(name, each[n]) for name, each in given.items()]


@pytest.mark.usefixtures("script")
async def test_calls_that_come_at_once_are_batches_of_one_writer(live: Live) -> None:
    await asyncio.gather(*(points.log(OWNER, live, "r1", [Point("loss", n, n)]) for n in range(20)))
    assert await values() == list(range(20))
    frames = await written()
    assert [seq for _, seq in frames] == list(range(20))
    assert len({writer for writer, _ in frames}) == 1


@pytest.mark.usefixtures("script")
async def test_another_process_is_another_writer(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    await points.log(OWNER, live, "r1", [Point("loss", 0, 0)])
    # A process that got the number of one before it, as containers' do.
    batches._own_writer.cache_clear()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    await points.log(OWNER, live, "r1", [Point("loss", 1, 1)])
    monkeypatch.setattr("os.getpid", lambda: 1)
    await points.log(OWNER, live, "r1", [Point("loss", 2, 2)])
    frames = await written()
    assert [seq for _, seq in frames] == [0, 0, 0]
    assert len({writer for writer, _ in frames}) == 3
    assert await values() == [0, 1, 2]


@pytest.mark.usefixtures("script")
async def test_a_follower_is_told_at_once(live: Live) -> None:
    async with asyncio.timeout(5):
        news = series.follow(OWNER, live, {"r1": None}, None)
        first, _ = await anext(news)
        assert not first.blocks
        await points.log(OWNER, live, "r1", [Point("loss", 7, 0.5)])
        told, _ = await anext(news)
    assert np.array_equal(told.blocks[0].steps, [7])
    await news.aclose()


@pytest.mark.usefixtures("script")
async def test_what_is_wrong_is_named_and_nothing_is_kept(live: Live) -> None:
    good = Point("loss", 0, 0.5)
    wrong: list[tuple[list[Point], type[RunvaneError], list[str]]] = [
        ([good, Point("", 1, 1)], Invalid, ["points", "1", "metric"]),
        ([good, good, Point("n" * 251, 1, 1)], Invalid, ["points", "2", "metric"]),
        ([], Invalid, ["points"]),
        ([good] * (points.POINTS_MAX + 1), TooLarge, ["points"]),
    ]
    for given, kind, path in wrong:
        with pytest.raises(kind) as error:
            await points.log(OWNER, live, "r1", given)
        assert error.value.path == path
    assert await values() == []
    assert not (await runs.get(OWNER, "r1")).warnings
    await points.log(OWNER, live, "r1", [good] * points.POINTS_MAX)
    assert len(await written()) == 1


async def test_a_run_that_ended_takes_points_and_a_deleted_one_does_not(
    live: Live, script: Script
) -> None:
    point = [Point("loss", 0, 0.5)]
    await runs.end(OWNER, live, "r1", RunStatus.COMPLETED, "")
    await points.log(OWNER, live, "r1", point)
    await script.log("loss", [1.5])
    assert sorted(await values()) == [0.5, 1.5]
    await runs.delete(OWNER, live, "r1")
    with pytest.raises(Gone):
        await points.log(OWNER, live, "r1", point)
    with pytest.raises(Gone):
        await script.log("loss", [1.5])
    for unknown in ("none", "", "\0", "x" * 300):
        with pytest.raises(UnknownRun, match="createRun makes one"):
            await points.log(OWNER, live, unknown, point)


@pytest.mark.usefixtures("script")
async def test_who_may_ingest_or_write_logs_and_nobody_else(live: Live) -> None:
    await Script(live, "theirs", "w2").start(experiment="elsewhere")
    found = await experiments.find(OWNER, "elsewhere")
    assert found
    point = [Point("loss", 0, 0.5)]
    for scope in (Scope.INGEST, Scope.WRITE):
        await points.log(Actor("it", frozenset({scope})), live, "r1", point)
        limited = Actor("it", frozenset({scope}), ExperimentKey(found.id, found.name))
        with pytest.raises(UnknownRun):
            await points.log(limited, live, "r1", point)
        await points.log(limited, live, "theirs", point)
    for actor in (STRANGER, Actor("a reader", frozenset({Scope.READ}))):
        with pytest.raises(Forbidden):
            await points.log(actor, live, "r1", point)
    assert len(await written()) == 2
