"""Saved views: questions that are kept under a name, and asked again by their hash."""

from collections.abc import Awaitable
from typing import Annotated, Self

import strawberry
from strawberry.relay import PageInfo, to_base64

from api import records
from api import views as kept
from api.domain import views
from api.graphql import cursors, documents
from api.graphql.info import Info
from api.graphql.node import Node, number_of, parts_of
from api.graphql.overrides import core_of
from api.graphql.pages import page_info
from api.graphql.payloads import UserError, object_of, settled
from api.graphql.policy import READ, WRITE
from api.graphql.scalars import JSON, DateTime


@strawberry.type(
    description="A saved question: a query and its variables, under a name. Whoever asks it, their "
    "own rights decide what it answers."
)
class View(Node):
    name: str = strawberry.field(description="Its name, unique among its owner's views.")
    document: str = strawberry.field(description="The text of the query.")
    sha256_hash: str = strawberry.field(
        description="SHA-256 of the document in hex: with it as `persistedQuery.sha256Hash` the "
        "document is asked by GET."
    )
    variables: JSON = strawberry.field(description="An object: the query's variables by name.")
    page: str | None = strawberry.field(
        description="The page it was asked on, as path and query under the server's address; null "
        "where it is a document alone."
    )
    created_at: DateTime = strawberry.field(description="When it was first saved.")
    updated_at: DateTime = strawberry.field(description="When it was last saved.")

    @classmethod
    def of(cls, record: kept.View) -> Self:
        return cls(
            id=strawberry.ID(to_base64("View", str(record.id))),
            name=record.name,
            document=record.document,
            sha256_hash=record.sha256,
            variables=JSON(record.variables),
            page=record.page,
            created_at=DateTime(record.created),
            updated_at=DateTime(record.changed),
        )


@strawberry.type(description="A saved view in a list.")
class ViewEdge:
    cursor: str = strawberry.field(description="The place behind it: give it as `after`.")
    node: View = strawberry.field(description="The view.")


@strawberry.type(description="A page of saved views, newest first.")
class ViewConnection:
    edges: list[ViewEdge] = strawberry.field(description="The views of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page is.")

    @strawberry.field(extensions=READ, description="How many views there are in all.")
    async def total_count(self, info: Info) -> int:
        return await views.count(info.context.actor)

    @classmethod
    def of(cls, page: records.Page[kept.View], after: str | None) -> Self:
        places = [cursors.position_of(each) for each in page.positions]
        return cls(
            edges=[
                ViewEdge(cursor=cursor, node=View.of(each))
                for cursor, each in zip(places, page.items, strict=True)
            ],
            page_info=page_info(places, more=page.more, after=after),
        )


@strawberry.input(description="A view to be, or what is to take the place of the one of its name.")
class SaveViewInput:
    name: str = strawberry.field(
        description="In 1 to 250 characters; the view that has this name is replaced."
    )
    document: str = strawberry.field(
        description="The text of one query, at most 65,536 bytes. What changes something, or is "
        "followed, is no view."
    )
    variables: JSON | None = strawberry.field(
        default=None,
        description="An object: the query's variables by name, at most 65,536 bytes.",
    )
    page: str | None = strawberry.field(
        default=None,
        description="The page that shows it: path and query under the server's address, at most "
        "8,192 characters, as `/runs?q=vit`.",
    )


@strawberry.type(description="What became of a view, or why nothing did.")
class ViewPayload:
    view: View | None = strawberry.field(
        description="The view as it is now, or was when it was deleted; null after an error."
    )
    user_errors: list[UserError] = strawberry.field(description="Empty when it was done.")


@strawberry.type
class ViewMutations:
    @strawberry.mutation(
        extensions=WRITE, description="Save a view, in the place of the one of the same name."
    )
    async def save_view(
        self,
        info: Info,
        input: Annotated[  # noqa: A002 - GraphQL's name for it
            SaveViewInput, strawberry.argument(description="The view to be.")
        ],
    ) -> ViewPayload:
        core = core_of(info.schema)
        if wrong := documents.wrong_with_view(core, input.document, input.variables):
            place, message = wrong
            error = UserError(message=message, code="BAD_USER_INPUT", path=["input", place])
            return ViewPayload(view=None, user_errors=[error])
        actor, said = info.context.actor, object_of(input.variables, "variables")
        saving = views.save(actor, input.name, input.document, said, input.page)
        return await _payload(saving, ["input"])

    @strawberry.mutation(
        extensions=WRITE,
        description="Delete a view; its document is forgotten where no other view has it.",
    )
    async def delete_view(
        self,
        info: Info,
        id: Annotated[  # noqa: A002 - GraphQL's name for it
            strawberry.ID, strawberry.argument(description="The view's id.")
        ],
    ) -> ViewPayload:
        async def delete() -> kept.View:
            return await views.delete(info.context.actor, view_key(id))

        return await _payload(delete(), ["id"])


def view_key(id_: str) -> int | None:
    """Which view an opaque id means; None where it means something else."""
    match parts_of(id_):
        case "View", key:
            return number_of(key)
        case _:
            return None


async def _payload(doing: Awaitable[kept.View], path: list[str]) -> ViewPayload:
    found = await settled(doing, path)
    if isinstance(found, list):
        return ViewPayload(view=None, user_errors=found)
    return ViewPayload(view=View.of(found), user_errors=[])
