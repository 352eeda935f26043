"""What can be done. What a user can get wrong is data (`userErrors`); a bug is an error."""

from collections.abc import Awaitable, Mapping
from typing import Annotated, TypeAlias

import strawberry

from api import execution, records
from api.domain import runs, submissions
from api.errors import Conflict, RunvaneError, UnknownParent
from api.graphql.bulk import BulkMutations
from api.graphql.changes import ExperimentMutations
from api.graphql.enums import RunBegin, RunEnd
from api.graphql.info import Info
from api.graphql.payloads import IDEMPOTENCY_KEY, UserError, object_of, settled
from api.graphql.points import PointMutations
from api.graphql.policy import EXECUTE, WRITE
from api.graphql.runs import Run
from api.graphql.scalars import JSON
from api.graphql.submissions import SubmitRunInput
from api.graphql.tokens import TokenMutations
from api.graphql.views import ViewMutations
from api.graphql.workers import WorkerMutations

RunId: TypeAlias = Annotated[str, strawberry.argument(description="The run's public id.")]
Reason: TypeAlias = Annotated[
    str, strawberry.argument(description="Why, in words, for the run's history.")
]
# Of a new run: what it is that there is already, or is not there yet.
PLACES: Mapping[type[RunvaneError], list[str]] = {
    Conflict: ["input", "runId"],
    UnknownParent: ["input", "parentId"],
}


@strawberry.type(description="What became of a run, or why nothing did.")
class RunPayload:
    run: Run | None = strawberry.field(description="The run as it is now; null after an error.")
    user_errors: list[UserError] = strawberry.field(description="Empty when it was done.")


@strawberry.input(description="A run to be.")
class CreateRunInput:
    experiment: str = strawberry.field(description="The experiment's name; made if it is new.")
    run_id: str | None = strawberry.field(
        default=None,
        description="1 to 256 of A-Z a-z 0-9 . _ ~ - and unique; null: the server makes one.",
    )
    name: str = strawberry.field(
        default="",
        description="The run's name; need not be unique. Empty: the experiment's with a number.",
    )
    parent_id: str | None = strawberry.field(
        default=None,
        description="The public id of its parent; the experiment is then its parent's, whatever "
        "is said.",
    )
    tags: JSON | None = strawberry.field(
        default=None, description="An object: tags by name; null is a bare tag."
    )
    params: JSON | None = strawberry.field(
        default=None, description="An object: parameters by name."
    )
    properties: JSON | None = strawberry.field(
        default=None, description="An object: properties by name."
    )
    kind: str = strawberry.field(
        default="", description="What sort of run it is, in the maker's words."
    )
    facts: JSON | None = strawberry.field(
        default=None,
        description="An object: its git state, host, packages and command; null: its script says "
        "them.",
    )
    status: RunBegin = strawberry.field(default=RunBegin.RUNNING, description="How it begins.")
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.input(description="What to change of a run; what is not given stays.")
class UpdateRunInput:
    name: str | None = strawberry.field(default=None, description="Its new name.")
    description: str | None = strawberry.field(
        default=None, description="Its new description in Markdown."
    )
    set_tags: JSON | None = strawberry.field(
        default=None, description="An object: tags to set by name."
    )
    remove_tags: list[str] = strawberry.field(
        default_factory=list[str], description="Names of tags to remove."
    )


