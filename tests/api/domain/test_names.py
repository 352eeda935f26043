"""Names of metrics by prefix, the best runs, and what is below a run: on each database."""

import pytest

from api.conditions import Attribute, Param, RunFilter, RunSort, TreeScope
from api.domain import differences, experiments, names, runs, trees
from api.errors import Forbidden, Invalid
from api.live import Live
from api.records import Goal, Page, Stat, Wanted
from tests.api.scripts import OWNER, STRANGER, Script, fold_all

pytestmark = pytest.mark.anyio


async def test_names_go_on_behind_a_cursor(live: Live, script: Script) -> None:
    for name in ("b/x", "a", "b/y", "c", "é", "b/\U0001f600"):
        await script.log(name, [1.0])
    await fold_all(live)
    run, experiment = await runs.get(OWNER, "r1"), await experiments.find(OWNER, "mnist")
    assert experiment
    for prefix, wanted in [("", 6), ("b/", 3), ("é", 1), ("none", 0)]:
        for of_run in (False, True):
            seen, after, more = list[str](), None, True
            while more:
                page: Page[str] = (
                    (await names.of_runs(OWNER, [run], prefix=prefix, first=2, after=after))[run.id]
                    if of_run
                    else await names.of_experiment(
                        OWNER, experiment, prefix=prefix, first=2, after=after
                    )
                )
                seen += page.items
                more, after = page.more, (page.positions[-1] if page.positions else None)
            assert len(seen) == len(set(seen)) == wanted
            assert all(name.startswith(prefix) for name in seen)
            assert of_run or seen == sorted(seen)
    with pytest.raises(Forbidden):
        await names.of_runs(STRANGER, [run], prefix="", first=1, after=None)


async def test_what_is_below_a_run_is_found_with_its_best(
    live: Live, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    parents = {"a": "r1", "b": "a", "c": "b", "d": "r1"}
    for n, (name, parent) in enumerate(parents.items()):
        run = Script(live, name, f"w-{name}")
        await run.start(parent=parent)
        await run.log("loss", [float(n % 2), 5.0], [0, 1])
    await fold_all(live)

    async def found(wanted: RunFilter, *sorts: RunSort) -> list[str]:
        page = await runs.page(OWNER, wanted, sorts, first=10, after=None, counted=True)
        assert page.total
        assert page.total.value == len(page.items)
        return [each.public_id for each in page.items]

    anywhere = TreeScope.ANY
    assert await found(RunFilter(above="r1", scope=anywhere)) == ["d", "c", "b", "a"]
    assert await found(RunFilter(above="a", scope=anywhere)) == ["c", "b"]
    assert await found(RunFilter(above="r1", scope=TreeScope.LEAVES)) == ["d", "c"]
    assert await found(RunFilter(above="d", scope=anywhere)) == []
    assert await found(RunFilter(above="none", scope=anywhere)) == []
    experiment = await experiments.find(OWNER, "mnist")
    assert experiment
    for goal, order in [
        (Goal.MINIMIZE, ["a", "c", "b", "d"]),
        (Goal.MAXIMIZE, ["a", "b", "c", "d"]),
    ]:
        wanted, sorts = await experiments.judged(OWNER, experiment, "loss", "value", goal)
        assert await found(wanted, *sorts) == order
    top = await runs.get(OWNER, "r1")
    loss = Wanted("loss", "value", Stat.MIN)
    for by, values in [(Attribute.DEPTH, [1, 2, 3]), (Param("lr"), [None]), (None, [None])]:
        below = (await trees.aggregates(OWNER, [top], loss, by))[top.id]
        assert ([each.value for each in below.groups], below.runs) == (values, 4)
    assert (below.groups[0].mean, below.groups[0].max, below.capped) == (0.5, 1.0, False)
    monkeypatch.setattr(trees, "TREE_RUNS_MAX", 3)
    below = (await trees.aggregates(OWNER, [top], loss, None))[top.id]
    assert (below.runs, below.capped) == (3, True)
    found_different = await differences.differences(OWNER, ["a", "b"], equal=False)
    assert [each.stat for each in found_different.metrics] == [Stat.MIN]
    with pytest.raises(Invalid):
        await experiments.judged(OWNER, experiment, None, "value", None)
