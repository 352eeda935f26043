"""How a mutation says what a user got wrong: as data, each with the argument it is about."""

from collections.abc import Awaitable, Mapping
from types import MappingProxyType
from typing import Any, Self, TypeVar, cast

import strawberry

from api.errors import Forbidden, Invalid, RunvaneError, Unauthorized
from api.graphql.errors import CODES
from api.graphql.scalars import JSON

T = TypeVar("T")


IDEMPOTENCY_KEY = (
    "1 to 255 characters of your choice, the same when you send the same again: for 24 hours it is "
    "done once and answered alike; with anything else it is a CONFLICT. Null: each is done."
)


@strawberry.type(
    description="What kept a mutation, or what it was to do with one run, from being done: of that "
    "nothing was changed."
)
class UserError:
    message: str = strawberry.field(description="A sentence for the reader.")
    code: str = strawberry.field(
        description="A word for programs: NOT_FOUND, GONE, CONFLICT, BAD_USER_INPUT, TOO_LARGE, "
        "NO_SPACE, UNAVAILABLE or DAMAGED; there may be more one day."
    )
    path: list[str] = strawberry.field(
        description="The way to the argument that it is about, such as input, points, 3, value; "
        "places count from 0."
    )

    @classmethod
    def of(cls, error: RunvaneError, path: list[str]) -> Self:
        return cls(message=str(error), code=CODES[type(error)], path=[*path, *error.path])


async def settled(
    doing: Awaitable[T],
    path: list[str],
    places: Mapping[type[RunvaneError], list[str]] = MappingProxyType({}),
) -> T | list[UserError]:
    """What was done, or why nothing was; `places`: arguments that only some errors are about."""
    try:
        return await doing
    except (Unauthorized, Forbidden):
        # Who may do what is the asker's standing, not this input's fault.
        raise
    except RunvaneError as error:
        return [UserError.of(error, path if error.path else places.get(type(error), path))]


def object_of(value: JSON | None, name: str) -> dict[str, Any]:
    if value is None:
        return {}
    given = cast("object", value)
    if not isinstance(given, dict):
        raise Invalid(f"{name} is an object")
    return cast("dict[str, Any]", given)
