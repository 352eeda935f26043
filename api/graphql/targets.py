"""Compute targets: who executes runs, and what runs and waits there."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Annotated, Any, Self

import strawberry
from strawberry.relay import PageInfo, to_base64

from api import execution, records
from api.domain import targets
from api.graphql import cursors
from api.graphql.info import Info
from api.graphql.node import Node
from api.graphql.pages import After, First, clamped, page_info
from api.graphql.policy import READ
from api.graphql.runs import Run, moment
from api.graphql.scalars import JSON, DateTime
from api.graphql.siblings import Siblings


@strawberry.type(description="A machine of a compute target.")
class ComputeNode:
    name: str = strawberry.field(description="Its name, unique in its target.")
    state: execution.NodeState = strawberry.field(description="What it is doing.")
    slots: int = strawberry.field(description="How many slots it has.")
    slots_in_use: int = strawberry.field(description="How many of them runs have.")
    heartbeat_at: DateTime = strawberry.field(description="When its worker was last heard of.")
    facts: JSON = strawberry.field(description="An object: what its worker says of it.")

    @classmethod
    def of(cls, record: execution.Node) -> Self:
        return cls(
            name=record.name,
            state=record.state,
            slots=record.slots,
            slots_in_use=record.slots_in_use,
            heartbeat_at=DateTime(record.heartbeat),
            facts=JSON(record.facts),
        )


@strawberry.type(description="How many of a compute target's runs have a status.")
class ComputeStatusCount:
    status: records.RunStatus = strawberry.field(description="The status.")
    count: int = strawberry.field(description="The number of runs.")


@strawberry.type(description="A run on a compute target.")
class ComputeRunEdge:
    cursor: str = strawberry.field(description="The place behind it: give it as `after`.")
    node: Run = strawberry.field(description="The run; its `reason` says what it waits for.")
    queue_position: int | None = strawberry.field(
        description="Its place among all that wait for the target, from 1; null: it does not wait "
        "for a worker."
    )
    queued_at: DateTime | None = strawberry.field(
        description="When it was queued; null: it was not submitted to the target."
    )
    slots: int | None = strawberry.field(
        description="How many slots it needs; null: it was not submitted to the target."
    )
    node_name: str | None = strawberry.field(
        description="The node that executes it; null: none does."
    )

    @classmethod
    def of(cls, record: execution.Entry, cursor: str, siblings: Siblings[records.Run]) -> Self:
        return cls(
            cursor=cursor,
            node=Run.of(record.run, siblings),
            queue_position=record.position,
            queued_at=moment(record.queued),
            slots=record.slots,
            node_name=record.node,
        )


@strawberry.type(
    description="A page of a compute target's runs that have not ended: those that are active, "
    "then those that wait, in the order of the queue."
)
class ComputeRunConnection:
    edges: list[ComputeRunEdge] = strawberry.field(description="The runs of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page is.")
    total_count: int = strawberry.field(description="How many runs the whole list has.")


@strawberry.type(
    description="Something that executes runs: nodes that workers serve, or, where runs only say "
    "that they are there, a name."
)
class ComputeTarget(Node):
    record: strawberry.Private[execution.Target]
    siblings: strawberry.Private[Siblings[execution.Target]]
    name: str = strawberry.field(description="Its name, unique on this server.")
    kind: str = strawberry.field(description="What sort of target it is, in its workers' words.")
    state: execution.TargetState = strawberry.field(description="What it is doing.")
    slots: int = strawberry.field(description="How many slots its nodes have together.")
    slots_in_use: int = strawberry.field(description="How many of them runs have.")
    running: int = strawberry.field(
        description="How many runs are executed, or made ready to be, or about to end."
    )
    queued: int = strawberry.field(description="How many runs wait.")
    status_counts: list[ComputeStatusCount] = strawberry.field(
        description="How many runs have each status, of those that have not ended."
    )
    oldest_queued_at: DateTime | None = strawberry.field(
        description="Since when the run waits that waits longest; null: none does."
    )
    heartbeat_at: DateTime | None = strawberry.field(
        description="When any of its workers was last heard of; null: it has none."
    )
    facts: JSON = strawberry.field(description="An object: what its workers say of it.")
    node_count: int = strawberry.field(description="How many nodes it has.")

    @strawberry.field(extensions=READ, description="Its nodes by name.")
    def nodes(self, info: Info, first: First = 50) -> list[ComputeNode]:
        return [ComputeNode.of(each) for each in self.record.nodes[: clamped(first)]]

    @strawberry.field(
        extensions=READ,
        description="Its runs that have not ended, children as entries of their own. What ended is "
        "found in its experiment.",
    )
    async def runs(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        waiting: Annotated[
            bool | None,
            strawberry.argument(
                description="True: those that wait; false: those that are active; null: both."
            ),
        ] = None,
    ) -> ComputeRunConnection:
        actor, place, limit = info.context.actor, cursors.position(after), clamped(first)

        async def load(all_: Sequence[execution.Target]) -> tuple[Mapping[str, Any], Siblings[Any]]:
            found = await targets.runs(actor, all_, first=limit, after=place, waiting=waiting)
            listed = [each.run for page in found.values() for each in page.items]
            return found, Siblings(listed)

        pages, siblings = await self.siblings.fetch(("runs", limit, after, waiting), load)
        page: records.Page[execution.Entry] = pages[self.record.name]
        places = [cursors.position_of(each) for each in page.positions]
        return ComputeRunConnection(
            edges=[
                ComputeRunEdge.of(each, cursor, siblings)
                for each, cursor in zip(page.items, places, strict=True)
            ],
            page_info=page_info(places, more=page.more, after=after),
            total_count=(0 if waiting else self.record.running)
            + (0 if waiting is False else self.record.queued),
        )

    @classmethod
    def of(
        cls, record: execution.Target, siblings: Siblings[execution.Target] | None = None
    ) -> Self:
        return cls(
            record=record,
            siblings=siblings or Siblings([record]),
            id=strawberry.ID(to_base64("ComputeTarget", record.name)),
            name=record.name,
            kind=record.kind or "",
            state=record.state,
            slots=record.slots,
            slots_in_use=record.slots_in_use,
            running=record.running,
            queued=record.queued,
            status_counts=[
                ComputeStatusCount(status=each, count=record.statuses[each])
                for each in records.RunStatus
                if each in record.statuses
            ],
            oldest_queued_at=moment(record.oldest_queued),
            heartbeat_at=moment(record.heartbeat),
            facts=JSON(record.facts),
            node_count=len(record.nodes),
        )

    @classmethod
    def all_of(cls, found: Sequence[execution.Target]) -> list[Self]:
        siblings = Siblings(found)
        return [cls.of(each, siblings) for each in found]


@strawberry.type(description="A compute target in a list.")
class ComputeTargetEdge:
    cursor: str = strawberry.field(description="The place behind it: give it as `after`.")
    node: ComputeTarget = strawberry.field(description="The compute target.")


@strawberry.type(description="A page of compute targets by name.")
class ComputeTargetConnection:
    edges: list[ComputeTargetEdge] = strawberry.field(description="The targets of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page is.")

    @strawberry.field(extensions=READ, description="How many compute targets there are in all.")
    async def total_count(self, info: Info) -> int:
        return await targets.count(info.context.actor)

    @classmethod
    def of(cls, page: records.Page[execution.Target], after: str | None) -> Self:
        places = [cursors.position_of(each) for each in page.positions]
        nodes = ComputeTarget.all_of(page.items)
        return cls(
            edges=[
                ComputeTargetEdge(cursor=cursor, node=node)
                for cursor, node in zip(places, nodes, strict=True)
            ],
            page_info=page_info(places, more=page.more, after=after),
        )


@strawberry.type(description="What moved on the compute targets.")
class ComputeTargetsChanged:
    reset: bool = strawberry.field(description="True: read the page again.")
    targets: list[ComputeTarget] = strawberry.field(
        description="Else those of which a run changed, each in its latest state."
    )
    # What was answered of it: the same for all who follow by the same document.
    answers: strawberry.Private[dict[Hashable, Any]]

    @classmethod
    def of(cls, record: execution.TargetsChanged) -> Self:
        return cls(reset=record.reset, targets=ComputeTarget.all_of(record.targets), answers={})


@strawberry.type
class ComputeQueries:
    @strawberry.field(
        extensions=READ,
        description="Whether the server's owner lets runs be submitted to compute targets, and "
        "workers execute them: where not, both are refused.",
    )
    def execution_allowed(self, info: Info) -> bool:
        return info.context.execution

    @strawberry.field(
        extensions=READ,
        description="Compute targets by name: those that a worker ever served, and those that a "
        "run which has not ended says it is on. Whoever is limited to an experiment is told of "
        "its runs alone.",
    )
    async def compute_targets(
        self, info: Info, first: First = 50, after: After = None
    ) -> ComputeTargetConnection:
        page = await targets.page(
            info.context.actor, first=clamped(first), after=cursors.position(after)
        )
        return ComputeTargetConnection.of(page, after)

    @strawberry.field(
        extensions=READ,
        description="One compute target; null if no worker served it and no run was ever on it.",
    )
    async def compute_target(
        self,
        info: Info,
        name: Annotated[str, strawberry.argument(description="The target's name.")],
    ) -> ComputeTarget | None:
        found = await targets.find(info.context.actor, name)
        return ComputeTarget.of(found) if found else None
