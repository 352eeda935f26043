"""What is acknowledged is on disk, and who cannot write does not."""

import asyncio
from typing import Any

import numpy as np
import pytest
from tortoise import connections
from tortoise.exceptions import BaseORMException

from api.domain import experiments
from api.errors import NoSpace
from api.live import Live
from api.storage import keys
from api.storage.database import (
    as_json,
    execute,
    here,
    of_json,
    postgres,
    select,
    snapshot,
    writing,
)
from tests.api.scripts import OWNER, Script, block, deliver

pytestmark = pytest.mark.anyio


async def test_a_full_disk_says_so_and_the_batch_can_come_again(live: Live, script: Script) -> None:
    batch = script.batch(blocks=[block("loss", np.random.default_rng(3).random(50_000).tolist())])
    if postgres():
        with pytest.raises(NoSpace):
            async with writing():
                await here().execute_script("DO $$ BEGIN RAISE SQLSTATE '53100'; END $$")
    else:
        async with writing():
            (row,) = await select("PRAGMA page_count")
            await select(f"PRAGMA max_page_count = {row['page_count']}")
        with pytest.raises(NoSpace):
            await deliver(live, batch)
        async with writing():
            await select("PRAGMA max_page_count = 1000000")
    assert await deliver(live, batch) == 1


async def test_outside_of_a_transaction_nothing_can_be_written(live: Live) -> None:
    with pytest.raises(BaseORMException):
        await execute("DELETE FROM meta")
    with pytest.raises(BaseORMException):
        async with snapshot():
            await execute("DELETE FROM meta")
    assert await select("SELECT key FROM meta") == [{"key": "node"}]


async def test_nobody_waits_for_the_long_list_of_somebody_else(live: Live) -> None:
    long = asyncio.create_task(
        select(
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000000000)"
            " SELECT count(*) AS n FROM n"
        )
    )
    await asyncio.sleep(0.1)
    every = await asyncio.gather(*(select("SELECT count(*) AS n FROM meta") for _ in range(20)))
    assert every == [[{"n": 1}]] * 20
    assert not long.done()
    long.cancel()


async def test_a_snapshot_does_not_see_what_came_later(live: Live, script: Script) -> None:
    # Made out here: a task inherits the transaction in which it is made.
    outside = asyncio.create_task(_when(begin := asyncio.Event(), script))
    async with snapshot():
        before = await select("SELECT count(*) AS n FROM frame WHERE state < 3")
        begin.set()
        await outside
        assert await select("SELECT count(*) AS n FROM frame WHERE state < 3") == before
    assert await select("SELECT count(*) AS n FROM frame WHERE state < 3") != before


async def _when(begin: asyncio.Event, script: Script) -> None:
    await begin.wait()
    await script.log("loss", [0.5])


async def test_a_writer_that_gives_up_leaves_no_lock(live: Live, script: Script) -> None:
    for n in range(20):
        given_up = asyncio.create_task(script.log("loss", [0.5]))
        for _ in range(n):
            await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        other = Script(live, f"r{n}", "w")
        await asyncio.wait_for(other.start(), 60)
    assert await experiments.count(OWNER) == 1


async def test_a_failure_inside_leaves_nothing(live: Live) -> None:
    with pytest.raises(RuntimeError):
        await _write_half()
    assert await select("SELECT key FROM meta") == [{"key": "node"}]


async def _write_half() -> None:
    async with writing():
        await execute("INSERT INTO meta (key, value) VALUES ('a', 'b')")
        raise RuntimeError


async def test_a_statement_is_all_that_its_session_hears(live: Live) -> None:
    if postgres():
        (reader,) = await select("SELECT pg_backend_pid() AS pid")
        said = "SELECT query, state FROM pg_stat_activity WHERE pid = ?"
        async with writing():
            (last,) = await select(said, reader["pid"])
        assert last == {"query": "SELECT pg_backend_pid() AS pid", "state": "idle"}


async def test_a_transaction_that_was_left_open_is_ended(live: Live) -> None:
    if postgres():
        client: Any = connections.get("default")
        async with client.acquire_connection() as connection:
            await connection.execute("BEGIN")
            pid = connection.get_server_pid()
        (last,) = await select("SELECT state FROM pg_stat_activity WHERE pid = ?", pid)
        assert last["state"] == "idle"


def test_keys_grow_and_never_meet() -> None:
    clock = keys.Clock()
    clock.node = 1023
    made = [clock.next() for _ in range(20_000)]
    assert made == sorted(set(made))
    assert all(0 < key < 2**63 for key in made)
    assert {key >> 12 & 1023 for key in made} == {1023}
    assert keys.metric_key(1, "a", "b/c") != keys.metric_key(1, "a/b", "c")
    assert 0 <= keys.run_key("r1") < 2**63


def test_nul_is_replaced_and_what_looks_like_it_is_not() -> None:
    said = {"a": "x\0", "b": "\\u0000", "c": "\\\0\0", "d": float("nan")}
    kept = {"a": "x\ufffd", "b": "\\u0000", "c": "\\\ufffd\ufffd", "d": None}
    assert of_json(as_json(said)) == kept
