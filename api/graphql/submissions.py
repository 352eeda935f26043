"""What a run was submitted with."""

from typing import Self

import strawberry

from api import execution
from api.graphql.scalars import JSON, DateTime


@strawberry.type(
    description="What a run that was submitted to a compute target executes, and where it is in "
    "the queue."
)
class Submission:
    target: str = strawberry.field(description="The compute target it was submitted to.")
    submitted_by: str = strawberry.field(
        description="Who submitted it: `token` and the token's name, or `the owner`."
    )
    definition: JSON = strawberry.field(
        description="An object: what is executed, as it was submitted."
    )
    slots: int = strawberry.field(description="How many of the target's slots it needs.")
    retryable: bool = strawberry.field(
        description="Whether it is executed again when its worker was lost."
    )
    attempt: int = strawberry.field(description="How often it was begun or is to be, from 1.")
    queued_at: DateTime = strawberry.field(description="When it was queued, for this attempt.")
    queue_position: int | None = strawberry.field(
        description="Its place among all that wait for the target, from 1; null: it does not wait."
    )
    node: str | None = strawberry.field(
        description="The node that executes it, or did; null: none yet, or it is forgotten."
    )

    @classmethod
    def of(cls, record: execution.Submission) -> Self:
        return cls(
            target=record.order.target,
            submitted_by=record.submitter,
            definition=JSON(record.order.definition),
            slots=record.order.slots,
            retryable=record.order.retryable,
            attempt=record.attempt,
            queued_at=DateTime(record.queued),
            queue_position=record.position,
            node=record.node,
        )


@strawberry.input(description="A run that a compute target is to execute.")
class SubmitRunInput:
    experiment: str = strawberry.field(description="The experiment's name; made if it is new.")
    target: str = strawberry.field(
        description="The name of a compute target; the first worker that serves it makes it."
    )
    definition: JSON = strawberry.field(
        description="An object, at most 65,536 bytes of JSON: `command`, a list of words of which "
        "the first is the program; and where they are needed `environmentVariables`, an object of "
        "texts, `workingDirectory`, `snapshotId` (its files are the run's, or those of the run "
        "`snapshotRunId`), `maxDuration` in seconds, after which it is canceled, and `processes`, "
        "how many of it work together on one node. More is kept as it is. Whoever may read the "
        "run reads it: it is no place for secrets."
    )
    run_id: str | None = strawberry.field(
        default=None,
        description="1 to 256 of A-Z a-z 0-9 . _ ~ - and unique; null: the server makes one.",
    )
    name: str = strawberry.field(
        default="",
        description="The run's name; need not be unique. Empty: the experiment's with a number.",
    )
    kind: str = strawberry.field(
        default="", description="What sort of run it is, in the submitter's words."
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
    slots: int = strawberry.field(
        default=1, description="How many slots of one node it needs, from 1."
    )
    retryable: bool = strawberry.field(
        default=False,
        description="True: it may be executed again when its worker was lost, three times in all.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="1 to 255 characters of your choice, the same when you send the same again: "
        "for 24 hours it is done once and answered alike. Null: each is done.",
    )
