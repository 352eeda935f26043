"""Requests that say a key, so that their repeats are known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.storage.database import as_json, execute, of_json, select
from api.storage.keys import new_key, oldest_key

# The owner of this machine's server.
_OWNER = 0


@dataclass(frozen=True, slots=True)
class Request:
    """`digest`: of who asks for what; `answer`: what is said to them, the second time too."""

    key: str
    mutation: str
    digest: bytes
    answer: Mapping[str, Any]


async def insert(request: Request, now: int) -> bool:
    """
    False where the key is there already.

    Whoever has it in a commit that is under way is waited for.
    """
    made = await select(
        "INSERT INTO request (id, account, key, mutation, digest, answer, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, key) DO NOTHING RETURNING id",
        new_key(),
        _OWNER,
        request.key,
        request.mutation,
        request.digest,
        as_json(request.answer),
        now,
    )
    return bool(made)


async def get(key: str) -> Request | None:
    rows = await select("SELECT * FROM request WHERE account = ? AND key = ?", _OWNER, key)
    if not rows:
        return None
    (row,) = rows
    answer = of_json(row["answer"])
    return Request(row["key"], row["mutation"], bytes(row["digest"]), answer)


async def purge(before: int) -> None:
    await execute(
        "DELETE FROM request WHERE id < ? AND created < ?",
        # Keys grow with time, so the primary key leads to the old ones.
        oldest_key(before),
        before,
    )
