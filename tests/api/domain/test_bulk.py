"""Of many runs each is changed whole or not at all, and what was done is always told."""

import asyncio
from collections.abc import Sequence
from contextvars import Context

import pytest

from api.domain import bulk, runs
from api.errors import NoSpace
from api.live import Live
from api.records import Run, RunStatus
from tests.api.scripts import OWNER, Script

pytestmark = pytest.mark.anyio


async def test_what_was_done_before_the_disk_was_full_is_told(live: Live) -> None:
    ids = [f"r{number:03}" for number in range(bulk.RUNS_PER_COMMIT_MAX + 2)]
    for run in ids:
        await Script(live, run, f"w{run}").start()
    tried: list[int] = []

    async def delete(some: Sequence[str]) -> runs.Several:
        tried.append(len(some))
        found = await runs.delete_several(OWNER, some)
        if len(tried) > 1:
            raise NoSpace("the disk is full")
        return found

    *done, one, other = await bulk.each(OWNER, live, ids, delete)
    assert all(isinstance(each, Run) and each.deleted for each in done)
    assert (type(one), type(other)) == (NoSpace, NoSpace)
    assert tried == [bulk.RUNS_PER_COMMIT_MAX, 2]
    # Its commit was begun, and nothing of it is left.
    assert (await runs.get(OWNER, ids[-1])).deleted is None


async def test_who_follows_a_run_is_woken_after_the_commit_of_its_change(live: Live) -> None:
    await Script(live, "a", "w").start()
    await Script(live, "b", "w").start()
    seen: list[RunStatus] = []

    async def look() -> None:
        async for run in runs.follow(OWNER, live, "b"):
            seen.append(run.status)
            if len(seen) > 1:
                return

    looking = asyncio.create_task(look(), context=Context())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        while not seen:  # noqa: ASYNC110 - it has no other sign of having begun
            await asyncio.sleep(0.01)
        found = await bulk.cancel(OWNER, live, ["b", "none", "a", "b"], "enough")
        await looking
    assert [isinstance(each, Run) for each in found] == [True, False, True, True]
    assert seen == [RunStatus.RUNNING, RunStatus.CANCEL_REQUESTED]
