"""Lines of a chart: columns over one shared x, drawn or computed with as they are."""

from collections.abc import Callable
from typing import Self, TypeAlias

import strawberry

from api import analysis, records
from api.graphql import cursors
from api.graphql.scalars import BigInt, Cells, Column, Halved

Saying: TypeAlias = Callable[[records.Column], Column]


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
    run_id: str = strawberry.field(description="The run's public id.")
    mean: Column = strawberry.field(description="The mean at each x, or the value itself.")
    min: Column = strawberry.field(description="The least value at each x.")
    max: Column = strawberry.field(description="The greatest value at each x.")
    first: Column = strawberry.field(description="The first value at each x.")
    last: Column = strawberry.field(description="The last value at each x.")
    smoothed: Column | None = strawberry.field(
        description="`mean` made smooth as asked for, with its gaps; null without `smoothing`."
    )
    marks: list[Mark] = strawberry.field(description="Where values are not finite.")
    cursor: str = strawberry.field(
        description="Follow the run after this: nothing is lost and nothing repeated."
    )

    @classmethod
    def of(cls, record: records.Line, smoothed: records.Column | None, column: Saying) -> Self:
        return cls(
            run_id=record.run,
            mean=column(record.mean),
            min=column(record.min),
            max=column(record.max),
            first=column(record.first),
            last=column(record.last),
            smoothed=None if smoothed is None else column(smoothed),
            marks=[Mark.of(each) for each in record.marks],
            cursor=cursors.stream_of(record.cursor),
        )


@strawberry.type(
    description="Runs that have the same values, over the shared x. At each place every run counts "
    "once, with the mean of what it has there; null where there is nothing to say."
)
class SeriesGroup:
    values: Cells = strawberry.field(description="What its runs have, in the order of `groupBy`.")
    run_ids: list[str] = strawberry.field(
        description="The runs' public ids, in the order asked for."
    )
    n: Column = strawberry.field(description="How many of the runs have a finite value there.")
    mean: Column = strawberry.field(description="The mean over the runs.")
    median: Column = strawberry.field(description="The median over the runs.")
    min: Column = strawberry.field(description="The least value that any of the runs has there.")
    max: Column = strawberry.field(description="The greatest value that any of the runs has there.")
    std: Column = strawberry.field(
        description="The sample's standard deviation over the runs; null for fewer than two."
    )
    stderr: Column = strawberry.field(description="The standard error of the mean: std / sqrt(n).")
    smoothed: Column | None = strawberry.field(
        description="`mean` made smooth as asked for, with its gaps; null without `smoothing`."
    )

    @classmethod
    def of(cls, record: analysis.Group, column: Saying) -> Self:
        return cls(
            values=Cells(record.values),
            run_ids=list(record.runs),
            n=Column(record.n),
            mean=column(record.mean),
            median=column(record.median),
            min=column(record.min),
            max=column(record.max),
            std=column(record.std),
            stderr=column(record.stderr),
            smoothed=None if record.smoothed is None else column(record.smoothed),
        )


@strawberry.type(
    description="Lines over one shared x. When exact, a line holds its points as they were "
    "logged; else every place of x is a bucket that keeps its extremes."
)
class Series:
    x: Column = strawberry.field(description="The places on x, ascending, in the units of x.")
    lines: list[Line] = strawberry.field(description="One line for each run that has points.")
    groups: list[SeriesGroup] = strawberry.field(
        description="The runs by `groupBy`, in the order of their first ones; empty without it."
    )
    points_total: BigInt = strawberry.field(
        description="How many points the runs logged in this part of x."
    )
    points_returned: BigInt = strawberry.field(
        description="How many values the lines have here, all together."
    )
    method: records.Method = strawberry.field(description="How the points came about.")
    exact: bool = strawberry.field(description="Whether nothing was thinned out.")

    @classmethod
    def of(cls, record: analysis.Analysis, precision: records.Precision) -> Self:
        def column(values: records.Column) -> Column:
            half = precision is records.Precision.FLOAT32
            return Column(Halved(values) if half else values)

        series = record.series
        smoothed = record.smoothed or [None] * len(series.lines)
        return cls(
            x=Column(series.x),
            lines=[
                Line.of(line, smooth, column)
                for line, smooth in zip(series.lines, smoothed, strict=True)
            ],
            groups=[SeriesGroup.of(each, column) for each in record.groups],
            points_total=BigInt(series.points_total),
            points_returned=BigInt(sum(_held(each.mean) for each in series.lines)),
            method=series.method,
            exact=series.exact,
        )


@strawberry.input(description="A part of x, both ends included, in the units of x.")
class Range:
    from_: float = strawberry.field(name="from", description="The first x wanted.")
    to: float = strawberry.field(description="The last x wanted.")


def _held(column: records.Column) -> int:
    if column.dtype == object:
        return sum(value is not None for value in column)
    return len(column)
