"""Which values runs have, and how many of them."""

from typing import Self

import strawberry

from api import analysis
from api.graphql.scalars import Value


@strawberry.type(description="A value, and how many runs have it.")
class RunFacetValue:
    value: Value | None = strawberry.field(
        description="The value; null: what equals nothing, such as a bare tag."
    )
    runs: int = strawberry.field(description="How many runs have it.")


@strawberry.type(description="What the numbers among the values are; infinities and NaN are none.")
class RunFacetNumbers:
    min: float = strawberry.field(description="The least number.")
    max: float = strawberry.field(description="The greatest number.")
    histogram: list[int] = strawberry.field(
        description="How many runs are in each of 20 even parts from min to max, which is in the "
        "last one; one part where both are the same."
    )

    @classmethod
    def of(cls, record: analysis.Numbers) -> Self:
        return cls(min=float(record.min), max=float(record.max), histogram=list(record.histogram))


@strawberry.type(
    description="What runs have of one subject. `values`, `others` and `missing` are all of them."
)
class RunFacet:
    values: list[RunFacetValue] = strawberry.field(
        description='The most common values; what reads the same (64, 64.0 and "64") is one.'
    )
    distinct: int = strawberry.field(description="How many different values there are.")
    others: int = strawberry.field(description="How many runs have another value than these.")
    missing: int = strawberry.field(description="How many runs have none.")
    numbers: RunFacetNumbers | None = strawberry.field(
        description="What its numbers are; null without one."
    )

    @classmethod
    def of(cls, record: analysis.Facet) -> Self:
        return cls(
            values=[
                RunFacetValue(
                    value=None if each.value is None else Value(each.value), runs=each.runs
                )
                for each in record.values
            ],
            distinct=record.distinct,
            others=record.others,
            missing=record.missing,
            numbers=RunFacetNumbers.of(record.numbers) if record.numbers else None,
        )


@strawberry.type(description="What the runs of a filter have.")
class RunFacets:
    facets: list[RunFacet] = strawberry.field(
        description="One for each subject, in the order asked for."
    )
    runs: int = strawberry.field(description="How many runs were looked at.")
    capped: bool = strawberry.field(
        description="True: there are more runs, of which these are the newest 10,000."
    )

    @classmethod
    def of(cls, record: analysis.Facets) -> Self:
        facets = [RunFacet.of(each) for each in record.facets]
        return cls(facets=facets, runs=record.runs, capped=record.capped)
