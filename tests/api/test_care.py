"""What an operator does by hand: nothing is half done, and nothing that was there is lost."""

import itertools
import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from api import care
from api.errors import Conflict, Damaged, Invalid, NotFound
from api.live import Live
from api.storage import backups, database, schema
from tests.api.scripts import Script
from tests.conftest import empty_database

pytestmark = pytest.mark.anyio


@pytest.fixture
def home(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of a server whose database is at `place`."""
    for name in ("RUNVANE_DATA_DIR", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RUNVANE_HOME", str(tmp_path))
    if "://" in place:
        monkeypatch.setenv("DATABASE_URL", place)
    return tmp_path


async def filled(place: str) -> None:
    async with database.opened(place):
        script = Script(Live())
        await script.start()
        await script.log("m", [1.0, 2.0])


async def count(place: str) -> int:
    async with database.looked_at(place):
        (row,) = await database.select("SELECT sum(n) AS n FROM frame WHERE state < 3")
        return row["n"] or 0


def found(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern))


async def test_what_was_backed_up_comes_back(
    home: Path, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(place)
    copied, told = tmp_path / "copied", list[tuple[int, int]]()
    said = await care.backup(str(copied), lambda done, total: told.append((done, total)))
    assert str(copied) in said
    # Of what pg_dump does nothing is heard.
    assert [done == total > 0 for done, total in told[-1:]] == [True] * ("://" not in place)
    assert copied.stat().st_mode & 0o777 == 0o600
    other = empty_database(place) if "://" in place else str(tmp_path / "other/runvane.db")
    name = "DATABASE_URL" if "://" in place else "RUNVANE_DATA_DIR"
    monkeypatch.setenv(name, other if "://" in place else str(tmp_path / "other"))
    await care.restore(str(copied), replace=False)
    assert await count(other) == 2
    async with database.opened(other):
        pass
    with pytest.raises(Conflict, match=r"is not empty|is there already"):
        await care.restore(str(copied), replace=False)


async def test_a_backup_sees_what_a_running_server_has_acknowledged(
    home: Path, place: str, tmp_path: Path, live: Live, script: Script
) -> None:
    await script.log("m", [1.0, 2.0, 3.0])
    await care.backup(str(tmp_path))
    (made,) = found(tmp_path, "runvane-*")
    if "://" not in place:
        with closing(sqlite3.connect(made)) as copied:
            assert copied.execute("SELECT sum(n) FROM frame").fetchone() == (3,)
    assert not found(tmp_path, ".*.part")


async def test_a_backup_is_of_one_moment_however_often_others_commit_meanwhile(
    home: Path, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "://" in place:
        return
    await filled(place)
    numbers = itertools.count()

    def commit(_: float) -> None:
        with closing(sqlite3.connect(place)) as other, other:
            if (number := next(numbers)) < 500:
                other.execute("INSERT INTO meta (key, value) VALUES (?, '')", [f"later {number}"])

    monkeypatch.setattr(backups, "STEP_PAGES", 1)
    # Where it pauses, another one commits.
    monkeypatch.setattr(time, "sleep", commit)
    await care.backup(str(tmp_path / "copied"))
    assert next(numbers) > 10
    with closing(sqlite3.connect(tmp_path / "copied")) as copied:
        assert not copied.execute("SELECT key FROM meta WHERE key LIKE 'later%'").fetchall()


async def test_no_file_is_written_over(home: Path, place: str, tmp_path: Path) -> None:
    await filled(place)
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(Invalid, match="name another file"):
        await care.backup(str(tmp_path / "mine"))
    assert (tmp_path / "mine").read_text() == "precious"


async def test_what_is_no_whole_backup_is_refused_before_anything_is_changed(
    home: Path, place: str, tmp_path: Path
) -> None:
    await filled(place)
    source = tmp_path / "source"
    source.write_bytes(b"PGDMP" if "://" in place else os.urandom(9000))
    with pytest.raises(Conflict):
        await care.restore(str(source), replace="://" not in place)
    with pytest.raises((NotFound, Conflict)):
        await care.restore(str(tmp_path / "nothing"), replace=False)
    assert await count(place) == 2


async def test_a_migration_leaves_the_database_as_it_was_beside_it(
    home: Path, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(place)
    last = schema.RELEASED[-1]
    # As an older program left it, of which this migration only ever adds.
    async with database.opened(place), database.writing():
        await database.execute("DELETE FROM tortoise_migrations WHERE name = ?", last)
    assert (await database.standing(place)).missing == [last]

    async def nothing(*_: object) -> None:
        pass

    monkeypatch.setattr(schema, "upgrade", nothing)
    said = await care.migrate()
    kept = found(tmp_path, f"runvane*.before-{last.partition('_')[0]}*")
    assert len(kept) == 1, said
    if "://" not in place:
        with closing(sqlite3.connect(kept[0])) as opened:
            assert opened.execute("SELECT sum(n) FROM frame").fetchone() == (2,)
            names = opened.execute("SELECT name FROM tortoise_migrations").fetchall()
        assert (last,) not in names


async def test_without_a_migration_there_is_no_backup(home: Path, place: str) -> None:
    await care.migrate()
    assert await care.migrate() == ["the tables are up to date: nothing was changed"]
    async with database.opened(place):
        pass
    assert not found(home, "*before*")


async def test_a_database_of_a_newer_program_is_refused_in_words(home: Path, place: str) -> None:
    await filled(place)
    async with database.opened(place), database.writing():
        await database.execute("UPDATE tortoise_migrations SET name = '0999_later' WHERE id = 1")
    for attempt in (care.migrate, lambda: database.opened(place).__aenter__()):
        with pytest.raises(Conflict, match="newer Runvane"):
            await attempt()


async def test_a_database_in_use_is_not_replaced_and_what_is_replaced_stays(
    home: Path, place: str, tmp_path: Path
) -> None:
    if "://" in place:
        return
    await filled(place)
    copied = tmp_path / "copied"
    await care.backup(str(copied))
    async with database.opened(place):
        with pytest.raises(Conflict, match="another Runvane server is running"):
            await care.restore(str(copied), replace=True)
        script = Script(Live(), run="r2")
        await script.start()
        await script.log("m", [1.0])
    await care.restore(str(copied), replace=True)
    assert await count(place) == 2
    (aside,) = found(tmp_path, "runvane.db.replaced-*")
    shutil.copy(aside, tmp_path / "aside.db")
    assert await count(str(tmp_path / "aside.db")) == 3


async def test_a_file_that_is_no_database_is_said_in_words(home: Path, place: str) -> None:
    if "://" in place:
        return
    (home / "runvane.db").write_bytes(b"x" * 9000)
    for attempt in (care.migrate, lambda: database.opened(place).__aenter__()):
        with pytest.raises(Conflict, match="runvane doctor"):
            await attempt()


def damage_schema(place: str, change: str) -> None:
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(f"UPDATE sqlite_master SET {change} WHERE name = 'segment'")
        connection.commit()


async def test_damage_that_is_no_text_is_said_in_words(home: Path, place: str) -> None:
    if "://" in place:
        return
    await filled(place)
    damage_schema(place, "name = CAST(x'b2b2' AS TEXT), sql = 'CREATE'")
    with pytest.raises(Conflict, match="cannot be read as a database"):
        await care.migrate()
    with pytest.raises(Damaged, match="database is damaged"):
        async with database.looked_at(place):
            await database.select("SELECT 1 FROM run")


async def test_what_is_damaged_is_said_in_one_line_also_where_it_has_several(
    home: Path, place: str
) -> None:
    if "://" in place:
        return
    await filled(place)
    damage_schema(place, "sql = 'CREATE TABLE segment (\"id\n BIGINT\n)'")
    with pytest.raises(Conflict, match="cannot be read as a database") as refused:
        await care.migrate()
    assert len(str(refused.value).splitlines()) == 1
