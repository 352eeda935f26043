"""What a token opened ends with it, however long something else takes to end."""

import asyncio

import pytest

from api.credentials import Token
from api.domain import tokens
from api.edge.revocations import Openings
from api.live import Live
from api.records import Scope
from tests.api.scripts import OWNER

pytestmark = pytest.mark.anyio
WAIT_S = 5


async def opened(openings: Openings, token: Token, may_end: asyncio.Event) -> None:
    """Something that a token holds open, and that ends when it is told to and may."""
    limit = asyncio.timeout(None)
    try:
        async with limit:
            openings.add(token, limit)
            try:
                await asyncio.Future()
            finally:
                await may_end.wait()
    except TimeoutError:
        openings.discard(token, limit)


async def test_what_ends_slowly_keeps_nothing_else_open(live: Live) -> None:
    openings, never, now = Openings(), asyncio.Event(), asyncio.Event()
    now.set()
    slow, _ = await tokens.create(OWNER, "slow", {Scope.READ})
    quick, _ = await tokens.create(OWNER, "quick", {Scope.READ})
    async with openings.watched(live):
        first = asyncio.create_task(opened(openings, slow, never))
        second = asyncio.create_task(opened(openings, quick, now))
        await asyncio.sleep(0)
        await tokens.revoke(OWNER, live, slow.id)
        await asyncio.sleep(0.2)
        # It is told to end, and has not yet; somebody else comes, and all are looked for again.
        third = asyncio.create_task(opened(openings, quick, now))
        await asyncio.sleep(0.2)
        await tokens.revoke(OWNER, live, quick.id)
        await asyncio.wait_for(asyncio.gather(second, third), WAIT_S)
        assert not first.done()
        never.set()
        await asyncio.wait_for(first, WAIT_S)
