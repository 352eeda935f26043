"""
Deleted runs: kept for a while, then taken away in small steps, and their space given back.

A run that is being taken away has a row in `purged`, and keeps it for good: so it
cannot be restored half empty, and what its script still sends is refused as long as
it comes. Its rows go table by table, a chunk in each commit; the run's own row last.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from api.storage.database import execute, locked, marks, postgres, select, shrink
from api.storage.runs import TREE

# Rows of one commit: a payload may be megabytes long, a point's summary a hundred bytes.
ROWS_MAX = 500
RUNS_MAX = 1000
# SQLite's pages, 8 KB each, that one commit gives back.
PAGES_MAX = 500
CHILDREN = (
    "frame", "segment", "run_metric", "metric_rank", "param_num", "log_chunk", "run_status",
    "file",
)  # fmt: skip


async def is_purged(run: int) -> bool:
    return bool(await purged([run]))


async def purged(runs: Sequence[int]) -> AbstractSet[int]:
    """Those of the runs that are deleted for good."""
    if not runs:
        return set()
    rows = await select(f"SELECT run FROM purged WHERE run IN ({marks(runs)})", *runs)  # noqa: S608
    return {row["run"] for row in rows}


async def mark(deleted_before: int, now: int) -> None:
    """Runs whose time in the trash is over and that have nothing below them: a tree by and by."""
    await execute(
        "INSERT INTO purged (run, begun) SELECT r.id, CAST(? AS BIGINT) FROM run r"  # noqa: S608
        " WHERE r.deleted < ? AND NOT EXISTS (SELECT 1 FROM run c WHERE c.parent = r.id)"
        f" LIMIT {RUNS_MAX}{locked('r')} ON CONFLICT (run) DO NOTHING",
        now,
        deleted_before,
    )


async def mark_tree(run: int, now: int) -> None:
    """The run and everything below it; all of it has been deleted."""
    await execute(
        f"{TREE} INSERT INTO purged (run, begun) SELECT r.id, CAST(? AS BIGINT) FROM run r"  # noqa: S608
        " WHERE r.id IN (SELECT id FROM tree) ON CONFLICT (run) DO NOTHING",
        run,
        now,
    )


async def alive_below(run: int) -> str | None:
    """The public id of a run in this tree that is not deleted."""
    rows = await select(
        f"{TREE} SELECT r.public_id FROM run r"  # noqa: S608
        " WHERE r.id IN (SELECT id FROM tree) AND r.deleted IS NULL LIMIT 1",
        run,
    )
    return rows[0]["public_id"] if rows else None


async def is_due(deleted_before: int) -> bool:
    rows = await select("SELECT id FROM run WHERE deleted < ? LIMIT 1", deleted_before)
    return bool(rows)


async def marked() -> Sequence[int]:
    """The deepest first: what is left of a tree always hangs together."""
    rows = await select(
        "SELECT p.run FROM purged p JOIN run r ON r.id = p.run WHERE p.ended IS NULL"
        " AND r.deleted IS NOT NULL ORDER BY r.depth DESC"
    )
    return [row["run"] for row in rows]


async def remove_some(run: int, table: str) -> bool:
    """False when nothing of it is left there."""
    gone = await execute(
        f"DELETE FROM {table} WHERE run = ? AND id IN"  # noqa: S608
        f" (SELECT id FROM {table} WHERE run = ? LIMIT {ROWS_MAX})",
        run,
        run,
    )
    return gone == ROWS_MAX


async def remove(run: int, now: int) -> None:
    """The run itself, and what a merge put back meanwhile; only its row in `purged` stays."""
    for table in (*CHILDREN, "rank_task", "fold_task", "claim"):
        await execute(f"DELETE FROM {table} WHERE run = ?", run)  # noqa: S608
    await execute("DELETE FROM run WHERE id = ?", run)
    await execute("UPDATE purged SET ended = ? WHERE run = ?", now, run)


async def give_back() -> bool:
    """Some free pages to the file system; False when there are none, or the file keeps them."""
    if postgres():
        # Autovacuum does it.
        return False
    (free,) = await select("PRAGMA freelist_count")
    (kind,) = await select("PRAGMA auto_vacuum")
    if not free["freelist_count"] or not kind["auto_vacuum"]:
        return False
    await shrink(PAGES_MAX)
    return free["freelist_count"] > PAGES_MAX
