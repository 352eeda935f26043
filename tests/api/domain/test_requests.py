"""A request that says a key is done once, however often it comes: on each database."""

import asyncio
from typing import Any

import pytest

from api.conditions import RunFilter, TreeScope
from api.domain import background, metrics, points, runs
from api.domain.points import Point
from api.errors import Conflict, Gone, Invalid, UnknownParent, UnknownRun
from api.live import Live
from api.records import Actor, ExperimentKey, Run, Scope, Start
from api.storage.database import select
from tests.api.scripts import OWNER, Script, fold_all

pytestmark = pytest.mark.anyio
POINT = [Point("loss", 0, 0.5)]


async def create(live: Live, key: str | None, actor: Actor = OWNER, **said: Any) -> Run:
    """A run whose id the server chooses."""
    wanted: dict[str, Any] = {"run_id": None, "tags": {}, "params": {"lr": 0.5}, **said}
    start = wanted.pop("start", Start(experiment="mnist"))
    return await runs.create(actor, live, start=start, key=key, **wanted)


async def runs_there() -> int:
    return (await runs.count(OWNER, RunFilter(scope=TreeScope.ANY))).value


async def values(run_id: str = "r1") -> list[Any]:
    await fold_all(Live())
    found = await metrics.rows(OWNER, await runs.get(OWNER, run_id), "loss", last=100)
    return found.columns["value"].tolist() if found.columns else []


async def test_the_same_again_makes_no_second_run(live: Live) -> None:
    first = await create(live, "k1")
    assert await create(live, "k1") == first
    assert await create(live, "k2") != first
    assert await create(live, None) != await create(live, None)
    assert await runs_there() == 4
    # What became of it meanwhile is told as it is.
    deleted = await runs.delete(OWNER, live, first.public_id)
    assert await create(live, "k1") == deleted


async def test_a_run_with_an_id_of_its_own_is_told_again_too(live: Live) -> None:
    first = await create(live, "k1", run_id="mine")
    assert await create(live, "k1", run_id="mine") == first
    with pytest.raises(Conflict, match="already"):
        await create(live, "k2", run_id="mine")
    # What was refused is not remembered.
    assert (await create(live, "k2", run_id="other")).public_id == "other"


async def test_requests_that_come_at_once_are_one(live: Live, script: Script) -> None:
    made = await asyncio.gather(*(create(live, "k1") for _ in range(8)))
    assert len({run.public_id for run in made}) == 1
    await asyncio.gather(*(points.log(OWNER, live, "r1", POINT, "k2") for _ in range(8)))
    assert await values() == [0.5]
    assert await runs_there() == 2
    await script.log("loss", [1.5], [1])


async def test_requests_for_several_runs_at_once_are_each_done_once(live: Live) -> None:
    names = [f"r{n}" for n in range(1, 6)]
    for name in names:
        await create(live, None, run_id=name)
    for _ in range(3):
        async with asyncio.timeout(30):
            await asyncio.gather(
                *(points.log(OWNER, live, name, POINT, None) for name in names),
                *(points.log(OWNER, live, name, POINT, f"key of {name}") for name in names),
            )
    for name in names:
        assert await values(name) == [0.5] * 4


@pytest.mark.usefixtures("script")
async def test_points_of_one_key_are_kept_once(live: Live) -> None:
    for key in ("k1", "k1", "k2", None, None):
        await points.log(OWNER, live, "r1", POINT, key)
    assert await values() == [0.5] * 4


@pytest.mark.usefixtures("script")
async def test_a_key_stands_for_one_request(live: Live) -> None:
    await points.log(OWNER, live, "r1", [Point("loss", 0, float("nan"))], "k1")
    await create(live, "k2")
    found = await select("SELECT id FROM experiment")
    guest = Actor("it", frozenset(Scope), ExperimentKey(found[0]["id"], "mnist"))
    others = [
        points.log(OWNER, live, "r1", [Point("loss", 0, float("inf"))], "k1"),
        points.log(OWNER, live, "r1", [Point("loss", 1, float("nan"))], "k1"),
        points.log(OWNER, live, "r1", [Point("loss", 0, float("nan"), 7)], "k1"),
        points.log(OWNER, live, "r2", [Point("loss", 0, float("nan"))], "k1"),
        points.log(guest, live, "r1", [Point("loss", 0, float("nan"))], "k1"),
        create(live, "k1"),
        create(live, "k2", params={"lr": 1}),
        create(live, "k2", params={"lr": "0.5"}),
        create(live, "k2", tags={"a": 1}),
        create(live, "k2", run_id="mine"),
        create(live, "k2", start=Start(experiment="mnist", name="n")),
        create(live, "k2", guest),
    ]
    for asking in others:
        with pytest.raises(Conflict, match="another request") as error:
            await asking
        assert error.value.path == ["idempotencyKey"]
    assert (len(await values()), await runs_there()) == (1, 2)


@pytest.mark.usefixtures("script")
async def test_what_is_refused_may_come_again(live: Live) -> None:
    with pytest.raises(UnknownRun):
        await points.log(OWNER, live, "late", POINT, "k1")
    with pytest.raises(UnknownParent):
        await create(live, "k2", start=Start(experiment="mnist", parent="late"))
    await create(live, None, run_id="late")
    await points.log(OWNER, live, "late", POINT, "k1")
    child = await create(live, "k2", start=Start(experiment="mnist", parent="late"))
    assert child.parent == "late"
    await runs.delete(OWNER, live, "r1")
    with pytest.raises(Gone):
        await points.log(OWNER, live, "r1", POINT, "k3")


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_a_key_has_1_to_255_characters(live: Live, key: str) -> None:
    with pytest.raises(Invalid, match="1 to 255") as error:
        await create(live, key)
    assert error.value.path == ["idempotencyKey"]
    assert await create(live, "k" * 255) == await create(live, "k" * 255)
    assert await create(live, "\0") == await create(live, "\0")


async def test_a_key_is_forgotten_after_a_day(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await create(live, "k1")
    now = background.now_ms()
    for later_ms, known in ((background.REQUEST_LIFE_MS - 1000, 1), (86_400_001, 0)):
        monkeypatch.setattr(background, "now_ms", lambda at=now + later_ms: at)
        await background.clean()
        assert len(await select("SELECT id FROM request")) == known
    assert await create(live, "k1") != first
