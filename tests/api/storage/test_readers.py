"""An SQLite file that several connections read, each statement with one for itself."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from api.storage import readers
from api.storage.readers import Readers

pytestmark = pytest.mark.anyio

# For an hour or so.
LONG = (
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000000000)"
    " SELECT count(*) AS n FROM n"
)
WAIT_S = 30
# What each keeps says which one it is.
CACHES = (1000, 2000, 3000)


@pytest.fixture
async def three(anyio_backend: str, tmp_path: Path) -> AsyncGenerator[Readers]:
    path = tmp_path / "some.db"
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA journal_mode = WAL")
    opened = Readers(str(path), CACHES, connection_name="read", query_only="ON")
    yield opened
    await asyncio.wait_for(opened.close(), WAIT_S)


async def which(opened: Readers) -> int:
    """The place of the connection that is asked."""
    (row,) = await asyncio.wait_for(opened.execute_query_dict("PRAGMA cache_size"), WAIT_S)
    return CACHES.index(-row["cache_size"])


async def begun(opened: Readers) -> asyncio.Task[Any]:
    long = asyncio.create_task(opened.execute_query_dict(LONG))
    await asyncio.sleep(0.1)
    return long


async def given_up(*every: asyncio.Task[Any]) -> None:
    for each in every:
        each.cancel()
    done = await asyncio.gather(*every, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in done)


async def test_what_is_short_waits_for_the_first(
    three: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "_PATIENCE_S", WAIT_S)
    assert await asyncio.gather(*(which(three) for _ in range(20))) == [0] * 20


async def test_a_long_statement_lets_others_past_it_until_all_are_long(three: Readers) -> None:
    every = [await begun(three)]
    assert await which(three) == 1
    every.append(await begun(three))
    assert [await which(three), await which(three)] == [2, 2]
    every.append(await begun(three))
    waiting = asyncio.create_task(which(three))
    await asyncio.sleep(0.1)
    assert not any(each.done() for each in (*every, waiting))
    await given_up(every.pop(1))
    assert await waiting == 1
    await given_up(*every)


async def test_what_is_given_up_is_stopped(three: Readers) -> None:
    for _ in range(2):
        await given_up(*[await begun(three) for _ in CACHES])
        # Before it began, too.
        at_once = asyncio.create_task(three.execute_query_dict(LONG))
        await asyncio.sleep(0)
        await given_up(at_once)
        assert await which(three) in range(3)


async def test_who_gives_up_while_waiting_takes_no_connection_along(three: Readers) -> None:
    every = [await asyncio.wait_for(three.take(), WAIT_S) for _ in CACHES]
    early, late = (asyncio.create_task(three.take()) for _ in range(2))
    await asyncio.sleep(0.1)
    await given_up(early)
    three.give_back(every[0])
    # Its turn has come, and it does not know yet.
    await given_up(late)
    assert await asyncio.wait_for(three.take(), WAIT_S) == every[0]
    for each in every:
        three.give_back(each)
