"""Browser sessions and their links. They say who the actor is, so these functions are not told."""

from api.credentials import Session
from api.domain.clock import now_ms
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


async def offer(link: Session) -> None:
    """Keep a link: good once, in whatever server process it is shown."""
    async with writing():
        await sessions.insert_link(link)
        await sessions.purge(now_ms())


async def redeem(link_id: str) -> bool:
    """Say whether the link was good; it no longer is."""
    async with writing():
        return await sessions.take_link(link_id, now_ms())
