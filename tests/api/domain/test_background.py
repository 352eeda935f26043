"""What the server does by itself."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from api.conditions import RunFilter
from api.credentials import Session
from api.domain import background, experiments, health, runs, sessions
from api.domain.clock import now_ms
from api.live import Live
from api.records import (
    Count,
    Describe,
    Goal,
    Heartbeat,
    Params,
    RunStatus,
)
from api.storage import activity, listing, upkeep
from api.storage.database import execute, postgres, select, writing
from tests.api.scripts import OWNER, Script, fold_all

pytestmark = pytest.mark.anyio


async def status() -> RunStatus:
    return (await runs.get(OWNER, "r1")).status


async def becomes(live: Live, wanted: RunStatus) -> None:
    async for run in runs.follow(OWNER, live, "r1"):
        if run.status is wanted:
            return


async def test_a_run_that_falls_silent_does_not_respond_until_it_is_heard_of(
    live: Live, script: Script
) -> None:
    silent = Script(live, "silent", "w2")
    await silent.start()
    await script.send(Heartbeat())
    async with background.keeping(live, silence_s=0.2):
        await asyncio.wait_for(becomes(live, RunStatus.NOT_RESPONDING), 30)
        await script.log("loss", [0.5])
        assert await status() is RunStatus.RUNNING
    run = await runs.get(OWNER, "r1")
    steps = (await runs.transitions(OWNER, [run]))[run.id]
    assert [step.status for step in steps[:3]] == [
        RunStatus.RUNNING,
        RunStatus.NOT_RESPONDING,
        RunStatus.RUNNING,
    ]
    assert steps[1].actor == "the server"
    # It never sent a heartbeat, so none is missed.
    assert (await runs.get(OWNER, "silent")).status is RunStatus.RUNNING


async def test_silence_counts_from_when_the_server_saw_it(live: Live, script: Script) -> None:
    await script.send(Heartbeat())
    async with writing():
        await execute("UPDATE run SET heartbeat = 1 WHERE public_id = 'r1'")
    watch = background.Watch(silence_s=3600)
    for _ in range(2):
        await watch.look(live)
    assert await status() is RunStatus.RUNNING


async def test_one_run_that_cannot_be_folded_does_not_hold_up_others(
    live: Live, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    await script.log("loss", [0.5])
    async with writing():
        await execute("UPDATE frame SET payload = ? WHERE state = 0", b"broken")
    other = Script(live, "r2", "w2")
    await other.start()
    await other.log("loss", [0.5])
    with caplog.at_level(logging.CRITICAL, "runvane"):
        await background.Folding().look(live)
    folded = await select("SELECT run FROM run_metric")
    assert [row["run"] for row in folded] == [(await runs.get(OWNER, "r2")).id]


async def test_of_two_processes_one_folds_a_run_until_it_has_died(
    live: Live, script: Script
) -> None:
    first, second = background.Folding(1), background.Folding(2)
    run = (await runs.get(OWNER, "r1")).id
    now = now_ms()
    async with writing():
        assert await upkeep.lease(run, 1, now, now + 60_000)
        assert await upkeep.lease(run, 1, now + 1, now + 60_000)
        assert not await upkeep.lease(run, 2, now, now + 60_000)
    await script.log("loss", [0.5])
    if postgres():
        await second.look(live)
        assert await upkeep.waiting()
    await first.look(live)
    assert not await upkeep.waiting()
    await script.log("loss", [0.5], [1])
    async with writing():
        await execute("UPDATE fold_task SET lease_until = ?", now - 1)
    await second.look(live)
    assert not await upkeep.waiting()


async def test_health_says_when_folding_has_stopped(live: Live, script: Script) -> None:
    assert await health.state() == {"status": "ok", "oldest_open_frame_s": 0.0}
    await script.log("loss", [0.5])
    assert (await health.state())["status"] == "ok"
    async with writing():
        await execute("UPDATE frame SET received = ? WHERE state = 0", now_ms() - 61_000)
    state = await health.state()
    assert (state["status"], state["oldest_open_frame_s"] > 60) == ("failing", True)
    assert "has not summed up new points for 1 min" in (await health.alarm() or "")
    await fold_all(live)
    assert (await health.state())["status"] == "ok"
    assert await health.alarm() is None


@pytest.mark.parametrize("turns", range(6))
async def test_a_server_that_stops_while_something_comes_does_stop(live: Live, turns: int) -> None:
    async def kept() -> None:
        async with background.keeping(live):
            # It has looked for the first time, and waits for news.
            await asyncio.sleep(2 * background.FOLD_PAUSE_S)
            live.announce("r1")
            for _ in range(turns):
                await asyncio.sleep(0)

    stopping = asyncio.create_task(kept())
    done, _ = await asyncio.wait({stopping}, timeout=20)
    assert done == {stopping}


async def test_a_session_is_known_until_it_ends(live: Live) -> None:
    now = now_ms()
    kept, old = Session("kept", now, now + 60_000), Session("old", now - 2, now - 1)
    await sessions.keep(kept)
    await sessions.keep(old)
    assert (await sessions.find("kept"), await sessions.find("old")) == (kept, None)
    await sessions.end("kept")
    assert await sessions.find("kept") is None


async def test_an_experiment_says_what_goes_on_in_it(live: Live) -> None:
    values: dict[str, Any] = {"a": [0.5, 0.9], "b": [0.95, 0.1], "c": [float("nan")]}
    for run, logged in values.items():
        script = Script(live, run, run)
        await script.start()
        await script.send(Describe(primary_metric="acc", primary_goal=Goal.MAXIMIZE))
        await script.log("acc", logged)
    await Script(live, "d", "d").start(experiment="empty")
    await fold_all(live)
    await runs.end(OWNER, live, "b", RunStatus.FAILED, "")
    page = await experiments.page(OWNER, first=10, after=None)
    assert {each.name for each in page.items} == {"mnist", "empty"}
    assert await experiments.count(OWNER) == 2
    mnist, empty = sorted(page.items, key=lambda each: each.name != "mnist")
    both = [mnist, empty]
    assert (await experiments.statuses(OWNER, both))[mnist.id] == {
        RunStatus.RUNNING: Count(2, capped=False),
        RunStatus.FAILED: Count(1, capped=False),
    }
    some = await experiments.statuses(OWNER, both, {RunStatus.FAILED, RunStatus.QUEUED})
    assert some == {mnist.id: {RunStatus.FAILED: Count(1, capped=False)}}
    days = (await experiments.per_day(OWNER, both))[mnist.id]
    assert (len(days), sum(days), days[-1]) == (28, 3, 3)
    best = await experiments.best(OWNER, both)
    assert (best[mnist.id].run, best[mnist.id].value) == ("b", 0.95)
    assert empty.id not in best
    last = (await experiments.last_activity(OWNER, both))[mnist.id]
    assert (await runs.get(OWNER, "b")).ended == last


async def test_what_is_too_much_to_count_says_so(live: Live) -> None:
    for n in range(3):
        await Script(live, f"r{n}", f"w{n}").start()
    (mnist,) = (await experiments.page(OWNER, first=1, after=None)).items
    for at_most, capped in ((2, True), (3, False)):
        found = await activity.statuses([mnist.id], list(RunStatus), at_most)
        assert found == {mnist.id: {RunStatus.RUNNING: Count(at_most, capped)}}
        every = RunFilter(experiment="mnist")
        assert await listing.count(every, at_most, 0) == Count(at_most, capped)
        page = await listing.page(every, [], None, 1, 0, counted=at_most)
        assert (len(page.items), page.total) == (1, Count(at_most, capped))


async def test_experiments_are_paged_and_say_their_names(live: Live) -> None:
    for n in range(5):
        script = Script(live, f"r{n}", f"w{n}")
        await script.start(experiment=f"e{n}")
    first = await experiments.page(OWNER, first=2, after=None)
    rest = await experiments.page(OWNER, first=9, after=first.positions[-1])
    names = [each.name for each in (*first.items, *rest.items)]
    assert (sorted(names), first.more, rest.more) == ([f"e{n}" for n in range(5)], True, False)
    experiment = await experiments.find(OWNER, "e3")
    assert experiment is not None


async def test_columns_for_a_table_say_what_differs_and_what_most_new_runs_log(live: Live) -> None:
    every: Mapping[str, Any] = {"lr": 1, "seed": 3}
    for n, params in enumerate((every, {**every, "lr": 2}, {"seed": 3, "alone": True})):
        script = Script(live, f"r{n}", f"w{n}")
        await script.start(experiment="sweep")
        await script.send(Params(params))
        for metric in ("z/first", "a/second", *(["b/rare"] if n == 0 else [])):
            await script.log(metric, [1.0])
    await fold_all(live)
    experiment = await experiments.find(OWNER, "sweep")
    assert experiment is not None
    params = await experiments.param_columns(OWNER, experiment, first=5)
    assert [(each.key, each.varies) for each in params] == [
        ("alone", False),
        ("lr", True),
        ("seed", False),
    ]
    columns = await experiments.metric_columns(OWNER, experiment, prefix="", first=9)
    assert {each.metric: each.rank for each in columns} == {
        "z/first": 0,
        "a/second": 1,
        "b/rare": 2,
    }
    for n in range(3, 9):
        await Script(live, f"r{n}", f"w{n}").start(experiment="sweep")
    columns = await experiments.metric_columns(OWNER, experiment, prefix="a", first=9)
    assert [(each.metric, each.rank) for each in columns] == [("a/second", None)]
