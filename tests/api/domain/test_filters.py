"""A plain model of lists: whatever is asked, and however it is read, the answer is the model's."""

import math
import operator
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cmp_to_key, partial
from typing import Any

import pytest

from api.conditions import (
    ORDERED,
    AllOf,
    AnyOf,
    Attribute,
    Below,
    Check,
    Comparison,
    Condition,
    MetricStat,
    Not,
    Param,
    RunFilter,
    RunSort,
    Subject,
    Tag,
    TagFilter,
    TreeScope,
)
from api.domain import runs
from api.domain.clock import now_ms
from api.errors import Invalid
from api.live import Live
from api.records import Count, Direction, Position, Run, RunStatus, Start, Stat
from api.storage import listing, plans
from api.storage.database import as_json
from api.storage.terms import spelled
from tests.api.scripts import OWNER, Script, fold_all

pytestmark = pytest.mark.anyio
NAN, INF = math.nan, math.inf
RUNS = 36
ROOTS = TreeScope.ROOTS
CHILD = Below(AllOf([]), direct=True)
QUESTIONS = 120
NAMES = ["Sweep", "sweep 2", "Läufe", "run_%", "zeta", "alpha"]
PARAMS: Mapping[str, Sequence[Any]] = {
    "lr": [0.5, 0.25, 1, 1.0, "auto", "Auto 2", True, None, [1], "1"],
    "bs": [32, 64, 64.0, "64", 2**60],
    "odd'key": ["ü", "", "%", "_", -1e300],
}
TAGS: Mapping[str, Sequence[Any]] = {"team": ["vision", "audio", None], "n": [1, 2, 1.5, "x"]}
POINTS = [1.0, 2.0, 0.5, -1.0, 0.25, NAN, INF, -INF]
NUMBERS = [0, 1, 0.25, 0.5, 2, 64, -1, 2**60, 1e12, INF]
WORDS = ["auto", "A", "sweep", "64", "1", "vision", "%", "_", "Completed", "ü", "Läufe", "zzz"]
SUBJECTS: Sequence[Subject] = [
    *Attribute,
    *map(Param, (*PARAMS, "none")),
    *map(Tag, (*TAGS, "none")),
    *(MetricStat(metric, stat=stat) for metric in ("loss", "acc") for stat in Stat),
    MetricStat("none"),
]


