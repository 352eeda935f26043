"""What is still to be done, in all runs: the only statements on frames that name no run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from api.records import RunStatus
from api.storage.database import execute, postgres, select
from api.storage.keys import oldest_key

# Found by jumping from run to run in the index of what waits.
_UNCOMPACTED = """
WITH RECURSIVE at(run) AS (
    SELECT (SELECT min(run) FROM {table} WHERE level = 0)
    UNION ALL
    SELECT (SELECT min(s.run) FROM {table} s WHERE s.level = 0 AND s.run > at.run)
    FROM at WHERE at.run IS NOT NULL
)
SELECT at.run, r.status FROM at JOIN run r ON r.id = at.run
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run with open frames."""

    run: int
    public_id: str
    experiment: int
    frames: int
    points: int
    oldest: int
    ended: bool


async def waiting() -> Sequence[Waiting]:
    rows = await select(
        "SELECT f.run, r.public_id, r.experiment, f.frames, f.points, f.oldest, r.status FROM"
        " (SELECT run, count(*) AS frames, sum(n) AS points, min(received) AS oldest"
        " FROM frame WHERE state = 0 GROUP BY run) f JOIN run r ON r.id = f.run ORDER BY f.oldest"
    )
    return [
        Waiting(
            run=row["run"],
            public_id=row["public_id"],
            experiment=row["experiment"],
            frames=row["frames"],
            points=row["points"],
            oldest=row["oldest"],
            ended=RunStatus(row["status"]).ended,
        )
        for row in rows
    ]


async def uncompacted(table: Literal["segment", "log_chunk"] = "segment") -> Mapping[int, bool]:
    """Runs with parts that nothing was merged of yet, and whether each has ended."""
    rows = await select(_UNCOMPACTED.format(table=table))
    return {row["run"]: RunStatus(row["status"]).ended for row in rows}


async def hold(table: Literal["segment", "log_chunk"], run: int, ids: Sequence[int]) -> bool:
    """
    They are ours until the commit: in one order, so that of two who merge one waits.

    False where one of them is not there any more. Another one may have its id by now, which is
    not ours: who went on would wait for it, out of order.
    """
    if not ids or not postgres():
        return True
    held = await select(
        f"SELECT id FROM {table} WHERE run = ?"  # noqa: S608
        " AND id = ANY (CAST(? AS BIGINT[])) ORDER BY id FOR UPDATE",
        run,
        list(ids),
    )
    return len(held) == len(ids)


async def lease(run: int, owner: int, now: int, until: int) -> bool:
    """Be the one process that folds this run until then; only work is saved by it."""
    taken = await select(
        "INSERT INTO fold_task (run, dirty_since, lease_owner, lease_until) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (run) DO UPDATE SET lease_owner = excluded.lease_owner,"
        " lease_until = excluded.lease_until, dirty_since = excluded.dirty_since"
        " WHERE fold_task.lease_owner = excluded.lease_owner OR fold_task.lease_until < ?"
        " RETURNING run",
        run,
        now,
        owner,
        until,
        now,
    )
    return bool(taken)


async def drop_leases(ended_before: int) -> int:
    return await execute("DELETE FROM fold_task WHERE lease_until < ?", ended_before)


async def oldest_open() -> int | None:
    (row,) = await select("SELECT min(received) AS oldest FROM frame WHERE state = 0")
    return row["oldest"]


async def bury(folded_before: int) -> int:
    """Let go of payloads that no living cursor needs."""
    if postgres():
        return await execute(
            "UPDATE frame SET state = 2, payload = NULL WHERE state = 1 AND folded < ?",
            folded_before,
        )
    # SQLite leaves a row that shrinks alone on its page; one that is new stands beside others.
    return await execute(
        "INSERT OR REPLACE INTO frame"
        " (id, run, writer, seq, digest, received, n, state, payload, folded)"
        " SELECT id, run, writer, seq, digest, received, n, 2, NULL, folded"
        " FROM frame WHERE state = 1 AND folded < ?",
        folded_before,
    )


async def purge(received_before: int) -> int:
    """
    Drop old tombstones, but for the newest frame of each writer.

    That one stays for good: with seq free of gaps it refuses every late duplicate.
    """
    return await execute(
        "DELETE FROM frame WHERE id < ? AND received < ? AND state = 2 AND EXISTS"
        " (SELECT 1 FROM frame later WHERE later.run = frame.run"
        " AND later.writer = frame.writer AND later.seq > frame.seq)",
        # Keys grow with time, so the primary key leads to the old ones.
        oldest_key(received_before),
        received_before,
    )


async def watched() -> Sequence[tuple[int, str, int]]:
    """Running runs that have sent a heartbeat: key, public id and the newest one."""
    rows = await select(
        "SELECT id, public_id, heartbeat FROM run"
        " WHERE status = 'Running' AND heartbeat IS NOT NULL AND deleted IS NULL"
    )
    return [(row["id"], row["public_id"], row["heartbeat"]) for row in rows]