@strawberry.type(description="What can be done.")
class Mutation(
    BulkMutations,
    ExperimentMutations,
    PointMutations,
    TokenMutations,
    ViewMutations,
    WorkerMutations,
):
    @strawberry.mutation(extensions=WRITE, description="Make a run.")
    async def create_run(
        self,
        info: Info,
        input: Annotated[  # noqa: A002 - GraphQL's name for it
            CreateRunInput, strawberry.argument(description="The run to be.")
        ],
    ) -> RunPayload:
        context = info.context

        async def create() -> records.Run:
            return await runs.create(
                context.actor,
                context.live,
                run_id=input.run_id,
                start=records.Start(
                    experiment=input.experiment,
                    name=input.name,
                    kind=input.kind,
                    parent=input.parent_id,
                    facts=object_of(input.facts, "facts"),
                ),
                status=input.status.value,
                tags=object_of(input.tags, "tags"),
                params=object_of(input.params, "params"),
                properties=object_of(input.properties, "properties"),
                key=input.idempotency_key,
            )

        return await _payload(create(), ["input"])

    @strawberry.mutation(
        extensions=EXECUTE,
        description="Make a run that waits in the queue of a compute target until a worker "
        "executes it. Refused unless the server's owner allows execution.",
    )
    async def submit_run(
        self,
        info: Info,
        input: Annotated[  # noqa: A002 - GraphQL's name for it
            SubmitRunInput, strawberry.argument(description="The run to be, and what it executes.")
        ],
    ) -> RunPayload:
        context = info.context

        async def submit() -> records.Run:
            return await submissions.submit(
                context.actor,
                context.live,
                execution.Order(
                    target=input.target,
                    definition=object_of(input.definition, "definition"),
                    slots=input.slots,
                    retryable=input.retryable,
                ),
                allowed=context.execution,
                run_id=input.run_id,
                start=records.Start(
                    experiment=input.experiment,
                    name=input.name,
                    kind=input.kind,
                    parent=input.parent_id,
                    target=input.target,
                ),
                tags=object_of(input.tags, "tags"),
                params=object_of(input.params, "params"),
                properties=object_of(input.properties, "properties"),
                key=input.idempotency_key,
            )

        return await _payload(submit(), ["input"])

    @strawberry.mutation(extensions=WRITE, description="Change a run's name, description or tags.")
    async def update_run(
        self,
        info: Info,
        run_id: RunId,
        input: Annotated[  # noqa: A002 - GraphQL's name for it
            UpdateRunInput, strawberry.argument(description="What to change.")
        ],
    ) -> RunPayload:
        context = info.context

        async def update() -> records.Run:
            return await runs.update(
                context.actor,
                context.live,
                run_id,
                describe=records.Describe(name=input.name, description=input.description),
                tags=records.Tags(object_of(input.set_tags, "setTags"), input.remove_tags),
            )

        return await _payload(update(), ["runId"])

    @strawberry.mutation(
        extensions=WRITE, description="Say how a run ended. The same end twice is no error."
    )
    async def end_run(
        self,
        info: Info,
        run_id: RunId,
        status: Annotated[RunEnd, strawberry.argument(description="How it ended.")],
        reason: Reason = "",
    ) -> RunPayload:
        context = info.context
        return await _payload(
            runs.end(context.actor, context.live, run_id, status.value, reason), ["runId"]
        )

    @strawberry.mutation(
        extensions=WRITE,
        description="Ask a run to stop; the script sees the request and ends. What still waits for "
        "a compute target is canceled at once.",
    )
    async def cancel_run(self, info: Info, run_id: RunId, reason: Reason = "") -> RunPayload:
        context = info.context
        return await _payload(runs.cancel(context.actor, context.live, run_id, reason), ["runId"])

    @strawberry.mutation(
        extensions=WRITE,
        description="Delete a run with all that is below it. What it logs from then on is "
        "refused; for 30 days (`RUNVANE_TRASH_DAYS`) it can be restored.",
    )
    async def delete_run(self, info: Info, run_id: RunId) -> RunPayload:
        context = info.context
        return await _payload(runs.delete(context.actor, context.live, run_id), ["runId"])

    @strawberry.mutation(
        extensions=WRITE,
        description="Undo the deletion of a run, and of what was deleted together with it.",
    )
    async def restore_run(self, info: Info, run_id: RunId) -> RunPayload:
        context = info.context
        return await _payload(runs.restore(context.actor, context.live, run_id), ["runId"])

    @strawberry.mutation(
        extensions=WRITE,
        description="Take a deleted run, and what is below it, away for good within minutes.",
    )
    async def purge_run(self, info: Info, run_id: RunId) -> RunPayload:
        context = info.context
        return await _payload(runs.purge(context.actor, context.live, run_id), ["runId"])


async def _payload(doing: Awaitable[records.Run], path: list[str]) -> RunPayload:
    found = await settled(doing, path, PLACES if path == ["input"] else {})
    if isinstance(found, list):
        return RunPayload(run=None, user_errors=found)
    return RunPayload(run=Run.of(found), user_errors=[])
