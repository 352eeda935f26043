"""Of many runs each is changed whole or not at all, and what was done is always told."""

import pytest

from api.domain import bulk, runs
from api.errors import NoSpace
from api.live import Live
from api.records import Run, RunStatus
from tests.api.scripts import OWNER, Script

pytestmark = pytest.mark.anyio


async def test_what_was_done_before_the_disk_was_full_is_told(live: Live) -> None:
    for run in ("a", "b", "c"):
        await Script(live, run, f"w{run}").start()
    tried: list[str] = []

    async def cancel(run: str) -> Run:
        tried.append(run)
        if run != "a":
            raise NoSpace("the disk is full")
        return await runs.cancel(OWNER, live, run, "enough")

    done, *left = await bulk.each(OWNER, ["a", "b", "c"], cancel)
    assert isinstance(done, Run)
    assert done.status is RunStatus.CANCEL_REQUESTED
    assert [type(each) for each in left] == [NoSpace, NoSpace]
    assert tried == ["a", "b"]
    assert (await runs.get(OWNER, "c")).status is RunStatus.RUNNING
