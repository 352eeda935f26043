"""Files of runs: names, and which bytes they mean."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.blobs import Blob, File, FileRole, NewFile, Snapshot
from api.storage.database import marks, select
from api.storage.keys import new_key
from runvane.paths import SNAPSHOT_LIST

_FILE = "path, role, digest, size, created"


async def get(run: int, path: str) -> File | None:
    rows = await select(f"SELECT {_FILE} FROM file WHERE run = ? AND path = ?", run, path)  # noqa: S608
    return _file(rows[0]) if rows else None


async def found(run: int, path: str) -> tuple[File, Blob] | None:
    """A file and where its bytes are."""
    rows = await select(
        "SELECT f.path, f.role, f.digest, f.size, f.created, b.store, b.created AS kept"
        " FROM file f JOIN blob b ON b.digest = f.digest WHERE f.run = ? AND f.path = ?",
        run,
        path,
    )
    if not rows:
        return None
    (row,) = rows
    return _file(row), Blob(row["digest"], row["size"], row["store"], row["kept"])


async def insert(run: int, new: NewFile, now: int) -> bool:
    """False where the name is taken."""
    made = await select(
        "INSERT INTO file (id, run, path, role, digest, size, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, path) DO NOTHING RETURNING id",
        new_key(),
        run,
        new.path,
        new.role.value,
        new.digest,
        new.size,
        now,
    )
    return bool(made)


async def page(
    runs: Sequence[int], prefix: str, roles: Sequence[FileRole], after: str, limit: int
) -> Mapping[int, Sequence[File]]:
    """Of each run the files behind `after`, as the database orders texts; one statement for all."""
    rows = await select(
        f"SELECT * FROM (SELECT run, {_FILE}, row_number() OVER"  # noqa: S608
        f" (PARTITION BY run ORDER BY path) AS place FROM file WHERE run IN ({marks(runs)})"
        f" AND path > ? AND substr(path, 1, ?) = ? AND role IN ({marks(roles)})) counted"
        " WHERE place <= ? ORDER BY run, path",
        *runs,
        after,
        len(prefix),
        prefix,
        *(role.value for role in roles),
        limit,
    )
    pages: dict[int, list[File]] = {run: [] for run in runs}
    for row in rows:
        pages[row["run"]].append(_file(row))
    return pages


async def snapshots(runs: Sequence[int]) -> Mapping[int, Snapshot]:
    """Of the runs that have one: it is whole once the list of its files is there."""
    rows = await select(
        "SELECT l.run, l.digest, count(f.id) AS files, coalesce(sum(f.size), 0) AS size"  # noqa: S608
        " FROM file l LEFT JOIN file f ON f.run = l.run AND f.role = ? AND f.path <> l.path"
        f" WHERE l.run IN ({marks(runs)}) AND l.path = ? GROUP BY l.run, l.digest",
        FileRole.SNAPSHOT.value,
        *runs,
        SNAPSHOT_LIST,
    )
    return {row["run"]: Snapshot(row["digest"], row["files"], int(row["size"])) for row in rows}


async def known_in(experiment: int, digest: str) -> bool:
    """Whether a run of this experiment has a file of these bytes."""
    rows = await select(
        "SELECT f.id FROM file f JOIN run r ON r.id = f.run"
        " WHERE f.digest = ? AND r.experiment = ? LIMIT 1",
        digest,
        experiment,
    )
    return bool(rows)


def _file(row: Mapping[str, Any]) -> File:
    return File(row["path"], FileRole(row["role"]), row["digest"], row["size"], row["created"])
