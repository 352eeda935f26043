"""
What becomes of bytes that no file means any more, and of uploads that nobody went on with.

Mark and sweep: no count of references is kept that could be wrong. The server does it by
itself, so nobody is named.
"""

import asyncio
from collections.abc import Sequence

from api.blobs import Blob
from api.domain.clock import now_ms
from api.storage import blobs, stores, uploads
from api.storage.database import writing

DAY_MS = 86_400_000
SWEEP_EVERY_S = 3600.0
# Of one commit.
BLOBS_MAX = 500
# Between two commits, so that what scripts write goes first.
PAUSE_S = 0.02


async def sweep(grace_ms: int = DAY_MS) -> None:
    """Let go of what is older than that and is of no use."""
    before = now_ms() - grace_ms
    await uploads.drop_old(before)
    while gone := await _forgotten(before):
        for store in stores.every():
            if names := [blob.name for blob in gone if blob.store == store.name]:
                await store.remove(names)
        await asyncio.sleep(PAUSE_S)
    # What was put away by an upload that never came to its commit.
    for store in stores.every():
        async for names in store.names(before):
            await store.remove(await _strangers(store.name, names))


async def _forgotten(before: int) -> Sequence[Blob]:
    async with writing():
        return await blobs.drop_unused(before, BLOBS_MAX)


async def _strangers(store: str, names: Sequence[str]) -> Sequence[str]:
    """The names of which no row speaks."""
    digests = sorted({name.partition("-")[0] for name in names})
    known = await blobs.named(digests)
    own = {blob.name for blob in known.values() if blob.store == store}
    return [name for name in names if name not in own]
