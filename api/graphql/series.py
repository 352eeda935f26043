"""Lines of a chart: columns over one shared x, drawn or computed with as they are."""

from typing import Self

import strawberry

from api import records
from api.graphql import cursors
from api.graphql.scalars import BigInt, Column, Halved


@strawberry.type(description="Where a value is not finite.")
class Mark:
    x: float = strawberry.field(description="The place on x.")
    kind: str = strawberry.field(description='"NaN", "Infinity" or "-Infinity".')

    @classmethod
    def of(cls, record: records.Mark) -> Self:
        return cls(x=record.x, kind=record.kind)


@strawberry.type(
    description="The finite values of one run over the shared x; null where it has none."
)
class Line:
    run_id: str = strawberry.field(description="The run.")
    mean: Column = strawberry.field(description="The mean at each x, or the value itself.")
    min: Column = strawberry.field(description="The least value at each x.")
    max: Column = strawberry.field(description="The greatest value at each x.")
    first: Column = strawberry.field(description="The first value at each x.")
    last: Column = strawberry.field(description="The last value at each x.")
    marks: list[Mark] = strawberry.field(description="Where values are not finite.")
    cursor: str = strawberry.field(
        description="Follow the run after this: nothing is lost and nothing repeated."
    )

    @classmethod
    def of(cls, record: records.Line, precision: records.Precision) -> Self:
        def column(values: records.Column) -> Column:
            half = precision is records.Precision.FLOAT32
            return Column(Halved(values) if half else values)

        return cls(
            run_id=record.run,
            mean=column(record.mean),
            min=column(record.min),
            max=column(record.max),
            first=column(record.first),
            last=column(record.last),
            marks=[Mark.of(each) for each in record.marks],
            cursor=cursors.stream_of(record.cursor),
        )


@strawberry.type(
    description="Lines over one shared x. When exact, a line holds its points as they were "
    "logged; else every place of x is a bucket that keeps its extremes."
)
class Series:
    x: Column = strawberry.field(description="The places on x, ascending, in the units of x.")
    lines: list[Line] = strawberry.field(description="One line for each run that has points.")
    points_total: BigInt = strawberry.field(description="How many points were logged there.")
    points_returned: BigInt = strawberry.field(description="How many places have a value here.")
    method: records.Method = strawberry.field(description="How the points came about.")
    exact: bool = strawberry.field(description="Whether nothing was thinned out.")

    @classmethod
    def of(cls, record: records.Series, precision: records.Precision) -> Self:
        return cls(
            x=Column(record.x),
            lines=[Line.of(each, precision) for each in record.lines],
            points_total=BigInt(record.points_total),
            points_returned=BigInt(sum(_held(each.mean) for each in record.lines)),
            method=record.method,
            exact=record.exact,
        )


@strawberry.input(description="A part of x, both ends included, in the units of x.")
class Range:
    from_: float = strawberry.field(name="from", description="The first x wanted.")
    to: float = strawberry.field(description="The last x wanted.")


def _held(column: records.Column) -> int:
    if column.dtype == object:
        return sum(value is not None for value in column)
    return len(column)
