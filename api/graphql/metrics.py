"""Metrics of a run: what the server keeps of each column, and points as they came."""

import math
from collections.abc import Hashable, Mapping, Sequence
from itertools import groupby
from typing import Annotated, Any, Self

import strawberry
from strawberry import UNSET

from api import records
from api.domain import metrics
from api.graphql import cursors
from api.graphql.info import Info
from api.graphql.pages import clamped
from api.graphql.policy import READ
from api.graphql.scalars import BigInt, Column, DateTime, MetricValue


@strawberry.type(description="One column of values under its name.")
class NamedColumn:
    name: str = strawberry.field(description='The name; "value" for a scalar metric.')
    values: Column = strawberry.field(description="The values, one for each step.")


@strawberry.type(description="Points of one metric, as columns of one length.")
class MetricBlock:
    name: str = strawberry.field(description="The metric's name.")
    kind: records.MetricKind = strawberry.field(description="What the points were logged as.")
    steps: Column = strawberry.field(description="The steps, as the script counts them.")
    times: Column = strawberry.field(description="The client's times in milliseconds UTC.")
    columns: list[NamedColumn] = strawberry.field(description="The values, by column.")

    @classmethod
    def of(cls, record: records.Block) -> Self:
        return cls(
            name=record.name,
            kind=record.kind,
            steps=Column(record.steps),
            times=Column(record.times),
            columns=_named(record.columns),
        )


@strawberry.type(description="News of one run.")
class MetricsAppended:
    run_id: str = strawberry.field(description="The run's public id.")
    cursor: str = strawberry.field(
        description="Give it as `after`: what comes then is lost nowhere and repeated nowhere."
    )
    reset: bool = strawberry.field(
        description="True: `after` was too old; read `series` again and go on from this cursor."
    )
    blocks: list[MetricBlock] = strawberry.field(description="The new points, by metric.")
    # What was answered of it: the same for all who follow by the same document.
    answers: strawberry.Private[dict[Hashable, Any]]

    @classmethod
    def of(cls, record: records.Appended) -> Self:
        return cls(
            run_id=record.run,
            cursor=cursors.stream_of(record.cursor),
            reset=record.reset,
            blocks=[MetricBlock.of(each) for each in record.blocks],
            answers={},
        )


@strawberry.type(description="The newest points of a metric as a table, oldest first.")
class MetricRows:
    steps: Column = strawberry.field(description="The step of each row.")
    times: Column = strawberry.field(
        description="The client's time of each row, in milliseconds UTC."
    )
    columns: list[NamedColumn] = strawberry.field(description="The values, by column.")
    total: BigInt = strawberry.field(description="How many points the metric has in all.")

    @classmethod
    def of(cls, record: records.Rows) -> Self:
        return cls(
            steps=Column(record.steps),
            times=Column(record.times),
            columns=_named(record.columns),
            total=BigInt(record.total),
        )


@strawberry.type(description="What the server keeps of one metric column of one run.")
class MetricSummary:
    column: str = strawberry.field(description="The column's name.")
    type: records.ColumnType = strawberry.field(description="What its newest values are.")
    n: BigInt = strawberry.field(description="How many values it has.")
    n_finite: BigInt = strawberry.field(description="How many of them are finite numbers.")
    last: MetricValue | None = strawberry.field(
        description="The value at the greatest step as it was logged; null for text and booleans."
    )
    first: float | None = strawberry.field(
        description="The first finite value; null: there is none."
    )
    min: float | None = strawberry.field(description="The least finite value; null: there is none.")
    max: float | None = strawberry.field(
        description="The greatest finite value; null: there is none."
    )
    mean: float | None = strawberry.field(
        description="The mean of the finite values; null: there is none."
    )
    last_step: BigInt = strawberry.field(description="The greatest step.")
    min_step: BigInt | None = strawberry.field(
        description="The step of the least value; null: there is none."
    )
    max_step: BigInt | None = strawberry.field(
        description="The step of the greatest value; null: there is none."
    )

    @classmethod
    def of(cls, record: records.Summary) -> Self:
        return cls(
            column=record.column,
            type=record.type,
            n=BigInt(record.n),
            n_finite=BigInt(record.n_finite),
            last=None if record.last is None else MetricValue(record.last),
            first=finite(record.first),
            min=finite(record.min),
            max=finite(record.max),
            mean=finite(record.mean),
            last_step=BigInt(record.last_step),
            min_step=None if record.min_step is None else BigInt(record.min_step),
            max_step=None if record.max_step is None else BigInt(record.max_step),
        )


