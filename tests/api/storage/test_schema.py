"""The tables are those of the models, by whatever way they came about, and rows survive."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tortoise import connections
from tortoise.context import TortoiseContext

from api.errors import Conflict
from api.storage import database, schema
from tests.conftest import ROOT, empty_database

pytestmark = pytest.mark.anyio

RELEASED = sorted(path.stem for path in (ROOT / "api/storage/migrations").glob("[0-9]*.py"))
Rows = Sequence[dict[str, Any]]


@asynccontextmanager
async def bare(place: str) -> AsyncGenerator[TortoiseContext]:
    """The database as it is: nothing is upgraded."""
    async with TortoiseContext() as context:
        engine = database.upgrading(place)
        await context.init(config={"connections": {"default": engine}, "apps": database.APPS})
        yield context


async def rows(statement: str) -> Rows:
    return await connections.get("default").execute_query_dict(statement)


def sqlite() -> bool:
    return connections.get("default").capabilities.dialect == "sqlite"


async def tables() -> Sequence[str]:
    statement = (
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        if sqlite()
        else "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    )
    # SQLite's terms are kept by FTS5 in tables of its own, in step with `run` by triggers.
    others = ("tortoise", "run_terms")
    return sorted(
        row["name"] for row in await rows(statement) if not row["name"].startswith(others)
    )


async def columns(table: str) -> Mapping[str, tuple[str, bool]]:
    """Type, and whether it may be null."""
    if sqlite():
        found = await rows(f'PRAGMA table_info("{table}")')
        return {row["name"]: (row["type"].upper(), not row["notnull"]) for row in found}
    found = await rows(
        "SELECT column_name, data_type, is_nullable, column_default FROM"
        f" information_schema.columns WHERE table_name = '{table}'"
    )
    # A key that counts by itself would have a default.
    assert not any(row["column_default"] for row in found), table
    return {row["column_name"]: (row["data_type"], row["is_nullable"] == "YES") for row in found}


async def indexes(table: str) -> Sequence[str]:
    if not sqlite():
        found = await rows(
            f"SELECT indexname, indexdef FROM pg_indexes WHERE tablename = '{table}'"
        )
        return sorted(row["indexdef"].replace(row["indexname"], "") for row in found)
    said: list[str] = []
    for row in await rows(f'PRAGMA index_list("{table}")'):
        names = [each["name"] for each in await rows(f'PRAGMA index_info("{row["name"]}")')]
        made = await rows(f"SELECT sql FROM sqlite_master WHERE name = '{row['name']}'")
        condition = (made[0]["sql"] or "").partition(" WHERE ")[2]
        said.append(f"{row['unique']} {names} {condition}")
    return sorted(said)


async def shape() -> Mapping[str, Any]:
    return {table: (await columns(table), await indexes(table)) for table in await tables()}


async def fill(table: str) -> None:
    """Two rows, with a value in every column."""
    for n in range(2):
        values = [_value(name, kind, n) for name, (kind, _) in (await columns(table)).items()]
        names = ", ".join(f'"{name}"' for name in await columns(table))
        await rows(f"INSERT INTO {table} ({names}) VALUES ({', '.join(values)})")


def _value(name: str, kind: str, n: int) -> str:
    kind = kind.lower()
    if name == "deleted":
        # What is deleted is not in every index of what is there.
        return "NULL"
    if kind == "array":
        return f"'{{{n}}}'"
    if "json" in kind:
        return f"'{{\"n\": {n}}}'"
    if "char" in kind or "text" in kind:
        return f"'{n}'"
    if kind in ("blob", "bytea"):
        return f"x'0{n}'" if kind == "blob" else f"'\\x0{n}'"
    return str(n + 1)


async def test_migrations_make_what_the_models_say(empty: str, tmp_path: Path) -> None:
    async with bare(empty):
        await schema.upgrade(database.APPS)
        migrated = await shape()
    async with bare(await another(empty, tmp_path)) as context:
        await context.generate_schemas()
        generated = await shape()
    assert migrated == generated
    assert len(migrated["run"][1]) == (17 if "://" in empty else 16)


@pytest.mark.parametrize("before", RELEASED[:-1])
async def test_rows_survive_the_way_from_an_older_release(empty: str, before: str) -> None:
    async with bare(empty):
        await schema.upgrade(database.APPS, before)
        kept: dict[str, tuple[Sequence[str], Rows]] = {}
        for table in await tables():
            await fill(table)
            names = sorted(await columns(table))
            kept[table] = names, await rows(_every(table, names))
    async with database.opened(empty), database.writing():
        assert set(await tables()) >= set(kept)
        for table, (names, old) in kept.items():
            now = await rows(_every(table, names))
            assert len(now) >= 2
            assert [row for row in now if row.get("key") != "node"] == old
        if before < "0003":
            # What lists are sorted by is there from the first page on.
            assert await rows("SELECT run, key, vmin, vmax FROM metric_rank ORDER BY run") == [
                {"run": 1, "key": 1, "vmin": 1.0, "vmax": 1.0},
                {"run": 2, "key": 2, "vmin": 2.0, "vmax": 2.0},
            ]


def _every(table: str, names: Sequence[str]) -> str:
    listed = ", ".join(f'"{name}"' for name in names)
    return f"SELECT {listed} FROM {table} ORDER BY {listed}"


async def test_an_upgrade_that_fails_changes_nothing(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(schema.Recorder, "record_applied", broken)
    with pytest.raises(RuntimeError):
        async with database.opened(empty):
            pass
    monkeypatch.undo()
    async with database.opened(empty):
        assert await database.select("SELECT id FROM run") == []


async def test_two_servers_that_start_at_once_both_find_the_tables(empty: str) -> None:
    if "://" not in empty:
        # There, one file has one server.
        async with database.opened(empty):
            with pytest.raises(Conflict, match="another Runvane server is running on"):
                async with database.opened(empty):
                    pass
        return
    code = f"""if 1:
        import asyncio
        from api.storage import database
        async def main():
            async with database.opened({empty!r}): pass
        asyncio.run(main())"""
    started = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=ROOT) for _ in range(3)
    ]
    assert [await each.wait() for each in started] == [0, 0, 0]


async def another(place: str, tmp_path: Path) -> str:
    return empty_database(place) if "://" in place else str(tmp_path / "another.db")
