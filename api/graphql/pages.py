"""How every list is cut: by a cursor, which is a place between items, never by an offset."""

from typing import Annotated, TypeAlias

import strawberry
from strawberry.relay import PageInfo

PAGE_MAX = 1000

First: TypeAlias = Annotated[
    int, strawberry.argument(description="How many at most; cut to 1,000, not refused.")
]
After: TypeAlias = Annotated[
    str | None,
    strawberry.argument(description="The cursor behind which the page begins; null: the start."),
]


def clamped(first: int, most: int = PAGE_MAX) -> int:
    return min(max(first, 0), most)


def page_info(cursors: list[str], *, more: bool, after: str | None) -> PageInfo:
    return PageInfo(
        has_next_page=more,
        has_previous_page=after is not None,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )
