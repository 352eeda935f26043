"""What can be followed: points by a cursor, and states, of which the latest comes at least once."""

from collections.abc import AsyncGenerator, Hashable
from contextlib import aclosing
from typing import Annotated, Any, Self

import strawberry

from api import records
from api.domain import logs, runs, series, targets
from api.domain.series import RUNS_MAX
from api.errors import Invalid
from api.graphql import cursors
from api.graphql.filters import Filter, filter_of
from api.graphql.info import Info
from api.graphql.logs import LogAppended, StreamName
from api.graphql.metrics import MetricColumnInput, MetricsAppended, RunCursor
from api.graphql.news import shared
from api.graphql.policy import READ
from api.graphql.runs import Run
from api.graphql.targets import ComputeTargetsChanged


@strawberry.type(description="What moved in a list of runs.")
class RunsChanged:
    reset: bool = strawberry.field(description="True: read the page again.")
    runs: list[Run] = strawberry.field(
        description="Else the runs that changed, each in its latest state."
    )
    # What was answered of it: the same for all who follow by the same document.
    answers: strawberry.Private[dict[Hashable, Any]]

    @classmethod
    def of(cls, record: records.RunsChanged) -> Self:
        return cls(reset=record.reset, runs=Run.all_of(record.runs), answers={})


@strawberry.type(description="What can be followed.")
class Subscription:
    @strawberry.subscription(
        extensions=READ,
        description="Points of up to 200 runs as they come. Without `after` it begins now: a "
        "run's first event holds its cursor and no points. Over server-sent events each has an "
        "`id`; `Last-Event-ID` goes on behind it, whatever `after` says.",
    )
    async def metrics_appended(
        self,
        info: Info,
        runs: Annotated[
            list[RunCursor], strawberry.argument(description="The runs, and where to begin.")
        ],
        columns: Annotated[
            list[MetricColumnInput] | None,
            strawberry.argument(description="Which columns; null: all."),
        ] = None,
    ) -> AsyncGenerator[MetricsAppended]:
        if len(runs) > RUNS_MAX:
            raise Invalid(f"runs: {len(runs):,} to follow, at most {RUNS_MAX}")
        context = info.context
        begin = {each.run_id: cursors.stream(each.after) for each in runs}
        if context.place.after:
            begin.update(cursors.places(context.place.after, begin))
        wanted = None if columns is None else [(each.metric, each.column) for each in columns]
        following = series.follow(context.actor, context.live, begin, wanted)
        async with aclosing(following) as news:
            async for appended, place in news:
                if place.words is None:
                    place.words = cursors.places_of(place.reached)
                context.place.reached = place.words
                yield shared(appended, MetricsAppended.of)

    @strawberry.subscription(
        extensions=READ,
        description="What is written to a log, as it comes; the log need not be there yet. Without "
        "`after` it begins now: the first event holds the cursor and no blocks. Over server-sent "
        "events each has an `id`; `Last-Event-ID` goes on behind it, whatever `after` says.",
    )
    async def log_appended(
        self,
        info: Info,
        run_id: Annotated[str, strawberry.argument(description="The run's public id.")],
        stream: StreamName,
        after: Annotated[
            str | None, strawberry.argument(description="The last cursor you saw; null: begin now.")
        ] = None,
    ) -> AsyncGenerator[LogAppended]:
        context = info.context
        begin = cursors.offsets(context.place.after or after)
        following = logs.follow(context.actor, context.live, run_id, stream, begin)
        async with aclosing(following) as news:
            async for appended, place in news:
                if place.words is None:
                    place.words = cursors.stream_of(place.reached[stream])
                context.place.reached = place.words
                yield shared(appended, LogAppended.of)

    @strawberry.subscription(
        extensions=READ, description="The run's state, at once and whenever it changed."
    )
    async def run_changed(
        self,
        info: Info,
        run_id: Annotated[str, strawberry.argument(description="The run's public id.")],
    ) -> AsyncGenerator[Run]:
        context = info.context
        async with aclosing(runs.follow(context.actor, context.live, run_id)) as states:
            async for state in states:
                yield shared(state, Run.of)

    @strawberry.subscription(
        extensions=READ,
        description="First `reset: true` (read the page again), then runs that changed, each in "
        "its latest state.",
    )
    async def runs_changed(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002 - GraphQL's name for it
    ) -> AsyncGenerator[RunsChanged]:
        context = info.context
        following = runs.follow_all(context.actor, context.live, filter_of(filter))
        async with aclosing(following) as changes:
            async for change in changes:
                yield shared(change, RunsChanged.of)

    @strawberry.subscription(
        extensions=READ,
        description="First `reset: true` (read the page again), then compute targets of which runs "
        "changed, each in its latest state. That a node was heard of is no change.",
    )
    async def compute_targets_changed(self, info: Info) -> AsyncGenerator[ComputeTargetsChanged]:
        following = targets.follow(info.context.actor, info.context.live)
        async with aclosing(following) as changes:
            async for change in changes:
                yield shared(change, ComputeTargetsChanged.of)
