"""Experiments, and what goes on in them."""

import math
from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any, Self, TypeAlias, TypeVar

import strawberry
from strawberry.relay import PageInfo, to_base64

from api import records
from api.domain import experiments, names
from api.graphql import cursors
from api.graphql.filters import Filter, Sort, filter_of, sorts_of
from api.graphql.info import Info
from api.graphql.metrics import MetricColumn
from api.graphql.names import MetricNameConnection, Prefix
from api.graphql.node import Node
from api.graphql.pages import After, First, clamped, page_info
from api.graphql.policy import READ
from api.graphql.runs import RunConnection, moment, run_page
from api.graphql.scalars import JSON, DateTime
from api.graphql.siblings import Siblings

V = TypeVar("V")
Loading: TypeAlias = Coroutine[Any, Any, V]
ColumnPrefix: TypeAlias = Annotated[
    str, strawberry.argument(description="How the metrics' names begin.")
]


@strawberry.type(description="How many runs have a status.")
class StatusCount:
    status: records.RunStatus = strawberry.field(description="The status.")
    count: int = strawberry.field(description="The number of runs.")
    capped: bool = strawberry.field(description="True: at least that many (10,000 or more).")


@strawberry.type(description="The best run by the primary metric that was declared last.")
class BestRun:
    metric: str = strawberry.field(description="The primary metric.")
    goal: records.Goal = strawberry.field(description="Which way it is better.")
    value: float = strawberry.field(description="The best value of it.")
    run_id: str = strawberry.field(description="The run that has it.")
    run_name: str = strawberry.field(description="The run's name.")

    @classmethod
    def of(cls, record: records.Best) -> Self:
        return cls(
            metric=record.metric,
            goal=record.goal,
            value=record.value,
            run_id=record.run,
            run_name=record.run_name,
        )


@strawberry.type(description="A parameter that some of the newest runs have.")
class ParamColumn:
    key: str = strawberry.field(description="The parameter's name.")
    varies: bool = strawberry.field(description="Whether these runs differ in it.")

    @classmethod
    def of(cls, record: records.ParamColumn) -> Self:
        return cls(key=record.key, varies=record.varies)


