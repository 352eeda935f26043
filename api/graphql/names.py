"""Names of metrics, page by page: there may be a million."""

from typing import Annotated, Self, TypeAlias

import strawberry
from strawberry.relay import PageInfo

from api import records
from api.graphql import cursors
from api.graphql.pages import page_info

Prefix: TypeAlias = Annotated[str, strawberry.argument(description="How the names begin.")]


@strawberry.type(description="A metric's name in a list.")
class MetricNameEdge:
    cursor: str = strawberry.field(description="The place behind it: give it as `after`.")
    node: str = strawberry.field(description="The name.")


@strawberry.type(description="A page of metrics' names.")
class MetricNameConnection:
    edges: list[MetricNameEdge] = strawberry.field(description="The names of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page is.")

    @classmethod
    def of(cls, page: records.Page[str], after: str | None) -> Self:
        places = [cursors.position_of(each) for each in page.positions]
        return cls(
            edges=[
                MetricNameEdge(cursor=cursor, node=name)
                for cursor, name in zip(places, page.items, strict=True)
            ],
            page_info=page_info(places, more=page.more, after=after),
        )