@dataclass(frozen=True)
class Known:
    run: Run
    points: Mapping[str, Sequence[float]]
    children: list["Known"] = field(default_factory=list["Known"])

    @property
    def below(self) -> Sequence["Known"]:
        return [each for child in self.children for each in (child, *child.below)]

    def values(self, subject: Subject, now: int) -> tuple[Any, ...]:
        """What it is sorted by; None is missing."""
        if isinstance(subject, Attribute):
            return (self._attribute(subject, now),)
        if isinstance(subject, MetricStat):
            return (self._stat(subject),)
        held = self.run.params if isinstance(subject, Param) else self.run.tags
        value: Any = held.get(subject.key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return (float(value), None)
        return (None, None if value is None else spelled(value) or as_json(value))

    def meets(self, condition: Condition, now: int) -> bool:
        match condition:
            case AllOf(parts):
                return all(self.meets(part, now) for part in parts)
            case AnyOf(parts):
                return any(self.meets(part, now) for part in parts)
            case Not(part):
                return not self.meets(part, now)
            case Below(part, direct):
                there = self.run.deleted is None
                return any(
                    (each.run.deleted is None) is there and each.meets(part, now)
                    for each in (self.children if direct else self.below)
                )
            case Check(subject, comparison, against):
                if isinstance(subject, Attribute | MetricStat):
                    (value,) = self.values(subject, now)
                    return value is not None and _compared(comparison, value, against)
                held = self.run.params if isinstance(subject, Param) else self.run.tags
                return subject.key in held and _meets(comparison, held[subject.key], against)

    def _attribute(self, subject: Attribute, now: int) -> Any:
        run = self.run
        if subject is Attribute.DURATION:
            if run.client_started is not None and run.client_ended is not None:
                return (run.client_ended - run.client_started) / 1000
            return None if run.started is None else ((run.ended or now) - run.started) / 1000
        value = getattr(run, subject.value)
        return value if subject is Attribute.NAME or value != "" else None

    def _stat(self, wanted: MetricStat) -> float | None:
        values = self.points.get(wanted.metric, ())
        finite = [value for value in values if math.isfinite(value)]
        if not values:
            return None
        match wanted.stat:
            case Stat.LAST:
                return None if math.isnan(values[-1]) else values[-1]
            case Stat.COUNT:
                return float(len(values))
            case Stat.MIN | Stat.MAX | Stat.FIRST if finite:
                return {Stat.MIN: min(finite), Stat.MAX: max(finite)}.get(wanted.stat, finite[0])
            case Stat.MEAN if finite:
                return sum(finite) / len(finite)
            case _:
                return None


def _always(most: int, *_: object) -> int:
    return most


def stop_clock(monkeypatch: pytest.MonkeyPatch) -> int:
    """Runs that go on get no older from here on: a test may take longer than a duration asked."""
    now = now_ms()
    monkeypatch.setattr(runs, "now_ms", lambda: now)
    return now


def _meets(comparison: Comparison, value: Any, against: Any) -> bool:
    equal = spelled(value) is not None and spelled(value) == spelled(against)
    if comparison in (Comparison.EQUAL, Comparison.NOT_EQUAL):
        return equal is (comparison is Comparison.EQUAL)
    if comparison is Comparison.EXISTS:
        return True
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number is isinstance(against, str) or not (number or isinstance(value, str)):
        return False
    return _compared(comparison, value, against)


def _compared(comparison: Comparison, value: Any, against: Any) -> bool:
    if comparison is Comparison.EXISTS:
        return True
    if comparison is Comparison.CONTAINS:
        return against.lower() in value.lower()
    return {
        Comparison.EQUAL: operator.eq,
        Comparison.NOT_EQUAL: operator.ne,
        Comparison.LESS: operator.lt,
        Comparison.LESS_OR_EQUAL: operator.le,
        Comparison.GREATER: operator.gt,
        Comparison.GREATER_OR_EQUAL: operator.ge,
    }[comparison](value, against)


def expected(
    every: Sequence[Known], wanted: RunFilter, sorts: Sequence[RunSort], now: int
) -> Sequence[str]:
    found = [each for each in every if belongs(each, wanted, now)]
    ways = [sort.direction is Direction.DESCENDING for sort in sorts]

    def compare(a: Known, b: Known) -> int:
        for sort, down in zip(sorts, ways, strict=True):
            for x, y in zip(a.values(sort.subject, now), b.values(sort.subject, now), strict=True):
                if x != y:
                    if x is None or y is None:
                        return 1 if x is None else -1
                    return (1 if x < y else -1) if down else (1 if x > y else -1)
        if a.values(sorts[0].subject, now)[0] is None and a.run.created != b.run.created:
            return 1 if a.run.created < b.run.created else -1
        return (1 if a.run.id < b.run.id else -1) if ways[0] else (1 if a.run.id > b.run.id else -1)

    return [each.run.public_id for each in sorted(found, key=cmp_to_key(compare))]


def belongs(known: Known, wanted: RunFilter, now: int) -> bool:
    run = known.run
    return (
        wanted.experiment in (None, run.experiment)
        and (run.parent == wanted.parent or (wanted.scope is not ROOTS and wanted.parent is None))
        and (wanted.scope is not TreeScope.LEAVES or not known.meets(CHILD, now))
        and (not wanted.statuses or run.status in wanted.statuses)
        and all(
            tag.key in run.tags and tag.value in (None, spelled(run.tags[tag.key]))
            for tag in wanted.tags
        )
        and (wanted.name or "").lower() in run.name.lower()
        and (run.deleted is not None) is wanted.deleted
        and (wanted.where is None or known.meets(wanted.where, now))
    )


async def read(wanted: RunFilter, sorts: Sequence[RunSort], first: int) -> Sequence[str]:
    """All pages, one after the other."""
    seen: list[str] = []
    totals = set[Count | None]()
    after: Position | None = None
    while True:
        page = await runs.page(OWNER, wanted, sorts, first=first, after=after, counted=True)
        seen += [run.public_id for run in page.items]
        totals.add(page.total)
        if not page.more:
            assert totals == {Count(len(seen), capped=False)}
            return seen
        after = page.positions[-1]


async def make(live: Live, dice: random.Random) -> Sequence[Known]:
    points: dict[str, Mapping[str, Sequence[float]]] = {}
    for n in range(RUNS):
        parent = f"r{dice.randrange(n)}" if n and dice.random() < 0.4 else None
        start = Start(
            experiment=dice.choice("ab"),
            name=dice.choice(NAMES),
            parent=parent,
            kind=dice.choice(["", "train"]),
            target=dice.choice([None, "gpu", "cpu"]),
        )
        params = {k: dice.choice(v) for k, v in PARAMS.items() if dice.random() < 0.7}
        tags = {k: dice.choice(v) for k, v in TAGS.items() if dice.random() < 0.6}
        await runs.create(OWNER, live, run_id=f"r{n}", start=start, tags=tags, params=params)
        points[f"r{n}"] = {}
        for metric in ("loss", "acc"):
            if dice.random() < 0.7:
                values = [dice.choice(POINTS) for _ in range(dice.randrange(1, 4))]
                points[f"r{n}"] = {**points[f"r{n}"], metric: values}
                await Script(live, f"r{n}", f"w{metric}").log(metric, values)
        if dice.random() < 0.5:
            end = dice.choice([RunStatus.COMPLETED, RunStatus.FAILED])
            await runs.end(OWNER, live, f"r{n}", end, dice.choice(["", "because"]))
    await fold_all(live)
    for _ in range(3):
        await runs.delete(OWNER, live, f"r{dice.randrange(RUNS)}")
    known = {run: Known(await runs.get(OWNER, run), of) for run, of in points.items()}
    for each in known.values():
        if each.run.parent:
            known[each.run.parent].children.append(each)
    return list(known.values())


def check_of(dice: random.Random) -> Condition:
    while True:
        subject, comparison = dice.choice(SUBJECTS), dice.choice(list(Comparison))
        value = dice.choice([*NUMBERS, *WORDS, True, RunStatus.RUNNING.value])
        if subject in (Attribute.DURATION, Attribute.HEARTBEAT) and comparison not in (
            Comparison.EXISTS,
            *ORDERED,
        ):
            continue
        if comparison is Comparison.EXISTS:
            return Check(subject, comparison)
        try:
            return Check(subject, comparison, value)
        except Invalid:
            continue


def condition_of(dice: random.Random, depth: int = 0) -> Condition:
    kind = dice.random()
    if depth > 2 or kind < 0.5:
        return check_of(dice)
    if kind < 0.6:
        return Not(condition_of(dice, depth + 1))
    if kind < 0.7:
        return Below(condition_of(dice, depth + 1), direct=dice.random() < 0.5)
    parts = [condition_of(dice, depth + 1) for _ in range(dice.randrange(0, 4))]
    return AllOf(parts) if kind < 0.85 else AnyOf(parts)


def question_of(dice: random.Random) -> tuple[RunFilter, Sequence[RunSort]]:
    parent = f"r{dice.randrange(RUNS)}" if dice.random() < 0.1 else None
    wanted = RunFilter(
        experiment=dice.choice([None, "a", "a", "b"]),
        parent=parent,
        statuses=frozenset(dice.sample(list(RunStatus), 5))
        if dice.random() < 0.15
        else frozenset(),
        tags=[TagFilter("team", dice.choice([None, "vision"]))] if dice.random() < 0.15 else (),
        name=dice.choice([None, None, None, "SWEEP", "_"]),
        deleted=dice.random() < 0.15,
        scope=dice.choice([ROOTS, TreeScope.LEAVES, TreeScope.ANY, TreeScope.ANY]),
        where=condition_of(dice) if dice.random() < 0.7 else None,
    )
    sorts = [
        RunSort(dice.choice(SUBJECTS), dice.choice(list(Direction)))
        for _ in range(dice.choice([1, 1, 1, 2, 3]))
    ]
    return wanted, sorts


@pytest.mark.parametrize("seed", range(2))
async def test_lists_are_those_of_a_plain_model_by_either_plan(
    live: Live, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    dice = random.Random(seed)
    every = await make(live, dice)
    asked = [question_of(dice) for _ in range(QUESTIONS)]
    # Every subject sorts both ways, with nothing else said.
    asked += [
        (RunFilter(experiment=experiment, scope=TreeScope.ANY), [RunSort(subject, direction)])
        for subject in SUBJECTS
        for direction in Direction
        for experiment in ("a", None)[: 1 + (seed == 0)]
    ]
    # What is walked may be what is tested: the test bounds the walk.
    asked += [
        (RunFilter(experiment="a", scope=TreeScope.ANY, where=bound), [RunSort(bound.subject)])
        for subject in (Attribute.NUMBER, Param("lr"), MetricStat("loss"))
        for bound in (
            Check(subject, Comparison.GREATER, 0.5),
            Check(subject, Comparison.LESS_OR_EQUAL, 1),
        )
    ]
    met, now = 0, stop_clock(monkeypatch)
    for wanted, sorts in asked:
        model = expected(every, wanted, sorts, now)
        met += len(model)
        for gathers, members in ((0, 0), (1, 10**9), (10**9, 0)):
            monkeypatch.setattr(plans, "few", partial(_always, gathers))
            monkeypatch.setattr(listing, "MEMBERS_MAX", members)
            assert await read(wanted, sorts, dice.randrange(1, 8)) == model, (wanted, sorts)
        for looks in (0, 10**9):
            monkeypatch.setattr(listing, "LOOKS_MAX", looks)
            assert (await runs.count(OWNER, wanted)).value == len(model), wanted
    assert met > len(asked)


def in_sight(known: Known, wanted: RunFilter, now: int) -> bool:
    """Whether it, or one below it, is meant."""
    every = (known, *known.below)
    return any(belongs(each, wanted, now) for each in every)


async def levels(wanted: RunFilter, parent: str | None, seen: dict[str, bool]) -> None:
    """Walk through all pages of all levels; what is found, and whether it is meant itself."""
    after: Position | None = None
    while True:
        within = replace(wanted, parent=parent)
        page = await runs.trees(OWNER, within, first=3, after=after, counted=True)
        meant = await runs.meant(OWNER, wanted, page.items)
        for run in page.items:
            assert run.public_id not in seen
            seen[run.public_id] = run.id in meant
            await levels(wanted, run.public_id, seen)
        if not page.more:
            return
        after = page.positions[-1]


async def test_pages_of_trees_show_every_match_and_all_that_is_above_it(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(3)
    every = await make(live, dice)
    now = stop_clock(monkeypatch)
    there = {each.run.public_id: each for each in every if each.run.deleted is None}
    for _ in range(40):
        scope = dice.choice([ROOTS, TreeScope.ANY, TreeScope.ANY, TreeScope.LEAVES])
        wanted = RunFilter(experiment="a", scope=scope, where=condition_of(dice))
        seen: dict[str, bool] = {}
        await levels(wanted, None, seen)
        expected_ = {
            name: belongs(each, wanted, now)
            for name, each in there.items()
            if in_sight(each, wanted, now)
            or (scope is ROOTS and belongs(there[each.run.root], wanted, now))
        }
        assert seen == expected_, wanted


async def of_each(
    parents: Sequence[Run], sorts: Sequence[RunSort], first: int
) -> Mapping[int, Sequence[str]]:
    """All pages of each parent's children: the first of all of them at once."""
    pages = await runs.children(OWNER, parents, CHILDREN, sorts, first=first, after=None)
    found: dict[int, Sequence[str]] = {}
    for parent in parents:
        page = pages[parent.id]
        seen = [run.public_id for run in page.items]
        while page.more:
            after = page.positions[-1]
            # A cursor of both ways of reading is one.
            more = await runs.children(OWNER, parents, CHILDREN, sorts, first=first, after=after)
            one = replace(CHILDREN, parent=parent.public_id)
            page = await runs.page(OWNER, one, sorts, first=first, after=after)
            assert more[parent.id].items == page.items, sorts
            assert more[parent.id].more is page.more
            seen += [run.public_id for run in page.items]
        found[parent.id] = seen
    return found


CHILDREN = RunFilter(parent="")


async def test_children_of_many_runs_at_once_are_those_of_each(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(4)
    every = await make(live, dice)
    now = stop_clock(monkeypatch)
    for experiment in ("a", None):
        meant = [each for each in every if experiment in (None, each.run.experiment)]
        parents = [each.run for each in meant if each.run.deleted is None]
        for subject in SUBJECTS:
            sorts = [
                RunSort(subject, dice.choice(list(Direction))),
                *[RunSort()][: len(parents) % 2],
            ]
            found = await of_each(parents, sorts, dice.randrange(1, 4))
            counts = await runs.children(
                OWNER, parents, CHILDREN, sorts, first=0, after=None, counted=True
            )
            for parent in parents:
                one = RunFilter(parent=parent.public_id)
                model = expected(every, one, sorts, now)
                assert found[parent.id] == model, (parent.public_id, sorts)
                assert counts[parent.id].total == Count(len(model), capped=False)
    for _ in range(20):
        wanted = RunFilter(experiment="a", scope=TreeScope.ANY, where=condition_of(dice))
        roots = (await runs.trees(OWNER, wanted, first=50, after=None)).items
        at_once = await runs.tree_children(OWNER, roots, wanted, first=2, after=None)
        for root in roots:
            one = replace(wanted, parent=root.public_id)
            page = await runs.trees(OWNER, one, first=2, after=None, counted=True)
            assert at_once[root.id] == page, wanted
