"""Browser sessions. They say who the actor is, so these functions are not told."""

from api.domain.clock import now_ms
from api.records import Session
from api.storage import sessions
from api.storage.database import writing


async def keep(session: Session) -> None:
    async with writing():
        await sessions.insert(session)
        await sessions.purge(now_ms())


async def find(session_id: str) -> Session | None:
    """None when there is none, or not any more."""
    return await sessions.get(session_id, now_ms())


async def end(session_id: str) -> None:
    async with writing():
        await sessions.delete(session_id)
