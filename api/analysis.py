"""What is computed of many runs' values: plain frozen values."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from api.conditions import Attribute, Param, Tag
from api.records import Column, Series

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