@strawberry.input(one_of=True, description="A place among the points of a metric.")
class MetricPlaceInput:
    step: BigInt | None = strawberry.field(
        default=UNSET, description="The step, as the script counts."
    )
    at: DateTime | None = strawberry.field(default=UNSET, description="The client's time.")


@strawberry.type(description="When a point of a metric was logged.")
class MetricMoment:
    step: BigInt = strawberry.field(description="Its step.")
    at: DateTime = strawberry.field(description="The client's time.")


@strawberry.type(description="A metric of a run.")
class Metric:
    run: strawberry.Private[records.Run]
    name: str = strawberry.field(description="Its name, unique in the run.")
    kind: records.MetricKind = strawberry.field(description="What its first points were logged as.")
    columns: list[MetricSummary] = strawberry.field(
        description="Its columns in the order in which they were first logged."
    )

    @strawberry.field(extensions=READ, description="The newest points as a table, oldest first.")
    async def rows(
        self,
        info: Info,
        last: Annotated[
            int, strawberry.argument(description="How many points at most; cut to 1,000.")
        ] = 100,
    ) -> MetricRows:
        found = await metrics.rows(info.context.actor, self.run, self.name, last=clamped(last))
        return MetricRows.of(found)

    @strawberry.field(
        extensions=READ,
        description="Step and time of the point nearest to a place; null: it has no points.",
    )
    async def moment(
        self,
        info: Info,
        place: Annotated[MetricPlaceInput, strawberry.argument(description="A step, or a time.")],
        column: Annotated[str, strawberry.argument(description="The metric's column.")] = "value",
    ) -> MetricMoment | None:
        found = await metrics.moment(
            info.context.actor,
            self.run,
            self.name,
            column,
            step=None if place.step is UNSET else place.step,
            at=None if place.at is UNSET else place.at,
        )
        return MetricMoment(step=BigInt(found[0]), at=DateTime(found[1])) if found else None

    @classmethod
    def of(cls, run: records.Run, summaries: Sequence[records.Summary]) -> Self:
        return cls(
            run=run,
            name=summaries[0].metric,
            kind=summaries[0].kind,
            columns=[MetricSummary.of(each) for each in summaries],
        )


@strawberry.type(description="A metric column that some run has.")
class MetricColumn:
    metric: str = strawberry.field(description="The metric's name.")
    column: str = strawberry.field(description="The column's name.")
    kind: records.MetricKind = strawberry.field(description="What it was last logged as.")
    rank: int | None = strawberry.field(
        description="Its metric's place among those that the newest runs log, from 0: first what "
        "most of them log; null where none of them does."
    )

    @classmethod
    def of(cls, record: records.MetricColumn) -> Self:
        return cls(metric=record.metric, column=record.column, kind=record.kind, rank=record.rank)


@strawberry.input(description="A cell of a table: one statistic of one metric column.")
class CellInput:
    metric: str = strawberry.field(description="The metric's name.")
    column: str = strawberry.field(default="value", description="The column's name.")
    stat: records.Stat = strawberry.field(
        default=records.Stat.LAST, description="Which of its statistics."
    )

    def record(self) -> records.Wanted:
        return records.Wanted(self.metric, self.column, self.stat)


@strawberry.input(description="Which points to follow.")
class MetricColumnInput:
    metric: str = strawberry.field(description="The metric's name.")
    column: str | None = strawberry.field(
        default=None, description="The column's name; null: all of the metric's columns."
    )


@strawberry.input(description="A run, and from where on to follow it.")
class RunCursor:
    run_id: str = strawberry.field(description="The run's public id.")
    after: str | None = strawberry.field(
        default=None, description="The last cursor you saw of it; null: begin now."
    )


def metrics_of(run: records.Run, summaries: Sequence[records.Summary]) -> list[Metric]:
    """Group what is kept of a run by metric, in the order in which they were first logged."""
    grouped = groupby(summaries, key=lambda each: each.metric)
    return [Metric.of(run, list(columns)) for _, columns in grouped]


def finite(value: float | None) -> float | None:
    """A sum may have left the range of numbers, which GraphQL's Float cannot say."""
    return value if value is not None and math.isfinite(value) else None


def _named(columns: Mapping[str, records.Column]) -> list[NamedColumn]:
    return [NamedColumn(name=name, values=Column(values)) for name, values in columns.items()]