@strawberry.type(description="A named set of runs.")
class Experiment(Node):
    record: strawberry.Private[records.Experiment]
    siblings: strawberry.Private[Siblings[records.Experiment]]
    name: str = strawberry.field(description="Its name, unique on this server.")
    description: str = strawberry.field(description="A description in Markdown.")
    tags: JSON = strawberry.field(description="Its tags by name.")
    created_at: DateTime = strawberry.field(
        description="When it was made, by its first run or before it."
    )
    archived_at: DateTime | None = strawberry.field(
        description="When it was archived; null: it is not."
    )

    @strawberry.field(
        extensions=READ,
        description="Runs of any depth by status; statuses without runs are left out.",
    )
    async def status_counts(
        self,
        info: Info,
        statuses: Annotated[
            list[records.RunStatus] | None,
            strawberry.argument(description="Which are counted; null: all."),
        ] = None,
    ) -> list[StatusCount]:
        only = None if statuses is None else frozenset(statuses)
        found = await self.siblings.fetch(
            ("statuses", only),
            lambda all_: experiments.statuses(info.context.actor, all_, only),
        )
        return [
            StatusCount(status=status, count=count.value, capped=count.capped)
            for status, count in found.get(self.record.id, {}).items()
        ]

    @strawberry.field(
        extensions=READ, description="When one of its runs last changed; null: it has none."
    )
    async def last_activity_at(self, info: Info) -> DateTime | None:
        found = await self._fetched(info, experiments.last_activity)
        return moment(found.get(self.record.id))

    @strawberry.field(
        extensions=READ,
        description="Runs created on each of the last 28 days (UTC), oldest first.",
    )
    async def runs_per_day(self, info: Info) -> list[int]:
        return list((await self._fetched(info, experiments.per_day))[self.record.id])

    @strawberry.field(
        extensions=READ, description="Its best run; null while no primary metric is declared."
    )
    async def best(self, info: Info) -> BestRun | None:
        best = (await self._fetched(info, experiments.best)).get(self.record.id)
        return BestRun.of(best) if best and math.isfinite(best.value) else None

    @strawberry.field(
        extensions=READ, description="Metric columns of its runs by name, for a column picker."
    )
    async def metric_columns(
        self,
        info: Info,
        prefix: ColumnPrefix = "",
        first: First = 200,
    ) -> list[MetricColumn]:
        found = await experiments.metric_columns(
            info.context.actor, self.record, prefix=prefix, first=clamped(first)
        )
        return [MetricColumn.of(each) for each in found]

    @strawberry.field(
        extensions=READ, description="Parameters of its newest runs by name, for a column picker."
    )
    async def param_columns(self, info: Info, first: First = 200) -> list[ParamColumn]:
        actor = info.context.actor
        found = await experiments.param_columns(actor, self.record, first=clamped(first))
        return [ParamColumn.of(each) for each in found]

    @strawberry.field(
        extensions=READ,
        description="Its runs, as `runs` of the query gives them; `filter.experiment` is this "
        "one, whatever it says.",
    )
    async def runs(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002 - GraphQL's name for it
        sort: Sort = None,
        first: First = 50,
        after: After = None,
    ) -> RunConnection:
        wanted = filter_of(filter, self.record.name)
        return await run_page(info, wanted, sorts_of(sort), first=first, after=after)

    @strawberry.field(
        extensions=READ,
        description="Runs of any depth that have a metric, the best by its least or greatest "
        "value first; of equals the older. Values may be a few seconds old.",
    )
    async def best_runs(
        self,
        info: Info,
        metric: Annotated[
            str | None,
            strawberry.argument(description="The metric; null: the primary one declared last."),
        ] = None,
        column: Annotated[str, strawberry.argument(description="The metric's column.")] = "value",
        goal: Annotated[
            records.Goal | None,
            strawberry.argument(description="Which way it is better; null: as declared."),
        ] = None,
        first: First = 10,
        after: After = None,
    ) -> RunConnection:
        actor = info.context.actor
        wanted, order = await experiments.judged(actor, self.record, metric, column, goal)
        return await run_page(info, wanted, order, first=first, after=after)

    @strawberry.field(
        extensions=READ, description="The names of its runs' metrics, each once, by code point."
    )
    async def metric_names(
        self, info: Info, prefix: Prefix = "", first: First = 200, after: After = None
    ) -> MetricNameConnection:
        place = cursors.position(after)
        page = await names.of_experiment(
            info.context.actor, self.record, prefix=prefix, first=clamped(first), after=place
        )
        return MetricNameConnection.of(page, after)

    async def _fetched(
        self, info: Info, load: Callable[[records.Actor, Sequence[records.Experiment]], Loading[V]]
    ) -> V:
        actor = info.context.actor
        return await self.siblings.fetch(load, lambda all_: load(actor, all_))

    @classmethod
    def of(
        cls, record: records.Experiment, siblings: Siblings[records.Experiment] | None = None
    ) -> Self:
        return cls(
            record=record,
            siblings=siblings or Siblings([record]),
            id=strawberry.ID(to_base64("Experiment", str(record.id))),
            name=record.name,
            description=record.description,
            tags=JSON(record.tags),
            created_at=DateTime(record.created),
            archived_at=moment(record.archived),
        )

    @classmethod
    def all_of(cls, found: Sequence[records.Experiment]) -> list[Self]:
        siblings = Siblings(found)
        return [cls.of(each, siblings) for each in found]


@strawberry.type(description="An experiment in a list.")
class ExperimentEdge:
    cursor: str = strawberry.field(description="The place behind it: give it as `after`.")
    node: Experiment = strawberry.field(description="The experiment.")


@strawberry.type(description="A page of experiments, newest first.")
class ExperimentConnection:
    archived: strawberry.Private[bool | None]
    name: strawberry.Private[str | None]
    # How many there are, where the page has them all.
    whole: strawberry.Private[int | None]
    edges: list[ExperimentEdge] = strawberry.field(description="The experiments of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page is.")

    @strawberry.field(extensions=READ, description="How many experiments there are in all.")
    async def total_count(self, info: Info) -> int:
        if self.whole is not None:
            return self.whole
        return await experiments.count(info.context.actor, archived=self.archived, name=self.name)

    @classmethod
    def of(
        cls,
        page: records.Page[records.Experiment],
        after: str | None,
        *,
        archived: bool | None,
        name: str | None,
    ) -> Self:
        places = [cursors.position_of(each) for each in page.positions]
        nodes = Experiment.all_of(page.items)
        return cls(
            archived=archived,
            name=name,
            whole=None if after or page.more else len(nodes),
            edges=[ExperimentEdge(cursor=c, node=n) for c, n in zip(places, nodes, strict=True)],
            page_info=page_info(places, more=page.more, after=after),
        )
