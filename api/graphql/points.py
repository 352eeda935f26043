"""Logging without the SDK: a few points at a time."""

from collections.abc import Mapping
from typing import Annotated, cast

import strawberry

from api.domain import points
from api.errors import Gone, RunvaneError, UnknownRun
from api.graphql.info import Info
from api.graphql.payloads import IDEMPOTENCY_KEY, UserError, settled
from api.graphql.policy import LOG
from api.graphql.scalars import BigInt, DateTime, MetricValue

PLACES: Mapping[type[RunvaneError], list[str]] = {
    UnknownRun: ["input", "runId"],
    Gone: ["input", "runId"],
}


@strawberry.input(description="One number of a metric, in its column `value`.")
class MetricPointInput:
    metric: str = strawberry.field(description="The metric's name, in 1 to 250 characters.")
    step: BigInt = strawberry.field(
        description="Where it stands: a step that comes again keeps all of its points."
    )
    value: MetricValue = strawberry.field(description="The number.")
    time: DateTime | None = strawberry.field(
        default=None, description="When it was measured; null: now, as the server has it."
    )


@strawberry.input(description="What is to be logged to one run.")
class LogMetricsInput:
    run_id: str = strawberry.field(
        description="The run's public id. It takes points also after it ended, not once deleted."
    )
    points: list[MetricPointInput] = strawberry.field(
        description="1 to 1,000 points, of as many metrics; of more, send columns to `/ingest/v1`."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(description="What was logged, or why nothing was.")
class LogMetricsPayload:
    point_count: int = strawberry.field(
        description="How many points are on disk by this; 0 after an error."
    )
    user_errors: list[UserError] = strawberry.field(
        description="Empty when all was kept; `path` leads to what is wrong, and nothing was kept."
    )


@strawberry.type
class PointMutations:
    @strawberry.mutation(
        extensions=LOG,
        description="Log numbers to a run, all of them or none; answered once they are on disk. "
        "For tools without the SDK.",
    )
    async def log_metrics(
        self,
        info: Info,
        input: Annotated[  # noqa: A002 - GraphQL's name for it
            LogMetricsInput, strawberry.argument(description="Which run, and its points.")
        ],
    ) -> LogMetricsPayload:
        given = [
            points.Point(each.metric, each.step, cast("float", each.value), each.time)
            for each in input.points
        ]
        context = info.context
        key = input.idempotency_key
        logging = points.log(context.actor, context.live, input.run_id, given, key)
        wrong = await settled(logging, ["input"], PLACES)
        return LogMetricsPayload(point_count=0 if wrong else len(given), user_errors=wrong or [])
