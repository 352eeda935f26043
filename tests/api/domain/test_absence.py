"""A worker that is not heard of: its node falls silent, then what it had is lost."""

import asyncio

import pytest

from api.domain import runs, targets
from api.domain.absence import Absence
from api.execution import NodeState, TargetState, Work, Worker
from api.live import Live
from api.records import RunStatus
from api.storage import queues
from api.storage.database import execute, writing
from tests.api.domain.submitted import end, ids, poll, register, status, submit
from tests.api.scripts import OWNER

pytestmark = pytest.mark.anyio

# What a test waits for; what is not to happen is a hundred times as far away.
SOON_S, NEVER_S = 0.05, 3600.0


async def looked(live: Live, absence: Absence) -> None:
    """Look, and again when so much time has passed."""
    for _ in range(4):
        await absence.look(live)
        await asyncio.sleep(SOON_S / 2)
    await absence.look(live)


async def states() -> tuple[TargetState, list[NodeState]]:
    target = await targets.find(OWNER, "gpu")
    assert target
    return target.state, [node.state for node in target.nodes]


async def test_a_silent_node_does_not_respond_until_it_is_heard_of(live: Live) -> None:
    await register(live)
    await submit(live, "a")
    await poll(live, 1)
    await looked(live, Absence(NEVER_S, NEVER_S, SOON_S))
    assert await states() == (TargetState.STEADY, [NodeState.PREPARING])
    await looked(live, Absence(SOON_S, NEVER_S, SOON_S))
    assert await states() == (TargetState.NOT_RESPONDING, [NodeState.NOT_RESPONDING])
    # Who comes back before it is too late keeps what it has.
    assert await poll(live, 1, {"a": 1}) == Work()
    assert await states() == (TargetState.STEADY, [NodeState.PREPARING])
    assert await status("a") is RunStatus.PREPARING


async def test_what_a_lost_worker_had_fails_or_waits_again(live: Live) -> None:
    await register(live, slots=4)
    for name, retryable in (("once", False), ("again", True), ("stop", True), ("done", False)):
        await submit(live, name, retryable=retryable)
    await poll(live, 4)
    await runs.cancel(OWNER, live, "stop", "enough")
    await runs.end(OWNER, live, "done", RunStatus.COMPLETED, "by itself")
    await looked(live, Absence(NEVER_S, SOON_S, SOON_S))
    lost = await runs.get(OWNER, "once")
    why = "nothing was heard of its worker for 0.05 s"
    assert (lost.status, lost.reason) == (RunStatus.FAILED, why)
    assert lost.error == {"type": "WorkerLost", "message": why}
    assert await status("again") is RunStatus.QUEUED
    assert await status("stop") is RunStatus.CANCELED
    assert await status("done") is RunStatus.COMPLETED
    had = {"once": 1, "again": 1, "stop": 1, "done": 1}
    back = await poll(live, 4, had)
    assert set(back.revoked) == set(had)
    assert [(each.run_id, each.fence, each.attempt) for each in back.claims] == [("again", 2, 2)]
    assert await end(live, "again", 2) is RunStatus.COMPLETED


async def test_a_retryable_run_is_lost_three_times_at_most(live: Live) -> None:
    await register(live)
    await submit(live, "a", retryable=True)
    absence = Absence(NEVER_S, SOON_S, SOON_S)
    for attempt in (1, 2, 3):
        assert ids(await poll(live, 1)) == ["a"]
        await looked(live, absence)
        wanted = RunStatus.QUEUED if attempt < 3 else RunStatus.FAILED
        assert await status("a") is wanted
    assert ids(await poll(live, 1)) == []


async def test_a_worker_that_says_so_keeps_its_claims_however_long(live: Live) -> None:
    await register(live)
    await submit(live, "a")
    await poll(live, 1)
    absence = Absence(NEVER_S, SOON_S, SOON_S)
    for _ in range(8):
        await absence.look(live)
        await asyncio.sleep(SOON_S / 2)
        assert await poll(live, 0, {"a": 1}) == Work()
    assert await status("a") is RunStatus.PREPARING
    # Its node is heard of, but by another process that does not speak of the run.
    await register(live, Worker("gpu", "node-1", "second"))
    other = Worker("gpu", "node-1", "second")
    for _ in range(4):
        await absence.look(live)
        await asyncio.sleep(SOON_S / 2)
        assert await poll(live, 0, {}, other) == Work()
    await absence.look(live)
    assert await status("a") is RunStatus.FAILED


async def test_no_clock_that_somebody_sets_decides(live: Live) -> None:
    await register(live)
    await submit(live, "a")
    await poll(live, 1)
    async with writing():
        await execute("UPDATE node SET heartbeat = 1")
        await execute("UPDATE claim SET queued = 1 WHERE run IS NOT NULL")
    absence = Absence(NEVER_S, NEVER_S, SOON_S)
    await looked(live, absence)
    assert await states() == (TargetState.STEADY, [NodeState.PREPARING])
    assert await status("a") is RunStatus.PREPARING


async def test_time_in_which_nobody_looked_does_not_count(live: Live) -> None:
    await register(live)
    await submit(live, "a")
    await poll(live, 1)
    # It looks every millisecond, it says, and so it has slept between these two.
    absence = Absence(SOON_S, SOON_S, SOON_S / 50)
    await absence.look(live)
    await asyncio.sleep(3 * SOON_S)
    await absence.look(live)
    assert await status("a") is RunStatus.PREPARING
    assert (await states())[1] == [NodeState.PREPARING]


async def test_a_worker_that_comes_back_just_before_is_not_lost(live: Live) -> None:
    await register(live)
    await submit(live, "a", retryable=True)
    await poll(live, 1)
    absence = Absence(SOON_S, SOON_S, SOON_S)
    (seen,) = await queues.all_held()
    await poll(live, 0, {"a": 1})
    # Another server process looks at the same time, and only one of them loses it.
    assert not await absence.lose(seen)
    (seen,) = await queues.all_held()
    assert [await absence.lose(seen), await absence.lose(seen)] == [True, False]
    assert await status("a") is RunStatus.QUEUED
    assert ids(await poll(live, 1)) == ["a"]
    assert not await absence.lose(seen)
    assert await status("a") is RunStatus.PREPARING
