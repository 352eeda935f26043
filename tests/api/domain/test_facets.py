"""What a filter's panel is offered is what the same filter then finds."""

import math
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from api.analysis import Facet, Numbers
from api.conditions import (
    AllOf,
    Attribute,
    Check,
    Comparison,
    MetricStat,
    Param,
    RunFilter,
    Subject,
    Tag,
    TreeScope,
)
from api.domain import facets, runs
from api.live import Live
from api.records import Start, Stat
from api.storage.terms import spelled
from tests.api.domain.test_filters import SUBJECTS, Known, belongs, make, question_of, stop_clock
from tests.api.scripts import OWNER

pytestmark = pytest.mark.anyio
QUESTIONS = 40
ANY = TreeScope.ANY


def held_by(known: Known, subject: Subject, now: int) -> Sequence[Any]:
    """Its value, if it has one."""
    if isinstance(subject, Attribute | MetricStat):
        return [value for value in known.values(subject, now) if value is not None]
    of = known.run.params if isinstance(subject, Param) else known.run.tags
    return [of[subject.key]] if subject.key in of else []


async def tagged(live: Live, run: str, value: float) -> None:
    start = Start(experiment="a")
    await runs.create(OWNER, live, run_id=run, start=start, tags={"n": value}, params={})


def numbers_of(values: Sequence[Any]) -> tuple[float, float, int] | None:
    found = [
        each for each in values if isinstance(each, int | float) and not isinstance(each, bool)
    ]
    finite = [each for each in found if math.isfinite(each)]
    return (min(finite), max(finite), len(finite)) if finite else None


def told(facet: Facet) -> tuple[float, float, int] | None:
    numbers = facet.numbers
    return numbers and (numbers.min, numbers.max, sum(numbers.histogram))


async def test_values_and_counts_are_what_a_model_counts(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(5)
    every = await make(live, dice)
    now = stop_clock(monkeypatch)
    monkeypatch.setattr(facets, "now_ms", lambda: now)
    wide = [RunFilter(experiment=name, scope=ANY) for name in ("a", None)]
    met = 0
    for wanted in [*wide, *(question_of(dice)[0] for _ in range(QUESTIONS))]:
        meant = [each for each in every if belongs(each, wanted, now)]
        subjects = SUBJECTS if wanted in wide else dice.sample(SUBJECTS, 8)
        for begin in range(0, len(subjects), 20):
            some = subjects[begin : begin + 20]
            found = await facets.of(OWNER, wanted, some, first=3)
            assert (found.runs, found.capped) == (len(meant), False)
            for subject, facet in zip(some, found.facets, strict=True):
                values = [value for each in meant for value in held_by(each, subject, now)]
                counts = Counter(spelled(value) for value in values)
                common = sorted(counts.items(), key=lambda each: (-each[1], each[0] or ""))[:3]
                shown = [(spelled(each.value), each.runs) for each in facet.values]
                assert shown == common, (wanted, subject)
                assert facet.distinct == len(counts)
                assert facet.others == len(values) - sum(n for _, n in common)
                assert facet.missing == len(meant) - len(values)
                assert told(facet) == numbers_of(values), (wanted, subject)
                met += len(values)
    assert met > 1000


async def test_each_value_is_counted_as_the_filter_for_it_finds_runs(live: Live) -> None:
    await make(live, random.Random(6))
    wanted = RunFilter(experiment="a", scope=ANY)
    asked = [Param("lr"), Param("bs"), Tag("n"), Attribute.NAME, MetricStat("loss", stat=Stat.MIN)]
    found = await facets.of(OWNER, wanted, asked, first=1000)
    checked = 0
    for subject, facet in zip(asked, found.facets, strict=True):
        for each in facet.values:
            if each.value is not None:
                check = Check(subject, Comparison.EQUAL, each.value)
                one = RunFilter(experiment="a", scope=ANY, where=AllOf([check]))
                assert (await runs.count(OWNER, one)).value == each.runs, (subject, each)
                checked += 1
    assert checked > 10


async def test_of_more_runs_than_are_looked_at_the_newest_are_counted(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        await tagged(live, f"r{n}", n)
    monkeypatch.setattr(facets, "FACET_RUNS_MAX", 3)
    found = await facets.of(OWNER, RunFilter(), [Tag("n")], first=2)
    (facet,) = found.facets
    assert (found.runs, found.capped) == (3, True)
    assert [(each.value, each.runs) for each in facet.values] == [(2, 1), (3, 1)]
    assert (facet.distinct, facet.others, facet.missing) == (3, 1, 0)


async def test_numbers_as_far_apart_as_they_can_be_have_a_histogram(live: Live) -> None:
    values = [-1.7e308, 0, 1.7e308, 1.7e308]
    for n, value in enumerate(values):
        await tagged(live, f"r{n}", value)
    (facet,) = (await facets.of(OWNER, RunFilter(), [Tag("n")], first=9)).facets
    assert facet.numbers == Numbers(-1.7e308, 1.7e308, [1, *[0] * 9, 1, *[0] * 8, 2])
