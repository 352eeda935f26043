"""Trees of runs, of which a page shows whole ones: what is above a match stays in sight."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import strawberry
from strawberry.relay import PageInfo

from api import records
from api.conditions import RunFilter
from api.domain import runs
from api.graphql import cursors
from api.graphql.filters import Sort, sorts_of
from api.graphql.info import Info
from api.graphql.pages import After, First, clamped, page_info
from api.graphql.policy import READ
from api.graphql.runs import Families, Run, RunCount
from api.graphql.siblings import Siblings


@strawberry.type(description="A run in a tree that has at least one run that is meant.")
class RunTree:
    wanted: strawberry.Private[RunFilter]
    siblings: strawberry.Private[Siblings[records.Run]]
    run: Run = strawberry.field(description="The run.")

    @strawberry.field(
        extensions=READ,
        description="Whether it is meant itself; else it leads to one that is, or is below one.",
    )
    async def matches(self, info: Info) -> bool:
        actor, wanted = info.context.actor, replace(self.wanted, parent=None)
        found = await self.siblings.fetch("meant", lambda all_: runs.meant(actor, wanted, all_))
        return self.run.record.id in found

    @strawberry.field(
        extensions=READ,
        description="Its children that are meant, or lead to such; all, where only roots are.",
    )
    async def children(
        self, info: Info, sort: Sort = None, first: First = 50, after: After = None
    ) -> "RunTreeConnection":
        wanted, sorts = replace(self.wanted, parent=self.run.run_id), tuple(sorts_of(sort))
        if self.siblings.alone:
            return await tree_page(info, wanted, sort, first=first, after=after)
        actor, place = info.context.actor, cursors.position(after)

        async def load(all_: Sequence[records.Run]) -> Families:
            found = await runs.tree_children(
                actor, all_, wanted, sorts, first=clamped(first), after=place
            )
            return found, Siblings([run for page in found.values() for run in page.items])

        pages, siblings = await self.siblings.fetch(("tree children", sorts, first, after), load)
        return RunTreeConnection.of(pages[self.run.record.id], wanted, after, siblings)


@strawberry.type(description="A run of a page of trees.")
class RunTreeEdge:
    cursor: str = strawberry.field(description="The place behind it: give it as `after`.")
    node: RunTree = strawberry.field(description="The run with what is below it.")


@strawberry.type(description="A page of trees, or of the children of one run.")
class RunTreeConnection:
    edges: list[RunTreeEdge] = strawberry.field(description="The runs of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page is.")
    total_count: RunCount = strawberry.field(description="How many there are on this level.")

    @classmethod
    def of(
        cls,
        page: records.Page[records.Run],
        wanted: RunFilter,
        after: str | None,
        siblings: Siblings[records.Run] | None = None,
    ) -> Self:
        places = [cursors.position_of(each) for each in page.positions]
        siblings = siblings or Siblings(page.items)
        nodes = [
            RunTree(wanted=wanted, siblings=siblings, run=Run.of(run, siblings))
            for run in page.items
        ]
        assert page.total
        return cls(
            edges=[RunTreeEdge(cursor=c, node=n) for c, n in zip(places, nodes, strict=True)],
            page_info=page_info(places, more=page.more, after=after),
            total_count=RunCount.of(page.total),
        )


async def tree_page(
    info: Info, wanted: RunFilter, sort: Sort, *, first: int, after: str | None
) -> RunTreeConnection:
    page = await runs.trees(
        info.context.actor,
        wanted,
        sorts_of(sort),
        first=clamped(first),
        after=cursors.position(after),
        counted=True,
    )
    return RunTreeConnection.of(page, wanted, after)
