"""Who is limited to an experiment: every other one, and what is in it, is not there for them."""

import pytest

from api.conditions import Attribute, RunFilter, TreeScope
from api.domain import batches, experiments, exports, facets, runs, series
from api.errors import Forbidden, NotFound, UnknownParent, UnknownRun
from api.live import Live
from api.records import Actor, Describe, ExperimentKey, Scope, SeriesQuery, Start, Tags
from tests.api.scripts import OWNER, Script, block, fold_all

pytestmark = pytest.mark.anyio
ALL = RunFilter(scope=TreeScope.ANY)


@pytest.fixture
async def guest(live: Live) -> Actor:
    """Two experiments with a run and a child each; the guest is limited to `own`."""
    for name in ("own", "other"):
        script = Script(live, f"{name}-run", "w")
        await script.start(experiment=name)
        await script.log("loss", [1.0, 2.0])
        await Script(live, f"{name}-child", "w").start(experiment=name, parent=f"{name}-run")
    await fold_all(live)
    found = await experiments.find(OWNER, "own")
    assert found
    return Actor("a guest", frozenset(Scope), ExperimentKey(found.id, found.name))


async def test_what_is_listed_and_counted_is_of_the_experiment(guest: Actor) -> None:
    page = await runs.page(guest, ALL, first=9, after=None, counted=True)
    assert {run.public_id for run in page.items} == {"own-run", "own-child"}
    assert page.total
    assert page.total.value == (await runs.count(guest, ALL)).value == 2
    for wanted in (RunFilter(experiment="other"), RunFilter(parent="other-run")):
        page = await runs.page(guest, wanted, first=9, after=None, counted=True)
        assert (page.items, page.more) == ([], False)
        assert page.total
        assert page.total.value == (await runs.count(guest, wanted)).value == 0
        seen = await runs.trees(guest, wanted, first=9, after=None)
        assert seen.items == []
        assert (await facets.of(guest, wanted, [Attribute.NAME], first=9)).runs == 0
    (names,) = (await facets.of(guest, ALL, [Attribute.EXPERIMENT], first=9)).facets
    assert [(each.value, each.runs) for each in names.values] == [("own", 2)]
    listed = await experiments.page(guest, first=9, after=None)
    assert [each.name for each in listed.items] == ["own"]
    assert await experiments.count(guest) == 1
    assert await experiments.find(guest, "other") is None
    assert await experiments.find(guest, "own")
    other = await experiments.find(OWNER, "other")
    assert other
    assert await experiments.find_by_id(guest, other.id) is None


async def test_another_experiment_s_run_is_not_there(live: Live, guest: Actor) -> None:
    assert await runs.find(guest, "own-run")
    assert await runs.find(guest, "other-run") is None
    asked = SeriesQuery(runs=["own-run", "other-run"], metric="loss")
    drawn = await series.series(guest, asked)
    assert [line.run for line in drawn.lines] == ["own-run"]
    assert drawn.points_total == 2
    with pytest.raises(NotFound):
        await anext(exports.pages(guest, "other-run", "loss", "value"))
    with pytest.raises(NotFound):
        await anext(series.follow(guest, live, {"other-run": None}, None))
    with pytest.raises(NotFound):
        await anext(runs.follow(guest, live, "other-run"))


async def test_nothing_is_changed_in_another_experiment(live: Live, guest: Actor) -> None:
    before = await runs.get(OWNER, "other-run")
    for changing in (
        runs.update(guest, live, "other-run", describe=Describe(name="x"), tags=Tags({})),
        runs.cancel(guest, live, "other-run", ""),
        runs.end(guest, live, "other-run", before.status, ""),
        runs.delete(guest, live, "other-run"),
        runs.restore(guest, live, "other-run"),
        runs.purge(guest, live, "other-run"),
    ):
        with pytest.raises(NotFound, match="no run other-run"):
            await changing
    assert await runs.get(OWNER, "other-run") == before
    for start, error in (
        (Start(experiment="other"), Forbidden),
        (Start(experiment="new"), Forbidden),
        (Start(experiment="own", parent="other-run"), UnknownParent),
    ):
        with pytest.raises(error):
            await runs.create(guest, live, run_id=None, start=start, tags={}, params={})
    assert (await runs.count(OWNER, ALL)).value == 4
    assert await experiments.count(OWNER) == 2
    start = Start(experiment="", parent="own-run")
    made = await runs.create(guest, live, run_id=None, start=start, tags={}, params={})
    assert made.experiment == "own"


async def test_a_script_logs_to_its_experiment_and_to_no_other(live: Live, guest: Actor) -> None:
    before = await runs.get(OWNER, "other-run")
    for run, error, *events in (
        ("other-run", UnknownRun),
        ("other-run", UnknownRun, Describe(name="x")),
        ("other-run", Forbidden, Start(experiment="own"), Describe(name="x")),
        ("new", Forbidden, Start(experiment="other")),
        ("new", UnknownParent, Start(experiment="own", parent="other-run")),
    ):
        batch = Script(live, run, "w2").batch(*events, blocks=[block("loss", [3.0])])
        with pytest.raises(error):
            await batches.accept(guest, live, batch)
    assert await runs.get(OWNER, "other-run") == before
    assert await runs.find(OWNER, "new") is None
    script = Script(live, "new", "w2")
    for batch in (
        script.batch(Start(experiment="own", parent="own-run")),
        script.batch(blocks=[block("loss", [3.0])]),
    ):
        await batches.accept(guest, live, batch)


async def test_news_of_another_experiment_is_none(live: Live, guest: Actor) -> None:
    news = runs.follow_all(guest, live, ALL)
    assert (await anext(news)).reset
    await runs.update(OWNER, live, "other-run", describe=Describe(name="x"), tags=Tags({}))
    await runs.delete(OWNER, live, "other-child")
    await runs.update(OWNER, live, "own-run", describe=Describe(name="y"), tags=Tags({}))
    told = await anext(news)
    assert (told.reset, [run.public_id for run in told.runs]) == (False, ["own-run"])
    await news.aclose()
