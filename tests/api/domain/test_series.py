"""No value is lost on the way to a chart, and whoever follows gets everything once."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from api.domain import background, runs, series
from api.domain.thinning import MARKS_MAX
from api.errors import Forbidden, NotFound, TooLarge
from api.live import Live
from api.records import Appended, Cursor, Line, Mark, Method, Series, SeriesQuery, XAxis
from api.storage import upkeep
from api.storage.database import execute, here, writing
from tests.api.scripts import OWNER, STRANGER, Script, block, deliver, fold_all

pytestmark = pytest.mark.anyio
NAN, INF = float("nan"), float("inf")
LOSS = SeriesQuery(runs=["r1"], metric="loss")


async def draw(**changed: Any) -> Series:
    return await series.series(OWNER, replace(LOSS, **changed))


async def line(**changed: Any) -> Line:
    return (await draw(**changed)).lines[0]


async def test_points_are_drawn_as_they_were_logged_before_and_after_a_fold(
    live: Live, script: Script
) -> None:
    await script.log("loss", [0.5, NAN, INF, -INF, 0.25])
    for _ in range(2):
        drawn = await draw()
        assert (drawn.exact, drawn.method, drawn.points_total) == (True, Method.RAW, 5)
        assert drawn.x.tolist() == [0, 1, 2, 3, 4]
        assert drawn.lines[0].mean.tolist() == [0.5, None, None, None, 0.25]
        assert drawn.lines[0].marks == [
            Mark(1.0, "NaN"),
            Mark(2.0, "Infinity"),
            Mark(3.0, "-Infinity"),
        ]
        await fold_all(live)
    await script.log("loss", [0.125], [5])
    assert (await line()).mean.tolist() == [0.5, None, None, None, 0.25, 0.125]


async def test_large_integers_stay_whole(live: Live, script: Script) -> None:
    await script.log("loss", [2**63 - 1, -(2**63)])
    await fold_all(live)
    assert (await line()).mean.tolist() == [2**63 - 1, -(2**63)]
    await script.log("loss", [0.5], [2])
    assert (await line()).mean.tolist() == [2**63 - 1, -(2**63), 0.5]


async def test_text_is_not_drawn_and_hides_no_number(live: Live, script: Script) -> None:
    await script.log("loss", ["warm", "cold"])
    assert (await line()).mean.tolist() == []
    await script.log("loss", [0.5], [2])
    assert (await line()).mean.tolist() == [0.5]


async def test_runs_of_different_length_share_one_x_with_gaps(live: Live, script: Script) -> None:
    await script.log("loss", [1.0, 2.0], [0, 2])
    other = Script(live, "r2", "w2")
    await other.start()
    await other.log("loss", [5.0], [1])
    drawn = await draw(runs=["r2", "none", "r1", "r2"])
    assert drawn.x.tolist() == [0, 1, 2]
    assert [(each.run, each.mean.tolist()) for each in drawn.lines] == [
        ("r2", [None, 5.0, None]),
        ("r1", [1.0, None, 2.0]),
    ]


async def test_x_is_time_or_time_since_the_first_point(script: Script) -> None:
    points = block("loss", [1.0, 2.0, 3.0], times=[1000, 1700, 1400])
    await script.send(blocks=[points])
    assert (await draw(x=XAxis.TIME)).x.tolist() == [1000, 1400, 1700]
    relative = await draw(x=XAxis.RELATIVE)
    assert relative.x.tolist() == [0, 400, 700]
    assert relative.lines[0].mean.tolist() == [1.0, 3.0, 2.0]


@pytest.mark.parametrize("folded", [False, True])
async def test_x_is_another_column_matched_by_step(
    live: Live, script: Script, *, folded: bool
) -> None:
    columns = {"fpr": [0.9, 0.0, NAN, 0.4], "tpr": [1.0, 0.1, 0.2, 0.8]}
    await script.send(blocks=[block("roc", columns), block("loss", [3.0, 4.0], [1, 9])])
    if folded:
        await fold_all(live)
    roc = await draw(metric="roc", column="tpr", x=XAxis.METRIC, x_column="fpr")
    assert roc.x.tolist() == [0.0, 0.4, 0.9]
    assert roc.lines[0].mean.tolist() == [0.1, 0.8, 1.0]
    part = await draw(metric="roc", column="tpr", x=XAxis.METRIC, x_column="fpr", range=(0.3, 0.9))
    assert (part.x.tolist(), part.lines[0].mean.tolist()) == ([0.4, 0.9], [0.8, 1.0])
    across = await draw(x=XAxis.METRIC, x_metric="roc", x_column="tpr")
    assert (across.x.tolist(), across.lines[0].mean.tolist()) == ([0.1], [3.0])


async def test_a_range_keeps_both_its_ends(live: Live, script: Script) -> None:
    await script.log("loss", [float(n) for n in range(10)])
    await fold_all(live)
    await script.log("loss", [10.0], [10])
    drawn = await draw(range=(3.0, 6.0))
    assert (drawn.x.tolist(), drawn.points_total) == ([3, 4, 5, 6], 4)


async def test_the_widest_extent_of_steps_is_drawn(live: Live, script: Script) -> None:
    await script.log("loss", [1.0, 2.0, 3.0], [-(2**63), 0, 2**63 - 1])
    await fold_all(live)
    assert (await draw()).method is Method.RAW
    few = await draw(points_max=2)
    assert few.x.tolist() == [-(2**63), 0]
    assert [each.tolist() for each in (few.lines[0].min, few.lines[0].max)] == [
        [1.0, 2.0],
        [1.0, 3.0],
    ]


async def test_a_thinned_line_keeps_every_extreme(live: Live, script: Script) -> None:
    dice = random.Random(7)
    noise = [dice.random() for _ in range(5000)]
    spikes = dice.sample(range(5000), 20)
    for n, spike in enumerate(spikes):
        noise[spike] = 100.0 + spike if n % 2 else -100.0 - spike
    noise[17], noise[18] = NAN, INF
    await script.log("loss", noise)
    await fold_all(live)
    drawn = await draw(points_max=200)
    (thin,) = drawn.lines
    assert (drawn.exact, drawn.method, drawn.points_total) == (False, Method.BUCKETS, 5000)
    assert len(drawn.x) == 200
    assert drawn.x[0] == 0
    edges = [*drawn.x.tolist(), 5000]
    for place, (first, after) in enumerate(pairwise(edges)):
        here = [value for value in noise[first:after] if np.isfinite(value)]
        assert (thin.min[place], thin.max[place]) == (min(here), max(here))
        assert (thin.first[place], thin.last[place]) == (here[0], here[-1])
        assert thin.mean[place] == pytest.approx(sum(here) / len(here))
    assert {mark.kind for mark in thin.marks} == {"NaN", "Infinity"}


async def test_a_bucket_of_nothing_but_nan_is_a_gap(script: Script) -> None:
    await script.log("loss", [1.0, 1.0, NAN, NAN, 3.0, 5.0], [0, 1, 50, 51, 99, 100])
    drawn = await draw(points_max=3)
    assert drawn.x.tolist() == [0, 50, 99]
    assert drawn.lines[0].mean.tolist() == [1.0, None, 4.0]


async def test_points_of_one_step_are_a_bucket_of_that_step(script: Script) -> None:
    await script.log("loss", [1.0, 3.0, 7.0], [0, 0, 1])
    drawn = await draw()
    (both,) = drawn.lines
    assert (drawn.exact, drawn.x.tolist()) == (False, [0, 1])
    assert (both.min.tolist(), both.max.tolist()) == ([1.0, 7.0], [3.0, 7.0])
    assert (both.first.tolist(), both.last.tolist()) == ([1.0, 7.0], [3.0, 7.0])


async def test_marks_have_an_end_and_are_spread(script: Script) -> None:
    await script.log("loss", [NAN] * 4000)
    marks = (await line(points_max=5000)).marks
    assert len(marks) == MARKS_MAX
    assert (marks[0].x, marks[-1].x) == (0.0, 3999.0)


async def test_what_is_asked_for_has_limits(script: Script) -> None:
    await script.log("loss", [0.5] * 6000)
    assert len((await draw(points_max=10**6)).x) == 5000
    assert len((await draw(points_max=0)).x) == 1
    with pytest.raises(TooLarge):
        await draw(runs=[f"r{n}" for n in range(201)])
    with pytest.raises(Forbidden):
        await series.series(STRANGER, LOSS)


async def follow(*asked: Any) -> AsyncGenerator[Appended]:
    async with aclosing(series.follow(*asked)) as news:
        async for appended, _ in news:
            yield appended


async def followed(
    live: Live, after: dict[str, Cursor | None], until: int
) -> tuple[Sequence[int], dict[str, Cursor | None]]:
    """Follow until so many points came; give their steps and the cursors behind them."""
    steps: list[int] = []
    cursors = dict(after)
    async with aclosing(follow(OWNER, live, after, None)) as news:
        async for each in news:
            assert not each.reset
            steps += [step for block in each.blocks for step in block.steps.tolist()]
            cursors[each.run] = each.cursor
            if len(steps) >= until and None not in cursors.values():
                break
    return steps, cursors


async def test_a_cursor_goes_on_without_loss_or_repeat_across_writers_and_folds(
    live: Live, script: Script
) -> None:
    second = Script(live, "r1", "w2")
    await second.start()
    third = Script(live, "r2", "w3")
    await third.start()
    dice, sent, got = random.Random(3), 0, list[int]()
    _, cursors = await followed(live, {"r1": None, "r2": None}, 0)
    for _ in range(20):
        for _ in range(dice.randint(1, 5)):
            await dice.choice([script, second, third]).log("loss", [0.5], [sent])
            sent += 1
        if dice.random() < 0.5:
            await fold_all(live)
        steps, cursors = await followed(live, cursors, sent - len(got))
        got += steps
    assert sorted(got) == list(range(sent))


async def test_a_follower_is_woken_and_slow_ones_lose_nothing(live: Live, script: Script) -> None:
    async def slow() -> Sequence[int]:
        steps: list[int] = []
        async with aclosing(follow(OWNER, live, {"r1": {}}, None)) as news:
            async for each in news:
                assert not each.reset
                steps += [step for block in each.blocks for step in block.steps.tolist()]
                await asyncio.sleep(0.01)
                if len(steps) >= 100:
                    break
        return steps

    followers = [asyncio.create_task(slow()) for _ in range(5)]
    for step in range(100):
        await script.log("loss", [0.5], [step])
    assert await asyncio.gather(*followers) == [list(range(100))] * 5


async def test_readers_at_one_place_are_given_one_object_that_is_read_once(
    live: Live, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = here()
    execute, asked = client.execute_query_dict, list[str]()

    async def noted(query: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        asked.append(query)
        return await execute(query, values)

    monkeypatch.setattr(client, "execute_query_dict", noted)
    await script.log("loss", [0.5], [0])
    await Script(live, "r2", "w2").start()
    # Most begin now, one has to catch up, and one follows another run too.
    wanted: Sequence[dict[str, Cursor | None]]
    wanted = [*({"r1": None} for _ in range(18)), {"r1": {}}, {"r2": {}, "r1": None}]
    async with AsyncExitStack() as stack:
        following = [aclosing(follow(OWNER, live, each, None)) for each in wanted]
        readers = [await stack.enter_async_context(each) for each in following]
        began = [await anext(each) for each in readers]
        assert [len(each.blocks) for each in began] == [0] * 18 + [1, 0]
        asked.clear()
        for step in (1, 2):
            waiting = [asyncio.create_task(anext(each)) for each in readers]
            await asyncio.sleep(0.05)
            await script.log("loss", [0.25], [step])
            told = await asyncio.gather(*waiting)
            assert [each.blocks[0].steps.tolist() for each in told] == [[step]] * 20
            assert all(each is told[0] for each in told)
    # Each batch once, the other run's too; and a few looks of all how far the runs are.
    assert len([query for query in asked if "payload FROM frame" in query]) == 3
    assert len([query for query in asked if "RECURSIVE" in query]) < len(readers)


@pytest.fixture
def meanwhile(script: Script, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Steps to log, one by one, right after somebody looked how far a run is."""
    client: Any = here()
    execute, late = client.execute_query_dict, list[int]()

    async def executed(query: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        found = await execute(query, values)
        if "RECURSIVE" in query and late:
            await script.log("loss", [0.5], [late.pop(0)])
        return found

    monkeypatch.setattr(client, "execute_query_dict", executed)
    return late


async def test_what_is_written_during_a_read_is_seen_by_the_next(
    live: Live, meanwhile: list[int]
) -> None:
    meanwhile.append(1)
    steps, _ = await asyncio.wait_for(followed(live, {"r1": {"w1": 0}}, 1), 30)
    assert steps == [1]


async def test_news_goes_no_further_than_the_place_it_is_kept_for(
    live: Live, script: Script, meanwhile: list[int]
) -> None:
    await script.log("loss", [0.5], [0])
    async with aclosing(follow(OWNER, live, {"r1": {}}, None)) as news:
        meanwhile.append(1)
        told = [await anext(news), await anext(news)]
    assert [each.blocks[0].steps.tolist() for each in told] == [[0], [1]]


async def test_a_series_says_where_to_follow_from(live: Live, script: Script) -> None:
    await script.log("loss", [0.5])
    cursor = (await line()).cursor
    await script.log("loss", [0.4], [1])
    assert (await followed(live, {"r1": cursor}, 1))[0] == [1]


async def test_only_the_columns_asked_for_come(live: Live, script: Script) -> None:
    columns = [("loss", None), ("roc", "tpr")]
    async with aclosing(follow(OWNER, live, {"r1": {}}, columns)) as news:
        await script.log("acc", [0.5])
        roc = block("roc", {"fpr": [0.5], "tpr": [0.7]})
        await script.send(blocks=[block("loss", [0.5]), roc, block("acc", [0.1])])
        blocks = (await anext(news)).blocks
    assert [(each.name, list(each.columns)) for each in blocks] == [
        ("loss", ["value"]),
        ("roc", ["tpr"]),
    ]


async def test_a_cursor_of_another_server_is_ahead_of_what_was_read_here(
    live: Live, script: Script
) -> None:
    """Who comes from there is told nothing twice, though others here have read less."""
    await script.log("loss", [0.5], [0])
    async with aclosing(follow(OWNER, live, {"r1": {}}, None)) as news:
        assert (await anext(news)).blocks[0].steps.tolist() == [0]
        waiting = asyncio.create_task(anext(news))
        await asyncio.sleep(0.05)
        # Another server takes a point, and its word of it has not come yet.
        script.live = Live()
        await script.log("loss", [0.25], [1])
        ahead = (await line()).cursor
        async with aclosing(follow(OWNER, live, {"r1": ahead}, None)) as others:
            later = asyncio.create_task(anext(others))
            await asyncio.sleep(0.05)
            assert not later.done()
            script.live = live
            await script.log("loss", [0.125], [2])
            assert [block.steps.tolist() for block in (await later).blocks] == [[2]]
        assert [block.steps.tolist() for block in (await waiting).blocks] == [[1], [2]]


async def test_a_cursor_that_is_too_old_is_told_to_read_again(live: Live, script: Script) -> None:
    old = (await line()).cursor
    await script.log("loss", [0.5])
    await script.send()
    await fold_all(live)
    async with writing():
        await execute("UPDATE frame SET folded = 0 WHERE run = ?", (await run_key()))
    await background.clean()
    async with aclosing(follow(OWNER, live, {"r1": old}, None)) as news:
        told = await anext(news)
        assert (told.reset, list(told.blocks)) == (True, [])
        await script.log("loss", [0.25], [1])
        assert (await anext(news)).blocks[0].steps.tolist() == [1]
    assert (await line()).mean.tolist() == [0.5, 0.25]


async def test_the_newest_frame_of_a_writer_outlives_the_day(live: Live, script: Script) -> None:
    batches = [script.batch(blocks=[block("loss", [0.5], [n])]) for n in range(3)]
    for batch in batches:
        await deliver(live, batch)
    await fold_all(live)
    key = await run_key()
    async with writing():
        await execute("UPDATE frame SET folded = 0, received = 0, id = seq WHERE run = ?", key)
    await background.clean()
    assert await upkeep.oldest_open() is None
    assert await deliver(live, batches[0]) == 3
    assert (await draw()).points_total == 3


async def run_key() -> int:
    return (await runs.get(OWNER, "r1")).id


async def test_what_is_not_there_cannot_be_followed(live: Live) -> None:
    with pytest.raises(NotFound):
        await anext(follow(OWNER, live, {"none": None}, None))
    with pytest.raises(Forbidden):
        await anext(follow(STRANGER, live, {}, None))
