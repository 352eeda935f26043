"""What workers say and are told: they ask, and nobody calls them."""

from typing import Annotated, Self

import strawberry

from api import execution, records
from api.domain import workers
from api.graphql.enums import RunEnd
from api.graphql.info import Info
from api.graphql.payloads import UserError, object_of, settled
from api.graphql.policy import WORKER
from api.graphql.scalars import JSON


@strawberry.type(description="A run that a worker has claimed, and is to execute once.")
class ClaimedRun:
    run_id: str = strawberry.field(description="The run's public id.")
    fence: int = strawberry.field(
        description="The number of this claim: it is said with everything that is said of it."
    )
    attempt: int = strawberry.field(description="How often the run was begun, with this, from 1.")
    experiment: str = strawberry.field(description="The name of the run's experiment.")
    name: str = strawberry.field(description="The run's name.")
    slots: int = strawberry.field(description="How many slots it takes.")
    definition: JSON = strawberry.field(description="An object: what is to be executed.")
    retryable: bool = strawberry.field(
        description="Whether it may be executed again when its worker was lost."
    )

    @classmethod
    def of(cls, record: execution.Held) -> Self:
        return cls(
            run_id=record.run_id,
            fence=record.fence,
            attempt=record.attempt,
            experiment=record.experiment,
            name=record.name,
            slots=record.order.slots,
            definition=JSON(record.order.definition),
            retryable=record.order.retryable,
        )


@strawberry.input(description="A worker process, and the node that it serves.")
class RegisterWorkerInput:
    target: str = strawberry.field(description="The compute target's name; made if it is new.")
    node: str = strawberry.field(description="The node's name, unique in its target.")
    owner: str = strawberry.field(
        description="1 to 64 characters that no other process says: a random id of this one."
    )
    slots: int = strawberry.field(default=1, description="How many slots the node has, from 1.")
    kind: str = strawberry.field(
        default="", description="What sort of target it is, in words; empty: as it is said already."
    )
    facts: JSON | None = strawberry.field(
        default=None, description="An object: what there is to know of the node."
    )
    target_facts: JSON | None = strawberry.field(
        default=None,
        description="An object: what there is to know of the target; null: as it is said already.",
    )


@strawberry.type(description="What became of a registration, or why nothing did.")
class RegisterWorkerPayload:
    claims: list[ClaimedRun] | None = strawberry.field(
        description="What earlier processes of this node still hold: what is left of it is to be "
        "ended, and said with `endClaim` and `lost: true`. Null after an error."
    )
    user_errors: list[UserError] = strawberry.field(description="Empty when it was done.")


@strawberry.input(description="A run that the worker executes.")
class RunningInput:
    run_id: str = strawberry.field(description="The run's public id.")
    fence: int = strawberry.field(description="The claim's number.")


@strawberry.input(description="What a worker does.")
class PollWorkInput:
    target: str = strawberry.field(description="The compute target's name.")
    node: str = strawberry.field(description="The node's name.")
    owner: str = strawberry.field(description="As it was registered.")
    free: int = strawberry.field(description="How many slots it can give to new runs.")
    running: list[RunningInput] = strawberry.field(
        description="All that it has, from when it was given it until `endClaim` was answered."
    )
    leaving: bool = strawberry.field(
        default=False,
        description="True: it takes nothing new, and its node is forgotten once it has nothing.",
    )


@strawberry.type(description="What a worker is to do, or why nothing became of its poll.")
class PollWorkPayload:
    claims: list[ClaimedRun] = strawberry.field(
        description="What it is to begin now: new ones, and those it was given before and does "
        "not name. One that it has already, with the same fence, it does not begin again."
    )
    cancel: list[str] = strawberry.field(
        description="Runs, by their public ids, that it is to stop or not to begin, and then to "
        "say so by `endClaim`."
    )
    revoked: list[str] = strawberry.field(
        description="Runs it named that are not its own any more: it ends what it has of them, "
        "and says nothing."
    )
    superseded: bool = strawberry.field(
        description="True: another process registered as this node, and this one is to end."
    )
    user_errors: list[UserError] = strawberry.field(description="Empty when it was done.")


