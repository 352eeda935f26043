from collections.abc import Mapping, Sequence
from typing import Any

from api.credentials import Token
from api.records import ExperimentKey, Scope
from api.storage.database import execute, marks, select

# The owner of this machine's server.
_OWNER = 0
_RECORD = (
    "SELECT t.*, e.name AS experiment_name FROM token t LEFT JOIN experiment e"
    " ON e.id = t.experiment"
)


async def insert(token: Token, sha256: str) -> None:
    row = {
        "id": token.id,
        "account": _OWNER,
        "name": token.name,
        "sha256": sha256,
        "scopes": " ".join(sorted(token.scopes)),
        "experiment": token.experiment.id if token.experiment else None,
        "created": token.created,
        "expires": token.expires,
    }
    await execute(
        f"INSERT INTO token ({', '.join(row)}) VALUES ({marks(list(row))})",  # noqa: S608
        *row.values(),
    )


async def get(token_id: str) -> tuple[Token, str] | None:
    """The token and its hash."""
    rows = await select(f"{_RECORD} WHERE t.id = ?", token_id)
    return (_record(rows[0]), rows[0]["sha256"]) if rows else None


async def newest() -> Sequence[Token]:
    """Those that are not revoked."""
    rows = await select(f"{_RECORD} WHERE t.revoked IS NULL ORDER BY t.created DESC, t.id")
    return [_record(row) for row in rows]


async def count() -> int:
    (row,) = await select("SELECT count(*) AS n FROM token WHERE revoked IS NULL")
    return row["n"]


async def revoke(token_id: str, now: int) -> None:
    await execute("UPDATE token SET revoked = ? WHERE id = ? AND revoked IS NULL", now, token_id)


async def note_use(token_id: str, now: int) -> None:
    await execute("UPDATE token SET used = ? WHERE id = ?", now, token_id)


async def revoked(token_ids: Sequence[str]) -> Sequence[str]:
    """Those of them that are."""
    if not token_ids:
        return []
    rows = await select(
        f"SELECT id FROM token WHERE id IN ({marks(token_ids)}) AND revoked IS NOT NULL",  # noqa: S608
        *token_ids,
    )
    return [row["id"] for row in rows]


def _record(row: Mapping[str, Any]) -> Token:
    place = row["experiment"]
    return Token(
        id=row["id"],
        name=row["name"],
        scopes=frozenset(map(Scope, row["scopes"].split())),
        experiment=None if place is None else ExperimentKey(place, row["experiment_name"]),
        created=row["created"],
        expires=row["expires"],
        used=row["used"],
        revoked=row["revoked"],
    )
