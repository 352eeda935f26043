"""
Which runs a list is of, and in which order: plain frozen values.

A condition is a tree of tests. A test is true or false, never unknown: on what a
run does not have every test is false, also "not equal", while `Not` of it is true.
What a run has not: no such param, tag or metric column, a metric whose value is NaN,
text and attributes that are empty.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import TypeAlias

from api.errors import Invalid
from api.records import Direction, RunStatus, Stat

# A tree of more is refused: each test may be a look-up for each run.
TESTS_MAX = 50
CONDITION_DEPTH_MAX = 10
SORTS_MAX = 5
WRONG_CURSOR = "`after` is no cursor of this list: take endCursor of a page of it"


class Attribute(StrEnum):
    """What every run has, under the name of its column or of what stands for it."""

    RUN_ID = "public_id"
    NAME = "name"
    DESCRIPTION = "description"
    STATUS = "status"
    REASON = "reason"
    KIND = "kind"
    TARGET = "target"
    EXPERIMENT = "experiment"
    PARENT = "parent"
    ROOT = "root"
    PRIMARY_METRIC = "primary_metric"
    NUMBER = "number"
    DEPTH = "depth"
    # Times are milliseconds UTC, the duration is in seconds.
    CREATED = "created"
    STARTED = "started"
    ENDED = "ended"
    HEARTBEAT = "heartbeat"
    DURATION = "duration"

    @property
    def numeric(self) -> bool:
        return self in _NUMERIC


_NUMERIC = frozenset(
    {
        Attribute.NUMBER,
        Attribute.DEPTH,
        Attribute.CREATED,
        Attribute.STARTED,
        Attribute.ENDED,
        Attribute.HEARTBEAT,
        Attribute.DURATION,
    }
)


@dataclass(frozen=True, slots=True)
class Param:
    key: str


@dataclass(frozen=True, slots=True)
class Tag:
    key: str


@dataclass(frozen=True, slots=True)
class MetricStat:
    metric: str
    column: str = "value"
    stat: Stat = Stat.LAST


Subject: TypeAlias = Attribute | Param | Tag | MetricStat


class Comparison(Enum):
    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    # Part of a text, whatever its case.
    CONTAINS = "contains"
    # Whether the run has it at all.
    EXISTS = "exists"


ORDERED = frozenset(
    {
        Comparison.LESS,
        Comparison.LESS_OR_EQUAL,
        Comparison.GREATER,
        Comparison.GREATER_OR_EQUAL,
    }
)


@dataclass(frozen=True, slots=True)
class Check:
    """
    One look at one thing a run has.

    A param or tag equals what reads the same: 64, 64.0 and "64" are one, so are
    true and "true". The ordered comparisons look at numbers with a number, else at
    texts by code point.
    """

    subject: Subject
    comparison: Comparison
    value: str | float | int | bool | None = None

    def __post_init__(self) -> None:
        """Refuse with `Invalid` what can never be true by its types."""
        value, subject = self.value, self.subject
        if self.comparison is Comparison.EXISTS:
            if value is not None:
                raise Invalid("`exists` is asked without a value")
            return
        if value is None or (isinstance(value, float) and math.isnan(value)):
            raise Invalid("a test compares with a value; ask with `exists` whether there is one")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if self.comparison is Comparison.CONTAINS and not isinstance(value, str):
            raise Invalid("`contains` looks for a text")
        if self.comparison in ORDERED and isinstance(value, bool):
            raise Invalid("true and false have no order")
        numeric = isinstance(subject, MetricStat) or (
            isinstance(subject, Attribute) and subject.numeric
        )
        if numeric and not number:
            raise Invalid(f"{subject} is compared with a number")
        if isinstance(subject, Attribute) and not numeric and not isinstance(value, str):
            raise Invalid(f"{subject} is compared with a text")


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: Sequence["Condition"]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: Sequence["Condition"]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"


@dataclass(frozen=True, slots=True)
class Below:
    """Some run below it meets the part; `direct`: one of its own children does."""

    part: "Condition"
    direct: bool = False


Condition: TypeAlias = Check | AllOf | AnyOf | Not | Below


class TreeScope(Enum):
    """Which runs of a tree are meant."""

    ROOTS = "roots"
    ANY = "any"
    # Runs that have no children.
    LEAVES = "leaves"


@dataclass(frozen=True, slots=True)
class TagFilter:
    key: str
    # None: any value.
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """All that is said must hold. With `parent` its direct children are meant, not roots."""

    experiment: str | None = None
    parent: str | None = None
    # The run below which they are.
    above: str | None = None
    statuses: frozenset[RunStatus] = frozenset()
    tags: Sequence[TagFilter] = ()
    # Part of the name, whatever its case.
    name: str | None = None
    deleted: bool = False
    scope: TreeScope = TreeScope.ROOTS
    where: Condition | None = None


@dataclass(frozen=True, slots=True)
class RunSort:
    """One key of an order. What a run has not comes last both ways, a param's texts before it."""

    subject: Subject = Attribute.CREATED
    direction: Direction = Direction.DESCENDING


