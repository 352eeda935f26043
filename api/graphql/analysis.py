"""What is computed of many runs' values, as GraphQL asks for it."""

from typing import Self

import strawberry

from api import analysis
from api.conditions import Attribute, Param, Tag
from api.errors import Invalid
from api.graphql.metrics import finite
from api.graphql.scalars import Cells, Value


@strawberry.input(
    one_of=True,
    description="What runs are told apart by: one thing they have. What reads the same is the "
    'same (64, 64.0 and "64"); runs without it are together, too.',
)
class RunGroupKey:
    param: str | None = strawberry.field(
        default=strawberry.UNSET, description="A parameter's name."
    )
    tag: str | None = strawberry.field(default=strawberry.UNSET, description="A tag's name.")
    attribute: Attribute | None = strawberry.field(
        default=strawberry.UNSET, description="Something every run has; not DURATION."
    )

    def record(self) -> analysis.GroupKey:
        if isinstance(self.param, str):
            return Param(self.param)
        if isinstance(self.tag, str):
            return Tag(self.tag)
        if isinstance(self.attribute, Attribute):
            return self.attribute
        raise Invalid("say one of param, tag and attribute to group by")


@strawberry.input(
    one_of=True,
    description="How lines are made smooth, over the places of x in their order; gaps stay gaps.",
)
class Smoothing:
    ema: float | None = strawberry.field(
        default=strawberry.UNSET,
        description="As TensorBoard does: the weight of what came before, from 0 to less than 1.",
    )
    gaussian: float | None = strawberry.field(
        default=strawberry.UNSET,
        description="By weights around each place: their standard deviation in places, at most 50.",
    )
    mean: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="By the mean of so many places around each: an odd number, at most 501.",
    )

    def record(self) -> analysis.Smoothing:
        said = [
            analysis.Smoothing(method, amount)
            for method in analysis.Method
            if (amount := getattr(self, method.value)) not in (None, strawberry.UNSET)
        ]
        if len(said) != 1:
            raise Invalid("say one of ema, gaussian and mean")
        return said[0]


@strawberry.type(description="Runs below one that are alike, and what their values say together.")
class TreeGroup:
    value: Value | None = strawberry.field(description="What they have; null: none of it.")
    runs: int = strawberry.field(description="How many runs they are.")
    n: int = strawberry.field(description="How many of these have a finite value.")
    mean: float | None = strawberry.field(description="The mean of the values.")
    median: float | None = strawberry.field(description="The median of the values.")
    min: float | None = strawberry.field(description="The least value.")
    max: float | None = strawberry.field(description="The greatest value.")
    std: float | None = strawberry.field(
        description="The sample's standard deviation; null for fewer than two values."
    )
    stderr: float | None = strawberry.field(description="The standard error: std / sqrt(n).")

    @classmethod
    def of(cls, record: analysis.TreeGroup) -> Self:
        return cls(
            value=None if record.value is None else Value(record.value),
            runs=record.runs,
            n=record.n,
            mean=record.mean,
            median=record.median,
            min=record.min,
            max=record.max,
            std=finite(record.std),
            stderr=finite(record.stderr),
        )


@strawberry.type(description="One statistic of a metric column over all runs below one.")
class TreeAggregate:
    groups: list[TreeGroup] = strawberry.field(
        description="By value, numbers first; at most 1,000 groups."
    )
    runs: int = strawberry.field(description="How many runs were looked at.")
    capped: bool = strawberry.field(
        description="True: there are more runs, for all of a page at most 10,000, or more groups."
    )

    @classmethod
    def of(cls, record: analysis.TreeAggregate) -> Self:
        groups = [TreeGroup.of(each) for each in record.groups]
        return cls(groups=groups, runs=record.runs, capped=record.capped)


@strawberry.type(
    description="Runs of a list that are alike. What it says of values is one cell for each "
    "column asked for."
)
class RunGroup:
    value: Value | None = strawberry.field(description="What they have; null: none of it.")
    runs: int = strawberry.field(description="How many runs they are.")
    n: Cells = strawberry.field(description="How many of these have a finite value.")
    mean: Cells = strawberry.field(description="The mean of the values.")
    std: Cells = strawberry.field(
        description="The sample's standard deviation; null for fewer than two values."
    )
    min: Cells = strawberry.field(description="The least value.")
    max: Cells = strawberry.field(description="The greatest value.")

    @classmethod
    def of(cls, record: analysis.RunGroup) -> Self:
        return cls(
            value=None if record.value is None else Value(record.value),
            runs=record.runs,
            n=Cells(record.n),
            mean=Cells(record.mean),
            std=Cells(record.std),
            min=Cells(record.min),
            max=Cells(record.max),
        )


@strawberry.type(description="A list of runs in groups.")
class RunGroups:
    groups: list[RunGroup] = strawberry.field(
        description="By value, numbers first, what they do not have last."
    )
    runs: int = strawberry.field(description="How many runs were looked at.")
    capped: bool = strawberry.field(
        description="True: there are more runs, of which these are the newest 10,000, or more "
        "groups."
    )

    @classmethod
    def of(cls, record: analysis.RunGroups) -> Self:
        groups = [RunGroup.of(each) for each in record.groups]
        return cls(groups=groups, runs=record.runs, capped=record.capped)
