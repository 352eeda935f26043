"""What is over takes little room, and still refuses what comes twice."""

import numpy as np
import pytest

from api.live import Live
from api.storage import upkeep
from api.storage.database import execute, postgres, select, writing
from tests.api.scripts import Script, block, deliver

pytestmark = pytest.mark.anyio
FRAMES = 60
DIGESTS = "SELECT id, run, writer, seq, digest, received, n FROM frame ORDER BY id"


async def test_a_tombstone_stands_beside_others_and_refuses_what_it_stands_for(
    live: Live, script: Script
) -> None:
    before = await pages()
    dice = np.random.default_rng(1)
    batches = [
        script.batch(blocks=[block("loss", dice.random(2000).tolist())]) for _ in range(FRAMES)
    ]
    for batch in batches:
        await deliver(live, batch)
    told = await select(DIGESTS)
    async with writing():
        await execute("UPDATE frame SET state = 1, folded = 5 WHERE state = 0")
        await upkeep.bury(5)
    assert await select("SELECT 1 FROM frame WHERE payload IS NULL AND n > 0") == []
    async with writing():
        await upkeep.bury(6)
    assert await select("SELECT 1 FROM frame WHERE payload IS NOT NULL OR state <> 2") == []
    assert await select(DIGESTS) == told
    assert await deliver(live, batches[3]) == batches[-1].seq
    if not postgres():
        # Each had a page of its own, and three more.
        assert await pages() - before < FRAMES / 2


async def pages() -> int:
    """Of an SQLite file, those that hold something; PostgreSQL has no such question."""
    if postgres():
        return 0
    (whole,), (free,) = [
        await select(f"PRAGMA {name}") for name in ("page_count", "freelist_count")
    ]
    return whole["page_count"] - free["freelist_count"]
