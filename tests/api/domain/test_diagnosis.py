"""The doctor says what was broken, and nothing of what is sound."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from api import care
from api.domain import diagnosis
from api.live import Live
from api.records import LogBlock
from api.storage import database
from tests.api.domain.submitted import end, poll, register, submit
from tests.api.scripts import Script, fold_all

pytestmark = pytest.mark.anyio

DAMAGES = {
    "UPDATE run SET experiment = 5 WHERE id > 0": "its experiment is not there",
    "UPDATE run SET parent = 5 WHERE id > 0": "its parent is not there",
    "DELETE FROM frame WHERE seq = 1": "batches of its writer w1 are missing",
    "UPDATE frame SET n = n + 1 WHERE state = 0": "the points of 1 batches cannot be read",
    "UPDATE segment SET n = n + 1 WHERE level >= 0": "its points are not what it says: n",
    "UPDATE segment SET vmax = 7 WHERE level >= 0": "its points are not what it says: vmax",
    "UPDATE segment SET payload = outline WHERE outline IS NOT NULL": "cannot be read",
    "UPDATE run_metric SET vmax = 7 WHERE n > 0": "the summary of long is not that",
    "DELETE FROM run_metric WHERE metric = 'long'": "the summary of column",
    "UPDATE metric_rank SET vlast = 7 WHERE run > 0": "of its metrics by old values",
    "UPDATE run SET name = 'other' WHERE id > 0": "searches may miss it",
    "UPDATE log_chunk SET first_line = 9 WHERE first_byte > 0": "w1 said to the log out cannot be",
    "UPDATE log_chunk SET n_bytes = n_bytes + 1 WHERE level >= 0": "said to the log out cannot be",
    "UPDATE log_chunk SET n_lines = 0 WHERE level >= 0": "said to the log out cannot be",
    "UPDATE log_chunk SET payload = substr(payload, 1, 5) WHERE level >= 0": "the log out cannot",
}


async def said() -> Sequence[str]:
    return [line async for line in diagnosis.runs()]


async def filled(live: Live) -> Script:
    script = Script(live)
    await script.start(name="named")
    await script.log("long", [float(n % 100) for n in range(9000)], range(9000))
    await script.log("text", ["a", "b"])
    await script.log("odd", [float("nan"), float("inf"), 1.0])
    await script.send(logs=[LogBlock("out", 2, 0, "one\ntwo"), LogBlock("out", 1, 7, "\n")])
    await script.send(logs=[LogBlock("out", 3, 99, "after a hole\n"), LogBlock("err", 3, 9, "!")])
    await fold_all(live)
    await script.log("open", [1.0])
    return script


async def test_what_is_sound_has_no_complaint(live: Live) -> None:
    await filled(live)
    assert await said() == []


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("DELETE FROM target", "run waits: the target it was submitted to is not there"),
        ("UPDATE claim SET state = 0 WHERE state = 2", "run ended: it has ended, and still waits"),
        ("UPDATE claim SET node = NULL", "run held: it is executed, and nobody executes it"),
    ],
)
async def test_what_is_wrong_with_a_queue_is_said(live: Live, damage: str, words: str) -> None:
    await register(live)
    for name in ("ended", "held", "waits"):
        await submit(live, name)
    await poll(live, 2)
    await end(live, "ended", 1)
    assert await said() == []
    async with database.writing():
        await database.execute(damage)
    assert any(line.startswith(words) for line in await said())


@pytest.mark.parametrize("damage", DAMAGES)
async def test_what_was_damaged_is_said(live: Live, damage: str) -> None:
    await filled(live)
    async with database.writing():
        await database.execute(damage)
    found = await said()
    assert any(DAMAGES[damage] in line for line in found), found
    assert all(line.startswith("run r1: ") for line in found)


async def test_the_doctor_looks_at_a_database_that_is_served(
    live: Live, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNVANE_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", place if "://" in place else "")
    await filled(live)
    assert [each async for each in care.examine() if each[0]] == []


async def test_what_sqlite_finds_wrong_is_damage(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "://" in place:
        return
    monkeypatch.setenv("RUNVANE_HOME", str(tmp_path))
    async with database.opened(place):
        await filled(Live())
    with closing(sqlite3.connect(place)) as opened:
        (page,) = opened.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'segment'"
        ).fetchone()
    with open(place, "r+b") as file:  # noqa: ASYNC230, PTH123 - nobody else waits here.
        file.seek((page - 1) * database.PAGE_BYTES)
        file.write(b"\xff" * 100)
    found = [each async for each in care.examine()]
    assert any(damage and "restore" in line for damage, line in found), found
