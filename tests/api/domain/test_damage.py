"""What was changed behind our back on the disk is said, and never shown as points."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from api.domain import background, compaction, diagnosis, exports, metrics, runs, series
from api.errors import Damaged
from api.live import Live
from api.records import RunStatus, SeriesQuery
from api.storage.database import execute, select, writing
from api.storage.keys import run_key
from tests.api.scripts import OWNER, Script, fold_all

pytestmark = pytest.mark.anyio
LOSS = SeriesQuery(runs=["r1"], metric="loss")


@asynccontextmanager
async def flipped(table: str, column: str) -> AsyncGenerator[None]:
    """One byte of the run's only such value, while inside."""
    which = f"FROM {table} WHERE run = ? AND {column} IS NOT NULL AND state < 1"
    which = which if table == "frame" else which.replace(" AND state < 1", "")
    (row,) = await select(f"SELECT id, {column} AS held {which}", run_key("r1"))
    changed = bytearray(row["held"])
    changed[len(changed) // 2] ^= 0x10
    await put(table, column, row["id"], bytes(changed))
    yield
    await put(table, column, row["id"], bytes(row["held"]))


async def put(table: str, column: str, row: int, held: bytes) -> None:
    async with writing():
        await execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", held, row)


async def exported() -> int:
    return sum([len(page[0]) async for page in exports.pages(OWNER, "r1", "loss", "value")])


async def complaints() -> list[str]:
    return [line async for line in diagnosis.runs()]


@pytest.mark.parametrize("table", ["segment", "frame"])
async def test_points_that_were_changed_end_in_a_clear_error(
    live: Live, script: Script, table: str
) -> None:
    await script.log("loss", [n / 7 for n in range(5000)], range(5000))
    if table == "segment":
        await fold_all(live)
    run = await runs.get(OWNER, "r1")
    async with flipped(table, "payload"):
        for ask in (
            lambda: series.series(OWNER, LOSS),
            lambda: metrics.rows(OWNER, run, "loss", last=5),
            exported,
        ):
            with pytest.raises(Damaged, match="runvane doctor"):
                await ask()
        (line, *others) = await complaints()
        assert line.startswith("run r1: ")
        assert "cannot be read" in line
        assert table == "frame" or "loss, steps 0 to 4999" in line
        assert not others
    assert (await series.series(OWNER, LOSS)).points_total == await exported() == 5000
    assert await complaints() == []


@pytest.mark.parametrize("column", ["outline", "coarse"])
async def test_buckets_that_were_changed_are_named(live: Live, script: Script, column: str) -> None:
    await script.log("loss", [n / 7 for n in range(5000)], range(5000))
    await fold_all(live)
    async with flipped("segment", column):
        (line,) = await complaints()
    assert line == f"run r1: loss, steps 0 to 4999: its points are not what it says: {column}"


async def test_a_run_that_is_damaged_holds_up_no_other(
    live: Live, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    other = Script(live, "r2", "w2")
    await other.start()
    for each in (script, other):
        for n in range(2):
            await each.log("loss", [0.5], [n])
            await fold_all(live)
        await runs.end(OWNER, live, each.run, RunStatus.COMPLETED, "")
    async with writing():
        await execute(
            "UPDATE segment SET payload = ? WHERE run = ? AND first_step = 0",
            b"changed",
            run_key("r1"),
        )
    with caplog.at_level(logging.CRITICAL, "runvane"):
        await compaction.Compacting().look()
    counted = await select("SELECT run, count(*) AS n FROM segment GROUP BY run")
    assert {row["run"]: row["n"] for row in counted} == {run_key("r1"): 2, run_key("r2"): 1}


async def test_a_frame_that_is_damaged_is_said_in_one_line(
    live: Live, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    await script.log("loss", [0.5])
    with caplog.at_level(logging.ERROR, "runvane"):
        async with flipped("frame", "payload"):
            await background.Folding().look(live)
    (record,) = caplog.records
    assert "is damaged: run `runvane doctor`" in record.getMessage()
    assert record.exc_info is None
    await background.Folding().look(live)
    assert await asyncio.wait_for(exported(), 10) == 1
