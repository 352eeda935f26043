"""
Requests that a client sends again when it does not know what became of the first.

One that says a key is done once: it is written down in the same commit as what it does, so
that either both are there or neither, and whoever sends the same again is told the same.
Only what was done is written down: what was refused may be sent again, or otherwise. No
secret may be part of an answer that is kept, so what makes one takes no key.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import orjson

from api.domain.access import require
from api.domain.clock import now_ms
from api.errors import Conflict, Invalid
from api.records import Actor, Scope
from api.storage import requests as kept
from api.storage.database import without_nul
from api.storage.requests import Request

KEY_LENGTH_MAX = 255
_PLACE = ["idempotencyKey"]


def keyed(
    actor: Actor, key: str | None, mutation: str, asked: object, answer: Mapping[str, Any]
) -> Request | None:
    """`asked`: all that decides what is done, as JSON; None without a key."""
    if key is None:
        return None
    if not 0 < len(key) <= KEY_LENGTH_MAX:
        raise Invalid(f"an idempotency key has 1 to {KEY_LENGTH_MAX} characters", _PLACE)
    # For who is limited to something else it is not the same request.
    limit = actor.experiment.id if actor.experiment else None
    # Mappings of every kind are asked alike.
    said = orjson.dumps([mutation, limit, asked], default=dict, option=orjson.OPT_SORT_KEYS)
    return Request(without_nul(key), mutation, blake2b(said, digest_size=16).digest(), answer)


async def before(actor: Actor, request: Request | None) -> Mapping[str, Any] | None:
    """
    What the first one was answered; None: this is the first, and is now to be done.

    Ask within the commit that does it, before anything else of it.
    """
    require(actor, Scope.WRITE, Scope.INGEST, Scope.EXECUTE)
    if request is None or await kept.insert(request, now_ms()):
        return None
    first = await kept.get(request.key)
    if first is None or (first.mutation, first.digest) != (request.mutation, request.digest):
        raise Conflict("this idempotency key came with another request: take a new one", _PLACE)
    return first.answer
