from api.records import Session
from api.storage.database import execute, select

# The owner of this machine's server.
_OWNER = 0


async def insert(session: Session) -> None:
    await execute(
        "INSERT INTO session (id, account, created, seen, expires) VALUES (?, ?, ?, ?, ?)",
        session.id,
        _OWNER,
        session.created,
        session.created,
        session.expires,
    )


async def get(session_id: str, now: int) -> Session | None:
    rows = await select("SELECT * FROM session WHERE id = ? AND expires > ?", session_id, now)
    return Session(rows[0]["id"], rows[0]["created"], rows[0]["expires"]) if rows else None


async def delete(session_id: str) -> None:
    await execute("DELETE FROM session WHERE id = ?", session_id)


async def purge(now: int) -> None:
    await execute("DELETE FROM session WHERE expires <= ?", now)