# Runs that have no parent, and those without children.
ROOTS = Check(Attribute.DEPTH, Comparison.EQUAL, 0)
LEAVES = Not(Below(AllOf([]), direct=True))


def conjuncts(condition: Condition | None) -> Sequence[Condition]:
    """What must hold at once."""
    if condition is None:
        return []
    if isinstance(condition, AllOf):
        return [each for part in condition.parts for each in conjuncts(part)]
    return [condition]


def all_of(wanted: RunFilter) -> Sequence[Condition]:
    """What the filter asks of a run's own facts, as one list of conditions."""
    equal, said = Comparison.EQUAL, list[Condition]()
    if wanted.statuses:
        names = sorted(status.value for status in wanted.statuses)
        said.append(AnyOf([Check(Attribute.STATUS, equal, name) for name in names]))
    for tag in wanted.tags:
        how = Comparison.EXISTS if tag.value is None else equal
        said.append(Check(Tag(tag.key), how, tag.value))
    if wanted.name:
        said.append(Check(Attribute.NAME, Comparison.CONTAINS, wanted.name))
    if wanted.parent is None and wanted.scope is TreeScope.ROOTS:
        said.append(ROOTS)
    if wanted.scope is TreeScope.LEAVES:
        said.append(LEAVES)
    return [*said, *conjuncts(wanted.where)]


def in_sight(wanted: RunFilter) -> RunFilter:
    """
    As a filter of roots, or of children of `parent`: those that are meant, and those above them.

    Where only roots are meant, all that is below them is in sight.
    """
    if wanted.scope is TreeScope.ROOTS:
        return wanted if wanted.parent is None else RunFilter(parent=wanted.parent)
    meant = AllOf(all_of(replace(wanted, deleted=False)))
    where = AnyOf([meant, Below(meant)]) if meant.parts else None
    return RunFilter(
        experiment=wanted.experiment, parent=wanted.parent, deleted=wanted.deleted, where=where
    )


def measured(condition: Condition) -> tuple[int, int]:
    """How many tests there are, and how deep they stand."""
    if isinstance(condition, Check):
        return 1, 1
    parts = [condition.part] if isinstance(condition, Not | Below) else condition.parts
    sizes = [measured(each) for each in parts]
    return sum(tests for tests, _ in sizes), 1 + max((depth for _, depth in sizes), default=0)


def refuse_large(wanted: RunFilter, sorts: Sequence[RunSort] = ()) -> None:
    """Raise `Invalid` for more tests, levels or keys than are looked at."""
    tests, depth = measured(wanted.where) if wanted.where else (0, 0)
    if tests > TESTS_MAX or depth > CONDITION_DEPTH_MAX:
        raise Invalid(
            f"filter: {tests} tests, {depth} within each other; "
            f"at most {TESTS_MAX}, {CONDITION_DEPTH_MAX} within each other"
        )
    if len(sorts) > SORTS_MAX:
        raise Invalid(f"sort: {len(sorts):,} keys, at most {SORTS_MAX}")
