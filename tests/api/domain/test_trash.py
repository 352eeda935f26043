"""A deleted run waits in the trash, can come back, and then goes for good with all it had."""

import asyncio
from contextvars import copy_context

import pytest

from api.domain import runs, trash
from api.errors import Conflict, Gone
from api.live import Live
from api.records import LogBlock, Params, Start
from api.storage.database import execute, postgres, select, writing
from api.storage.keys import run_key
from tests.api.scripts import OWNER, Script, block, fold_all
from tests.test_rules import kept_by_run

pytestmark = pytest.mark.anyio
# Every table with rows of a run, but for the one that remembers what was purged.
TABLES = (kept_by_run()[1] | {"run"}) - {"purged"}


async def rows() -> dict[str, int]:
    counted = {
        table: (await select(f"SELECT count(*) AS n FROM {table}"))[0]["n"] for table in TABLES
    }
    return {table: n for table, n in counted.items() if n}


async def filled(live: Live, run: str, parent: str | None = None) -> Script:
    script = Script(live, run, "w")
    await script.send(Start(experiment="mnist", parent=parent))
    await script.send(
        Params({"lr": 0.1}), blocks=[block("loss", [0.5])], logs=[LogBlock("stdout", 1, 0, "hi\n")]
    )
    await fold_all(live)
    await script.log("loss", [0.5])
    return script


async def test_only_what_was_deleted_long_ago_is_taken_away(live: Live) -> None:
    await filled(live, "kept")
    await fold_all(live)
    before = await rows()
    script = await filled(live, "old")
    await runs.delete(OWNER, live, "old")
    await trash.empty(days=30)
    assert await runs.find(OWNER, "old") is not None
    await runs.restore(OWNER, live, "old")
    await runs.delete(OWNER, live, "old")
    async with writing():
        await execute("UPDATE run SET deleted = deleted - 2678400000 WHERE public_id = 'old'")
    await trash.empty(days=30)
    assert await rows() == before
    # Its script, and whoever wants its name, is told so for good.
    with pytest.raises(Gone):
        await script.log("loss", [0.5])
    with pytest.raises(Gone):
        await Script(live, "old", "w2").start()
    with pytest.raises(Gone):
        await Script(live, "child", "w3").start(parent="old")
    with pytest.raises(Conflict):
        await runs.create(
            OWNER, live, run_id="old", start=Start(experiment="mnist"), tags={}, params={}
        )
    assert len(await select("SELECT id FROM run")) == 1


async def test_a_tree_goes_together_and_never_leaves_a_child_without_its_parent(
    live: Live,
) -> None:
    for run, parent in (("top", None), ("middle", "top"), ("leaf", "middle"), ("other", "top")):
        await filled(live, run, parent)
    await runs.delete(OWNER, live, "top")
    await runs.restore(OWNER, live, "other")
    await trash.empty(days=-1)
    assert {
        each for each in ("top", "middle", "leaf", "other") if await runs.find(OWNER, each)
    } == {
        "top",
        "other",
    }
    await runs.delete(OWNER, live, "other")
    await trash.empty(days=-1)
    assert await rows() == {}


async def test_what_is_being_taken_away_cannot_come_back(live: Live, script: Script) -> None:
    with pytest.raises(Conflict):
        await runs.purge(OWNER, live, "r1")
    await runs.delete(OWNER, live, "r1")
    for _ in range(2):
        await runs.purge(OWNER, live, "r1")
    with pytest.raises(Gone):
        await runs.restore(OWNER, live, "r1")
    await trash.empty(days=30)
    assert await rows() == {}


async def test_a_child_that_was_purged_stays_away_when_its_parent_comes_back(live: Live) -> None:
    await filled(live, "top")
    await filled(live, "leaf", "top")
    await runs.delete(OWNER, live, "top")
    await runs.purge(OWNER, live, "leaf")
    await runs.restore(OWNER, live, "top")
    leaf = await runs.find(OWNER, "leaf")
    assert leaf is not None
    assert leaf.deleted is not None
    await trash.empty(days=30)
    assert await runs.find(OWNER, "leaf") is None
    assert (await runs.get(OWNER, "top")).deleted is None


async def test_a_deletion_locks_runs_in_the_order_in_which_commits_of_several_do(
    live: Live,
) -> None:
    if not postgres():
        # There a commit is alone.
        return
    first, last = sorted(("one", "two"), key=run_key)
    await filled(live, last)
    await filled(live, first, last)
    for change in (runs.delete, runs.restore):
        # Whoever begins inside would be of the same commit.
        outside = [copy_context() for _ in range(2)]
        async with asyncio.timeout(30), writing():
            await select("SELECT id FROM run WHERE id = ? FOR UPDATE", run_key(first))
            changing = asyncio.create_task(change(OWNER, live, last), context=outside[0])
            await asyncio.create_task(somebody_waits(), context=outside[1])
            # It holds nothing yet that a commit which holds the first could wait for.
            assert await select("SELECT id FROM run WHERE id = ? FOR UPDATE NOWAIT", run_key(last))
        assert ((await changing).deleted is None) == (change is runs.restore)


async def somebody_waits() -> None:
    waiting = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock'"
    )
    while not await select(waiting):  # noqa: ASYNC110 - another process tells nobody
        await asyncio.sleep(0.01)


async def test_space_is_given_back(live: Live) -> None:
    if postgres():
        # Its autovacuum does it.
        return
    script = Script(live)
    await script.start()
    noise = "".join(chr(33 + n * n % 90) + str(n) for n in range(200_000))
    for n in range(4):
        await script.send(logs=[LogBlock("stdout", 1, n * 10**7, noise)])
    full = await pages()
    await runs.delete(OWNER, live, "r1")
    await trash.empty(days=-1)
    assert await pages() < full / 2


async def pages() -> int:
    """Of the file, the free ones too."""
    return (await select("PRAGMA page_count"))[0]["page_count"]
