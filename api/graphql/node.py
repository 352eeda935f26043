"""What can be asked for by its opaque id, as Relay has it."""

from binascii import Error as BrokenId

import strawberry
from strawberry.relay import from_base64

from api.errors import Invalid
from runvane.wire import INTEGER_MAX


@strawberry.interface(description="An object that can be asked for again by its id.")
class Node:
    id: strawberry.ID = strawberry.field(description="The opaque key of this object.")


def number_of(key: str) -> int | None:
    """Which row a key names; None where it can be none."""
    # More digits than these Python does not even read.
    if not key.isdecimal() or len(key) > len(str(INTEGER_MAX)) or int(key) > INTEGER_MAX:
        return None
    return int(key)


def parts_of(id_: str) -> tuple[str, str]:
    """The name of the type, and which of it."""
    try:
        return from_base64(id_)
    except (ValueError, BrokenId) as error:
        raise Invalid(f"{id_[:100]!r} is no id: take one that this API gave") from error
