from api.credentials import Session
from api.storage.database import execute, select

# The owner of this machine's server; and nobody yet: a link that becomes a session.
_OWNER, _LINK = 0, -1


async def insert(session: Session) -> None:
    await _insert(session, _OWNER)


async def insert_link(link: Session) -> None:
    await _insert(link, _LINK)


async def get(session_id: str, now: int) -> Session | None:
    rows = await select(
        "SELECT * FROM session WHERE id = ? AND account = ? AND expires > ?",
        session_id,
        _OWNER,
        now,
    )
    return Session(rows[0]["id"], rows[0]["created"], rows[0]["expires"]) if rows else None


async def take_link(link_id: str, now: int) -> bool:
    """Say whether it was good; it no longer is, in any process."""
    taken = await select(
        "DELETE FROM session WHERE id = ? AND account = ? RETURNING expires", link_id, _LINK
    )
    return bool(taken) and taken[0]["expires"] > now


async def delete(session_id: str) -> None:
    await execute("DELETE FROM session WHERE id = ?", session_id)


async def purge(now: int) -> None:
    await execute("DELETE FROM session WHERE expires <= ?", now)


async def _insert(session: Session, account: int) -> None:
    await execute(
        "INSERT INTO session (id, account, created, seen, expires) VALUES (?, ?, ?, ?, ?)",
        session.id,
        account,
        session.created,
        session.created,
        session.expires,
    )
