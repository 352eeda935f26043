"""Lists hold still while runs are added, and say what changed."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from api.conditions import MetricStat, RunFilter, RunSort, TagFilter, TreeScope
from api.domain import changes as experiment_changes
from api.domain import runs
from api.errors import Conflict, Forbidden, Gone, Invalid, NotFound, UnknownParent
from api.live import CHANGED_MAX, Live
from api.records import (
    Describe,
    Direction,
    Position,
    Run,
    RunStatus,
    Start,
    Stat,
    Status,
    Tags,
    Warn,
)
from api.storage import database
from tests.api.scripts import OWNER, STRANGER, Script, fold_all, start_of

pytestmark = pytest.mark.anyio
NAN, INF = float("nan"), float("inf")
CREATED = RunSort()
MNIST = RunFilter(experiment="mnist")


async def started(live: Live, run: str, *values: float, **said: Any) -> Script:
    script = Script(live, run, f"writer-{run}")
    await script.start(**said)
    if values:
        await script.log("loss", list(values))
    return script


async def listed(wanted: RunFilter, sort: RunSort = CREATED, first: int = 3) -> Sequence[str]:
    """All pages, one after the other."""
    seen: list[str] = []
    after: Position | None = None
    while True:
        page = await runs.page(OWNER, wanted, [sort], first=first, after=after)
        seen += [run.public_id for run in page.items]
        if not page.more:
            return seen
        after = page.positions[-1]


async def make(live: Live, run_id: str | None = None, **said: Any) -> Run:
    start = start_of(**said)
    return await runs.create(OWNER, live, run_id=run_id, start=start, tags={}, params={})


async def test_pages_follow_creation_both_ways(live: Live) -> None:
    for n in range(7):
        await started(live, f"r{n}")
    upwards = await listed(MNIST, RunSort(direction=Direction.ASCENDING))
    assert upwards == list(reversed(await listed(MNIST)))
    assert [(await runs.get(OWNER, each)).created for each in upwards] == sorted(
        [(await runs.get(OWNER, each)).created for each in upwards]
    )
    assert set(upwards) == {f"r{n}" for n in range(7)}


async def test_pages_hold_while_runs_are_added(live: Live) -> None:
    for n in range(6):
        await started(live, f"r{n}")
    first = await runs.page(OWNER, MNIST, [CREATED], first=3, after=None)
    await asyncio.sleep(0.002)
    await started(live, "late")
    rest = await runs.page(OWNER, MNIST, [CREATED], first=10, after=first.positions[-1])
    seen = [run.public_id for run in (*first.items, *rest.items)]
    assert sorted(seen) == [f"r{n}" for n in range(6)]
    assert (first.more, rest.more) == (True, False)


@pytest.mark.parametrize("direction", Direction)
async def test_a_metric_sorts_with_nan_and_missing_last(live: Live, direction: Direction) -> None:
    values = {"a": [5.0], "b": [1.0], "c": [NAN], "d": [], "e": [INF], "f": [-INF], "g": [1.0]}
    for run, logged in values.items():
        await started(live, run, *logged)
    await fold_all(live)
    order = await listed(MNIST, RunSort(MetricStat("loss"), direction))
    assert set(order[-2:]) == {"c", "d"}
    assert len(order) == 7
    numbers = [values[run][-1] for run in order[:5]]
    assert numbers == sorted(numbers, reverse=direction is Direction.DESCENDING)


@pytest.mark.parametrize(
    ("stat", "order"), [(Stat.MIN, "bac"), (Stat.MAX, "cba"), (Stat.LAST, "acb")]
)
async def test_any_statistic_sorts(live: Live, stat: Stat, order: str) -> None:
    await started(live, "a", 5.0, 2.0)
    await started(live, "b", 1.0, 6.0)
    await started(live, "c", 9.0, 3.0)
    await fold_all(live)
    direction = Direction.DESCENDING if stat is Stat.MAX else Direction.ASCENDING
    for wanted in (MNIST, RunFilter()):
        found = await listed(wanted, RunSort(MetricStat("loss", stat=stat), direction), 2)
        assert "".join(found) == order


async def test_filters_hold_together(live: Live) -> None:
    one = await started(live, "r1", name="First_Try 100%")
    await one.send(Tags({"team": "vision", "bare": None, "n": 1.5, 'a"b.c': True}))
    two = await started(live, "r2", experiment="other", name="second")
    await two.send(Status(RunStatus.COMPLETED))
    await started(live, "child", parent="r1", name="first child")
    await started(live, "grandchild", parent="child")
    for wanted, found in [
        (RunFilter(), {"r1", "r2"}),
        (RunFilter(scope=TreeScope.ANY), {"r1", "r2", "child", "grandchild"}),
        (RunFilter(experiment="other"), {"r2"}),
        (RunFilter(experiment="none"), set[str]()),
        (RunFilter(parent="r1"), {"child"}),
        (RunFilter(statuses=frozenset({RunStatus.COMPLETED, RunStatus.FAILED})), {"r2"}),
        (RunFilter(name="FIRST"), {"r1"}),
        (RunFilter(name="first", scope=TreeScope.ANY), {"r1", "child"}),
        (RunFilter(name="_try 100%"), {"r1"}),
        (RunFilter(name="%"), {"r1"}),
        (RunFilter(tags=[TagFilter("team", "vision"), TagFilter("bare")]), {"r1"}),
        (RunFilter(tags=[TagFilter("n", "1.5"), TagFilter('a"b.c', "true")]), {"r1"}),
        (RunFilter(tags=[TagFilter("team", "audio")]), set[str]()),
        (RunFilter(tags=[TagFilter("x' OR '1'='1")]), set[str]()),
        (RunFilter(deleted=True), set[str]()),
    ]:
        assert set(await listed(wanted)) == found, wanted
        assert (await runs.count(OWNER, wanted)).value == len(found), wanted


async def test_a_page_is_a_few_statements_whatever_it_shows(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        await started(live, f"r{n}", float(n))
    await fold_all(live)
    client: Any = database.here()
    said: list[str] = []
    execute = client.execute_query_dict

    async def counted(query: str, values: list[Any] | None = None) -> list[Any]:
        said.append(query)
        return await execute(query, values)

    monkeypatch.setattr(client, "execute_query_dict", counted)
    wanted = replace(MNIST, tags=[TagFilter("a")], name="b")
    for filtered in (MNIST, wanted):
        for sort in (
            CREATED,
            RunSort(MetricStat("loss")),
            RunSort(MetricStat("loss", stat=Stat.MAX)),
        ):
            for first in (1, 5):
                said.clear()
                await runs.page(OWNER, filtered, [sort], first=first, after=None)
                assert len(said) <= 6


async def test_a_tree_is_deleted_and_comes_back_as_one(live: Live) -> None:
    for run, parent in [("r1", None), ("a", "r1"), ("b", "a"), ("other", None)]:
        await started(live, run, parent=parent)
    await runs.delete(OWNER, live, "a")
    every = RunFilter(scope=TreeScope.ANY)
    await asyncio.sleep(0.002)
    assert (await runs.delete(OWNER, live, "r1")).deleted is not None
    assert set(await listed(every)) == {"other"}
    assert set(await listed(replace(every, deleted=True))) == {"r1", "a", "b"}
    assert (await runs.restore(OWNER, live, "r1")).deleted is None
    assert set(await listed(every)) == {"r1", "other"}
    await runs.restore(OWNER, live, "a")
    assert set(await listed(every)) == {"r1", "a", "b", "other"}
    root = await runs.get(OWNER, "r1")
    assert await runs.child_counts(OWNER, [root]) == {root.id: 1}


async def test_a_tool_makes_changes_and_ends_a_run(live: Live) -> None:
    made = await runs.create(
        OWNER,
        live,
        run_id="mine",
        start=Start(experiment="mnist", name="by hand"),
        tags={"team": "vision"},
        params={"lr": 0.1},
    )
    assert (made.name, made.tags, made.params) == ("by hand", {"team": "vision"}, {"lr": 0.1})
    changed = await runs.update(
        OWNER, live, "mine", describe=Describe(name="new"), tags=Tags({"x": 1}, ["team"])
    )
    assert (changed.name, changed.tags) == ("new", {"x": 1})
    assert (await runs.get(OWNER, "mine")) == changed
    asked = await runs.cancel(OWNER, live, "mine", "")
    assert (asked.status, asked.reason) == (RunStatus.CANCEL_REQUESTED, "asked by the owner")
    ended = await runs.end(OWNER, live, "mine", RunStatus.CANCELED, "as asked")
    assert await runs.end(OWNER, live, "mine", RunStatus.CANCELED, "again") == ended
    with pytest.raises(Conflict):
        await runs.end(OWNER, live, "mine", RunStatus.COMPLETED, "")
    with pytest.raises(Conflict):
        await runs.cancel(OWNER, live, "mine", "")
    assert [each.actor for each in (await runs.transitions(OWNER, [ended]))[ended.id]] == [
        "the owner"
    ] * 3


async def test_what_cannot_be_made_is_not_there(live: Live) -> None:
    await make(live, "taken")
    for run_id, said, wrong in [
        ("taken", {}, Conflict),
        ("a/b", {}, Invalid),
        ("..", {}, Invalid),
        ("r1", {"experiment": ""}, Invalid),
        ("r1", {"parent": "none"}, UnknownParent),
    ]:
        with pytest.raises(wrong):
            await make(live, run_id, **said)
    assert await listed(RunFilter()) == ["taken"]


async def test_a_deleted_run_is_not_changed(live: Live) -> None:
    await make(live, "r1")
    await runs.delete(OWNER, live, "r1")
    with pytest.raises(Gone):
        await runs.end(OWNER, live, "r1", RunStatus.COMPLETED, "")
    assert (await runs.get(OWNER, "r1")).status is RunStatus.RUNNING
    with pytest.raises(NotFound):
        await runs.delete(OWNER, live, "none")


async def test_a_stranger_sees_and_changes_nothing(live: Live) -> None:
    run = await make(live, "r1")
    for refused in (
        runs.find(STRANGER, "r1"),
        runs.page(STRANGER, MNIST, [CREATED], first=1, after=None),
        runs.count(STRANGER, MNIST),
        runs.transitions(STRANGER, [run]),
        runs.cancel(STRANGER, live, "r1", ""),
        runs.delete(STRANGER, live, "r1"),
        runs.update(STRANGER, live, "r1", describe=Describe(name="x"), tags=Tags({})),
        anext(runs.follow(STRANGER, live, "r1")),
        anext(runs.follow_all(STRANGER, live, MNIST)),
    ):
        with pytest.raises(Forbidden):
            await refused
    assert await runs.get(OWNER, "r1") == run


async def test_who_follows_a_list_is_told_of_experiments(live: Live, script: Script) -> None:
    await script.send(Warn("one"))
    update = partial(experiment_changes.update, OWNER, live, "mnist")
    archive = partial(experiment_changes.archive, OWNER, live, "mnist", archived=True)
    async with aclosing(runs.follow_all(OWNER, live, MNIST)) as told:
        assert (await anext(told)).reset
        for change in (
            partial(update, description="why", tags=Tags({})),
            archive,
            partial(experiment_changes.create, OWNER, live, "made", ""),
        ):
            await change()
            assert (await asyncio.wait_for(anext(told), 30)).reset


async def test_a_run_is_followed_by_its_version(live: Live, script: Script) -> None:
    async with aclosing(runs.follow(OWNER, live, "r1")) as states:
        before = await anext(states)
        # A point is no change of the run.
        await script.log("loss", [0.5])
        await script.send(Warn("one"))
        after = await anext(states)
    assert (after.version, list(after.warnings)) == (before.version + 1, ["one"])


async def test_a_change_is_read_once_for_all_who_wait_for_it(live: Live, script: Script) -> None:
    states = [runs.follow(OWNER, live, "r1") for _ in range(9)]
    lists = [runs.follow_all(OWNER, live, MNIST) for _ in range(9)]
    async with AsyncExitStack() as stack:
        for each in (*states, *lists):
            await anext(await stack.enter_async_context(aclosing(each)))
        waiting = [asyncio.create_task(told(each)) for each in (*states, *lists)]
        await asyncio.sleep(0)
        await script.send(Warn("one"))
        found = await asyncio.gather(*waiting)
    state, news = found[0], found[-1]
    assert (state.warnings, news.runs) == (["one"], [state])
    assert [id(each) for each in found] == [id(state)] * 9 + [id(news)] * 9


async def told(following: AsyncGenerator[Any]) -> Any:
    return await anext(following)


async def test_a_list_is_told_what_changed_and_when_a_run_left_it(
    live: Live, script: Script
) -> None:
    wanted = replace(MNIST, statuses=frozenset({RunStatus.RUNNING}))
    async with aclosing(runs.follow_all(OWNER, live, wanted)) as changes:
        assert (await anext(changes)).reset
        await script.send(Warn("one"))
        told = await anext(changes)
        assert [run.warnings for run in told.runs] == [["one"]]
        await started(live, "elsewhere", experiment="other")
        await started(live, "new")
        assert [run.public_id for run in (await anext(changes)).runs] == ["new"]
        await script.send(Status(RunStatus.COMPLETED))
        assert (await anext(changes)).reset
        await script.send(Warn("two"))
        await started(live, "last")
        assert [run.public_id for run in (await anext(changes)).runs] == ["last"]


async def test_a_list_that_slept_too_long_reads_again(live: Live) -> None:
    async with aclosing(runs.follow_all(OWNER, live, MNIST)) as changes:
        assert (await anext(changes)).reset
        for n in range(CHANGED_MAX + 1):
            live.announce(f"r{n}")
        assert (await anext(changes)).reset
