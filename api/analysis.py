"""What is computed of many runs' values: plain frozen values."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from api.conditions import Attribute, Param, Tag
from api.records import Column, MetricKind, Run, Series, Stat

# What runs are told apart by.
GroupKey: TypeAlias = Attribute | Param | Tag


class Method(Enum):
    """How a line is made smooth, and what its amount is."""

    # The weight of what came before, from 0 to less than 1.
    EXPONENTIAL = "ema"
    # The standard deviation, in places of x.
    GAUSSIAN = "gaussian"
    # An odd number of places.
    MEAN = "mean"


@dataclass(frozen=True, slots=True)
class Smoothing:
    method: Method
    amount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """
    Runs that have the same values, over a shared x; columns hold None where they say nothing.

    `n` counts the runs that have a value at a place. All but `min` and `max` are of one value
    for each of these: the mean of what the run has there. `std` is the sample's, from two
    runs on, and `stderr` is that of the mean.
    """

    values: Sequence[Any]
    runs: Sequence[str]
    n: Column
    mean: Column
    median: Column
    min: Column
    max: Column
    std: Column
    stderr: Column
    smoothed: Column | None


@dataclass(frozen=True, slots=True)
class Analysis:
    """A series, its lines' means made smooth where that was asked for, and its groups."""

    series: Series
    smoothed: Sequence[Column] | None = None
    groups: Sequence[Group] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeGroup:
    """Runs below one that are alike: `n` of the `runs` have a finite value."""

    value: Any
    runs: int
    n: int
    mean: float | None
    median: float | None
    min: float | None
    max: float | None
    std: float | None
    stderr: float | None


@dataclass(frozen=True, slots=True)
class TreeAggregate:
    """`capped`: there are more runs, or groups, than were looked at."""

    groups: Sequence[TreeGroup]
    runs: int
    capped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunGroup:
    """Runs of a list that are alike; of each column `n` of them have a finite value."""

    value: Any
    runs: int
    n: Sequence[int]
    mean: Sequence[float | None]
    std: Sequence[float | None]
    min: Sequence[float | None]
    max: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class RunGroups:
    """Of so many runs; `capped`: there are more runs, of which these are the newest, or groups."""

    groups: Sequence[RunGroup]
    runs: int
    capped: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """
    One thing that runs have, in their order; `has` tells a missing one from null.

    `differs`: they are not all the same. `changes` are from the first run's number, `percents`
    are those in % of its size; None where either is no finite number, or the first one is 0.
    """

    name: str
    values: Sequence[Any]
    has: Sequence[bool]
    differs: bool
    changes: Sequence[float | int | None]
    percents: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class MetricDifference:
    metric: str
    column: str
    stat: Stat
    found: Difference


@dataclass(frozen=True, slots=True)
class SharedMetric:
    name: str
    kind: MetricKind


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDifference:
    """In what runs differ; `capped`: some run has more metrics than were looked at."""

    runs: Sequence[Run]
    params: Sequence[Difference]
    tags: Sequence[Difference]
    properties: Sequence[Difference]
    facts: Sequence[Difference]
    metrics: Sequence[MetricDifference]
    shared: Sequence[SharedMetric]
    capped: bool


@dataclass(frozen=True, slots=True)
class FacetValue:
    """None is what they have that equals nothing: null, a list or an object."""

    value: Any
    runs: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of finite ones: how many runs have each even part from min to max, which is in the last."""

    min: float | int
    max: float | int
    histogram: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """What runs have of one subject: `values` are the most common ones of `distinct`."""

    values: Sequence[FacetValue]
    distinct: int
    # Runs that have another value; that have none.
    others: int
    missing: int
    numbers: Numbers | None


@dataclass(frozen=True, slots=True)
class Facets:
    """Of so many runs; `capped`: these are the newest of more."""

    facets: Sequence[Facet]
    runs: int
    capped: bool
