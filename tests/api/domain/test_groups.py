"""What groups say is what a plain look at the runs' own values says."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.analysis import Analysis, Group, GroupKey, Method, Smoothing
from api.conditions import Attribute, Param, Tag
from api.domain import groups
from api.domain.aggregates import grouped
from api.errors import Forbidden, Invalid
from api.live import Live
from api.records import Column, Line, Params, RunStatus, SeriesQuery, Status, Tags, XAxis
from tests.api.scripts import OWNER, STRANGER, Script, fold_all

NAN, INF = float("nan"), float("inf")
LOSS = SeriesQuery(runs=[], metric="loss", together=True)
VALUES = st.one_of(
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-10, 10),
    st.integers(-(2**63), 2**63 - 1),
    st.just(0.1),
)
TABLES = st.integers(0, 12).flatmap(
    lambda n: st.lists(st.lists(VALUES, min_size=n, max_size=n), min_size=1, max_size=5)
)


def column(values: Sequence[Any]) -> Column:
    return np.array([*values, None], dtype=object)[:-1]


def line(run: str, values: Sequence[Any]) -> Line:
    of = column(values)
    return Line(run=run, mean=of, min=of, max=of, first=of, last=of, marks=[], cursor={})


def only(lines: Sequence[Line]) -> Group:
    """All lines as one group."""
    made = grouped([], lines, None)
    assert made.runs == [each.run for each in lines]
    return made


@settings(deadline=None)
@given(TABLES)
def test_a_group_is_what_a_plain_look_at_each_place_says(table: list[list[Any]]) -> None:
    group = only([line(f"r{n}", values) for n, values in enumerate(table)])
    for place in range(len(table[0])):
        here = [values[place] for values in table if values[place] is not None]
        floats = [float(value) for value in here]
        most = max(map(abs, floats), default=0.0)
        # The least numbers there are have but a few digits.
        near = 1e-12 * most + 1e-320
        assert group.n[place] == len(here)
        assert (group.min[place], group.max[place]) == (
            min(here, default=None),
            max(here, default=None),
        )
        said = [group.mean[place], group.median[place], group.std[place], group.stderr[place]]
        if not here:
            assert said == [None] * 4
            continue
        # Halves, for the sum of two may be no number.
        tenth = [value / 10 for value in floats]
        assert said[0] == pytest.approx(statistics.fmean(tenth) * 10, abs=near)
        assert min(floats) <= said[0] <= max(floats)
        assert said[1] == pytest.approx(statistics.median(tenth) * 10, rel=1e-12, abs=near)
        if len(here) == 1:
            assert said[2:] == [None, None]
            continue
        with np.errstate(over="ignore"):
            std = np.std([value / (most or 1) for value in floats], ddof=1) * (most or 1)
        assert said[2] == pytest.approx(std, abs=near)
        assert said[3] == pytest.approx(std / len(here) ** 0.5, abs=near)


def test_large_integers_are_extremes_as_they_are() -> None:
    big = 2**53
    group = only([line("a", [big + 1, big]), line("b", [big, None])])
    assert (group.max.tolist(), group.min.tolist()) == ([big + 1, big], [big, big])
    for value in (big + 1, -big - 1):
        alone = only([line("a", [value])])
        assert (alone.max.tolist(), alone.min.tolist()) == ([value], [value])
    whole = replace(line("a", []), min=np.array([big + 1]), max=np.array([big + 1]))
    assert only([replace(whole, mean=np.array([big + 1]))]).max.tolist() == [big + 1]


@pytest.fixture
async def sweep(live: Live, script: Script) -> Mapping[str, Script]:
    """Four runs of two learning rates, one that says its rate as text, one without."""
    made = {"r1": script}
    rates = {"r1": 0.1, "r2": 0.1, "r3": "0.1", "r4": 64, "r5": 64.0, "r6": None}
    for name, rate in rates.items():
        run = made.setdefault(name, Script(live, name, f"w-{name}"))
        if name != "r1":
            await run.start()
        await run.send(Params({} if rate is None else {"lr": rate}), Tags({"team": name[1] < "4"}))
    return made


async def ask(runs: Sequence[str], by: Sequence[GroupKey] | None, **changed: Any) -> Analysis:
    how = changed.pop("smoothing", None)
    asked = replace(LOSS, runs=runs, **changed)
    return await groups.analysis(OWNER, asked, by=by, smoothing=how)


@pytest.mark.anyio
@pytest.mark.parametrize("folded", [False, True])
async def test_runs_that_read_the_same_are_a_group(
    live: Live, sweep: Mapping[str, Script], *, folded: bool
) -> None:
    for n, run in enumerate(sweep.values()):
        await run.log("loss", [float(n), NAN if n == 1 else n + 0.5], [0, 2])
    await sweep["r1"].log("loss", [INF], [3])
    if folded:
        await fold_all(live)
    names = ["r6", *list(sweep)[:5], "none"]
    found = await ask(names, [Param("lr")])
    assert [(each.values, each.runs) for each in found.groups] == [
        ([None], ["r6"]),
        ([0.1], ["r1", "r2", "r3"]),
        ([64], ["r4", "r5"]),
    ]
    assert found.series.x.tolist() == [0, 2, 3]
    rate = found.groups[1]
    assert rate.n.tolist() == [3, 2, 0]
    assert rate.mean.tolist() == [1.0, 1.5, None]
    assert rate.median.tolist() == [1.0, 1.5, None]
    assert (rate.min.tolist(), rate.max.tolist()) == ([0.0, 0.5, None], [2.0, 2.5, None])
    assert rate.std.tolist() == [1.0, pytest.approx(2**0.5), None]
    assert rate.stderr.tolist() == [pytest.approx(3**-0.5), pytest.approx(1.0), None]
    assert [each.kind for each in found.series.lines[1].marks] == ["Infinity"]
    assert found.groups[0].std.tolist() == [None, None, None]


@pytest.mark.anyio
async def test_runs_are_told_apart_by_several_keys_or_by_none(sweep: Mapping[str, Script]) -> None:
    await sweep["r3"].send(Status(RunStatus.COMPLETED))
    found = await ask(list(sweep), [Tag("team"), Attribute.STATUS, Attribute.EXPERIMENT])
    assert [(each.values, each.runs) for each in found.groups] == [
        ([True, "Running", "mnist"], ["r1", "r2"]),
        ([True, "Completed", "mnist"], ["r3"]),
        ([False, "Running", "mnist"], ["r4", "r5", "r6"]),
    ]
    assert [each.runs for each in (await ask(list(sweep), [])).groups] == [list(sweep)]
    assert not (await ask(list(sweep), None)).groups
    assert not (await ask([], [])).groups
    for wrong in ([Attribute.DURATION], [Param(str(n)) for n in range(6)]):
        with pytest.raises(Invalid):
            await ask(["r1"], wrong)
    with pytest.raises(Forbidden):
        await groups.analysis(STRANGER, LOSS, by=[], smoothing=None)


@pytest.mark.anyio
async def test_a_run_of_many_points_weighs_as_much_as_one_of_few(
    sweep: Mapping[str, Script],
) -> None:
    await sweep["r1"].log("loss", [-1.0, 1.0] * 500, range(1000))
    await sweep["r2"].log("loss", [10.0, 30.0], [0, 400])
    found = await ask(["r1", "r2"], [], points_max=1)
    (group,) = found.groups
    assert (group.mean.tolist(), group.n.tolist()) == ([10.0], [2])
    # What the run logged, not its mean.
    assert (group.min.tolist(), group.max.tolist()) == ([-1.0], [30.0])


@pytest.mark.anyio
@pytest.mark.parametrize("x", [XAxis.METRIC, XAxis.RELATIVE])
async def test_runs_meet_where_each_has_x_of_its_own(
    live: Live, sweep: Mapping[str, Script], x: XAxis
) -> None:
    for n, name in enumerate(("r1", "r2", "r3")):
        at = [step * 10 + n for step in range(100)]
        await sweep[name].log("epoch", [float(each) for each in at], at)
        await sweep[name].log("loss", [float(n)] * 100, at)
    await fold_all(live)
    found = await ask(["r1", "r2", "r3"], [], x=x, x_metric="epoch")
    assert len(found.series.x) == 100
    (group,) = found.groups
    assert set(group.n.tolist()) == {3}
    assert set(group.mean.tolist()) == {1.0}
    alone = await ask(["r1", "r2", "r3"], None, x=x, x_metric="epoch", together=False)
    assert alone.series.exact


@pytest.mark.anyio
async def test_smooth_lines_stand_beside_what_was_logged(sweep: Mapping[str, Script]) -> None:
    await sweep["r1"].log("loss", [0.0, NAN, 4.0, 100.0], range(4))
    await sweep["r2"].log("loss", [2.0, 6.0], [0, 2])
    how = Smoothing(Method.EXPONENTIAL, 0.5)
    found = await ask(["r1", "r2"], [], smoothing=how)
    first, second = found.series.lines
    assert first.mean.tolist() == [0.0, None, 4.0, 100.0]
    assert first.max.tolist() == first.mean.tolist()
    assert found.smoothed
    assert found.smoothed[0].tolist() == [0.0, None, pytest.approx(8 / 3), pytest.approx(58.285714)]
    assert found.smoothed[1].tolist() == [2.0, None, pytest.approx(14 / 3), None]
    assert second.mean.tolist() == [2.0, None, 6.0, None]
    (group,) = found.groups
    assert group.mean.tolist() == [1.0, None, 5.0, 100.0]
    assert group.smoothed is not None
    assert group.smoothed.tolist() == [1.0, None, pytest.approx(11 / 3), pytest.approx(58.714286)]
    assert group.max.tolist() == [2.0, None, 6.0, 100.0]
    with pytest.raises(Invalid):
        await ask(["r1"], None, smoothing=Smoothing(Method.EXPONENTIAL, 1.0))
