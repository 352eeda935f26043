"""Many runs changed at once."""

from collections.abc import Awaitable, Sequence
from typing import Annotated, Self, TypeAlias

import strawberry

from api import records
from api.domain import bulk
from api.errors import RunvaneError
from api.graphql.info import Info
from api.graphql.payloads import UserError, object_of, settled
from api.graphql.policy import WRITE
from api.graphql.runs import moment
from api.graphql.scalars import JSON, DateTime

RunIds: TypeAlias = Annotated[
    list[str], strawberry.argument(description="The runs' public ids; at most 1,000.")
]


@strawberry.type(description="What a run became by a change of many; ask `run` for more of it.")
class ChangedRun:
    run_id: str = strawberry.field(description="The run's public id.")
    status: records.RunStatus = strawberry.field(description="What it is doing.")
    tags: JSON = strawberry.field(description="Its tags by name.")
    deleted_at: DateTime | None = strawberry.field(description="When it was deleted.")
    version: int = strawberry.field(description="Counts its changes.")

    @classmethod
    def of(cls, record: records.Run) -> Self:
        return cls(
            run_id=record.public_id,
            status=record.status,
            tags=JSON(record.tags),
            deleted_at=moment(record.deleted),
            version=record.version,
        )


@strawberry.type(description="What became of each of many runs; one's error keeps no other back.")
class RunsPayload:
    runs: list[ChangedRun | None] = strawberry.field(
        description="Each in the place of its id; null where it has an error."
    )
    user_errors: list[UserError] = strawberry.field(
        description="Why some were not changed; `path` ends with the place among `runIds`, from 0."
    )


@strawberry.type
class BulkMutations:
    @strawberry.mutation(
        extensions=WRITE,
        description="Ask runs to stop; their scripts see the request and end. What still waits for "
        "a compute target is canceled at once.",
    )
    async def cancel_runs(
        self,
        info: Info,
        run_ids: RunIds,
        reason: Annotated[
            str, strawberry.argument(description="Why, in words, for the runs' history.")
        ] = "",
    ) -> RunsPayload:
        context = info.context
        return await _payload(bulk.cancel(context.actor, context.live, run_ids, reason))

    @strawberry.mutation(
        extensions=WRITE,
        description="Delete runs, each with all that is below it; for 30 days "
        "(`RUNVANE_TRASH_DAYS`) they can be restored.",
    )
    async def delete_runs(self, info: Info, run_ids: RunIds) -> RunsPayload:
        context = info.context
        return await _payload(bulk.delete(context.actor, context.live, run_ids))

    @strawberry.mutation(
        extensions=WRITE,
        description="Undo the deletion of runs, and of what was deleted together with them.",
    )
    async def restore_runs(self, info: Info, run_ids: RunIds) -> RunsPayload:
        context = info.context
        return await _payload(bulk.restore(context.actor, context.live, run_ids))

    @strawberry.mutation(extensions=WRITE, description="Set and remove tags of runs.")
    async def tag_runs(
        self,
        info: Info,
        run_ids: RunIds,
        set_tags: Annotated[
            JSON | None, strawberry.argument(description="An object: tags to set by name.")
        ] = None,
        remove_tags: Annotated[
            list[str] | None, strawberry.argument(description="Names of tags to remove.")
        ] = None,
    ) -> RunsPayload:
        context = info.context

        async def tag() -> Sequence[records.Run | RunvaneError]:
            tags = records.Tags(object_of(set_tags, "setTags"), remove_tags or [])
            return await bulk.tag(context.actor, context.live, run_ids, tags)

        return await _payload(tag())


async def _payload(doing: Awaitable[Sequence[records.Run | RunvaneError]]) -> RunsPayload:
    found = await settled(doing, ["runIds"])
    runs: list[ChangedRun | None] = []
    wrong: list[UserError] = []
    for place, each in enumerate(found):
        if isinstance(each, UserError):
            wrong.append(each)
        elif isinstance(each, RunvaneError):
            runs.append(None)
            wrong.append(UserError.of(each, ["runIds", str(place)]))
        else:
            runs.append(ChangedRun.of(each))
    return RunsPayload(runs=runs, user_errors=wrong)