@strawberry.type(description="What became of the end of a claim, or why nothing did.")
class EndClaimPayload:
    status: records.RunStatus | None = strawberry.field(
        description="What the run is doing now; null after an error."
    )
    user_errors: list[UserError] = strawberry.field(
        description="Empty when it was done. CONFLICT: the fence is of an older claim, and nothing "
        "was changed."
    )


@strawberry.type
class WorkerMutations:
    @strawberry.mutation(
        extensions=WORKER,
        description="Serve a node of a compute target with this process, from now on alone. "
        "The same again is no error.",
    )
    async def register_worker(
        self,
        info: Info,
        input: Annotated[  # noqa: A002 - GraphQL's name for it
            RegisterWorkerInput, strawberry.argument(description="The worker.")
        ],
    ) -> RegisterWorkerPayload:
        context = info.context

        async def register() -> tuple[ClaimedRun, ...]:
            said = input.target_facts
            held = await workers.register(
                context.actor,
                context.live,
                execution.Worker(input.target, input.node, input.owner),
                allowed=context.execution,
                slots=input.slots,
                kind=input.kind,
                facts=object_of(input.facts, "facts"),
                target_facts=None if said is None else object_of(said, "targetFacts"),
            )
            return tuple(map(ClaimedRun.of, held))

        found = await settled(register(), ["input"])
        if isinstance(found, list):
            return RegisterWorkerPayload(claims=None, user_errors=found)
        return RegisterWorkerPayload(claims=list(found), user_errors=[])

    @strawberry.mutation(
        extensions=WORKER,
        description="Say that a worker lives and what it does, and hear what it is to do: in one "
        "commit, every second or so. Its node does not respond after 90 seconds without it, and "
        "after ten minutes (`RUNVANE_LOST_S`) what it has is lost.",
    )
    async def poll_work(
        self,
        info: Info,
        input: Annotated[  # noqa: A002 - GraphQL's name for it
            PollWorkInput, strawberry.argument(description="What the worker does.")
        ],
    ) -> PollWorkPayload:
        context = info.context
        polling = workers.poll(
            context.actor,
            context.live,
            execution.Worker(input.target, input.node, input.owner),
            allowed=context.execution,
            free=input.free,
            running={each.run_id: each.fence for each in input.running},
            leaving=input.leaving,
        )
        found = await settled(polling, ["input"])
        work = execution.Work() if isinstance(found, list) else found
        return PollWorkPayload(
            claims=[ClaimedRun.of(each) for each in work.claims],
            cancel=list(work.cancel),
            revoked=list(work.revoked),
            superseded=work.superseded,
            user_errors=found if isinstance(found, list) else [],
        )

    @strawberry.mutation(
        extensions=WORKER,
        description="Say that a claim is over, and how its run ended where that has not said so "
        "itself. The same again is no error.",
    )
    async def end_claim(
        self,
        info: Info,
        run_id: Annotated[str, strawberry.argument(description="The run's public id.")],
        fence: Annotated[int, strawberry.argument(description="The claim's number.")],
        *,
        status: Annotated[RunEnd, strawberry.argument(description="How the run ended.")],
        reason: Annotated[
            str, strawberry.argument(description="Why, in words, for the run's history.")
        ] = "",
        lost: Annotated[
            bool,
            strawberry.argument(
                description="True: it went with its worker and nothing of it is left. If it is "
                "retryable it is queued again, else it ended as `status` says."
            ),
        ] = False,
    ) -> EndClaimPayload:
        context = info.context
        ending = workers.end(
            context.actor,
            context.live,
            run_id,
            allowed=context.execution,
            fence=fence,
            status=status.value,
            reason=reason,
            lost=lost,
        )
        found = await settled(ending, [])
        if isinstance(found, list):
            return EndClaimPayload(status=None, user_errors=found)
        return EndClaimPayload(status=found, user_errors=[])
