"""What a person does to the database by hand: back up, restore, bring up to date, examine."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from api.domain import diagnosis
from api.errors import Conflict, Invalid, RunvaneError
from api.settings import Settings
from api.storage import backups, database, schema, stores

# Below that, or below a fiftieth of the disk, the doctor says so.
FREE_BYTES_MIN = 1024**3


async def backup(target: str | None, told: backups.Told = backups.nobody) -> str:
    """Make one at `target`, a file or a folder; else in `backups` in the data folder."""
    settings = Settings()
    end = "dump" if settings.database_url else "db"
    name = f"runvane-{_now()}.{end}"
    path = Path(target) if target else settings.data_folder / "backups" / name
    path = path / name if path.is_dir() else path
    if settings.database_url:
        _refuse_without_dump()
        there = database.credentials_of(settings.database_url)
        size = await asyncio.to_thread(backups.dump, there, path)
    else:
        there = Path(settings.database)
        size = await asyncio.to_thread(backups.copy, there, path, gently=True, told=told)
    return f"{path}: {size:,} bytes, checked"


async def restore(source: str, *, replace: bool) -> Sequence[str]:
    """
    Begin with a backup. Nothing is changed unless it is whole and not newer than we are.

    With `replace` an SQLite database that is there stays beside it.
    """
    settings = Settings()
    if settings.database_url:
        return await _load(settings.database_url, Path(source), replace=replace)
    return await asyncio.to_thread(_put, Path(source), Path(settings.database), replace=replace)


def _put(source: Path, target: Path, *, replace: bool) -> Sequence[str]:
    if backups.begins(source) == backups.ARCHIVE:
        raise Invalid(f"{source} is of a PostgreSQL: name an empty one with --database-url")
    backups.check(source)
    seen = schema.standing(backups.migrations_in(source, still=True))
    if seen.fresh:
        raise Invalid(f"{source} is no backup of Runvane: it lacks its tables")
    database.refuse_newer(seen)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = target.with_name(f"{target.name}.replaced-{_now()}") if replace else None
    with database.claimed(target):
        was = target.exists()
        size = backups.restore(source, target, aside)
    said = f"{target}: {size:,} bytes, checked; `runvane serve` goes on with it"
    return [said, f"what was there before is {aside}"] if was else [said]


async def migrate() -> Sequence[str]:
    """Bring the tables up to date, after a backup of what there is."""
    settings = Settings()
    place = settings.database
    seen = await database.standing(place)
    database.refuse_newer(seen)
    if not seen.missing:
        return ["the tables are up to date: nothing was changed"]
    said: list[str] = []
    if settings.database_url and not seen.fresh:
        _refuse_without_dump()
        kept = database.before(settings.data_folder / "runvane", seen)
        kept = kept.with_name(f"{kept.name}-{_now()}.dump")
        there = database.credentials_of(settings.database_url)
        size = await asyncio.to_thread(backups.dump, there, kept)
        said = [f"{kept}: {size:,} bytes, as it was before"]
    settings.data_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with database.opened(place):
        pass
    return [*said, f"the tables are up to date: {', '.join(seen.missing)}"]


async def examine() -> AsyncIterator[tuple[bool, str]]:
    """Each thing that is wrong, and whether it is damage; the database is only read."""
    settings = Settings()
    for line in await asyncio.to_thread(_around, settings):
        yield False, line
    place = settings.database
    try:
        if not settings.database_url:
            for line in await asyncio.to_thread(backups.complaints_of, Path(place)):
                yield True, f"{place}: {line}: `runvane restore` a backup"
        seen = await database.standing(place)
        database.refuse_newer(seen)
        if seen.missing:
            yield False, "the tables are of an older Runvane: `runvane migrate`, then ask again"
            return
        async with database.looked_at(place):
            async for line in diagnosis.runs():
                yield True, line
            async with stores.opened(settings.files, settings.data_folder / "files"):
                async for line in diagnosis.files():
                    yield True, line
    except RunvaneError as error:
        yield True, str(error)
    except Exception as error:  # noqa: BLE001 - a damaged file fails in every way there is.
        said = (str(error).splitlines() or [""])[0]
        yield True, f"the database cannot be read ({said}): `runvane restore` a backup"


def _around(settings: Settings) -> Sequence[str]:
    """What is wrong beside the database."""
    found: list[str] = []
    folder = settings.data_folder
    if folder.is_dir():
        usage = shutil.disk_usage(folder)
        if usage.free < max(FREE_BYTES_MIN, usage.total // 50):
            found.append(f"{folder} has {usage.free:,} bytes free: make room")
        found += [f"{each} was cut short: remove it" for each in sorted(folder.rglob(".*.part"))]
    for path in (settings.home / "token", folder / "runvane.db"):
        if path.exists() and path.stat().st_mode & 0o077:
            found.append(f"others can read {path}: chmod 600 it")
    return found


async def _load(url: str, path: Path, *, replace: bool) -> Sequence[str]:
    if replace or backups.begins(path) != backups.ARCHIVE:
        raise Invalid(
            "a PostgreSQL is restored from what `runvane backup` or `pg_dump -Fc` made of one, into"
            " an empty database: make another with `createdb`"
        )
    where = url.rpartition("@")[2]
    async with database.looked_at(url):
        if await database.tables():
            raise Conflict(f"{where} is not empty: make another database with `createdb`")
    size = await asyncio.to_thread(backups.load, path, database.credentials_of(url))
    return [f"{where}: from {size:,} bytes"]


def _refuse_without_dump() -> None:
    if not backups.can_dump():
        raise Conflict("`pg_dump` is not installed here: back the PostgreSQL up where it is")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
