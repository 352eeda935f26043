"""What a submitted run executes, and who does. Queues, which span runs, are in `queues`."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from api.execution import Claim, ClaimState, Order, Submission
from api.storage.database import as_json, execute, locked, marks, of_json, select
from api.storage.keys import new_key


async def insert(run: int, order: Order, submitter: str, now: int) -> None:
    row = {
        "run": run,
        "target": order.target,
        "definition": as_json(order.definition),
        "slots": order.slots,
        "retryable": int(order.retryable),
        "attempt": 1,
        "submitter": submitter,
        "queued": now,
        "place": new_key(),
        "state": ClaimState.WAITING.value,
        "renewed": 0,
        "fence": 1,
    }
    await execute(
        f"INSERT INTO claim ({', '.join(row)}) VALUES ({marks(list(row))})",  # noqa: S608
        *row.values(),
    )


async def to_change(run: int) -> Claim | None:
    """Nobody else changes it until the commit. The run itself is locked before it."""
    rows = await select(f"SELECT * FROM claim c WHERE c.run = ?{locked('c')}", run)  # noqa: S608
    return _claim(rows[0]) if rows else None


async def waiting(runs: Sequence[int]) -> AbstractSet[int]:
    """Those of the runs that nobody executes yet, though they were submitted."""
    if not runs:
        return set()
    rows = await select(
        f"SELECT run FROM claim WHERE run IN ({marks(runs)}) AND state = 0",  # noqa: S608
        *runs,
    )
    return {row["run"] for row in rows}


async def take(run: int, owner: str, node: int) -> int | None:
    """Give the fence; None: somebody else was faster."""
    rows = await select(
        "UPDATE claim SET state = 1, owner = ?, node = ?, renewed = renewed + 1"
        " WHERE run = ? AND state = 0 RETURNING fence",
        owner,
        node,
        run,
    )
    return rows[0]["fence"] if rows else None


async def queue_again(run: int, now: int) -> None:
    """Whoever had it has it no more. It keeps its place in the queue."""
    await execute(
        "UPDATE claim SET state = 0, owner = NULL, node = NULL, fence = fence + 1,"
        " attempt = attempt + 1, queued = ? WHERE run = ?",
        now,
        run,
    )


async def end(run: int) -> None:
    await execute("UPDATE claim SET state = 2 WHERE run = ?", run)


async def drop(run: int) -> None:
    """A run that ended waits no more; whoever executes it says himself when he is done."""
    await execute("UPDATE claim SET state = 2 WHERE run = ? AND state = 0", run)


async def submissions(runs: Sequence[int]) -> Mapping[int, Submission]:
    """What of the runs was submitted. A place is counted among all that wait for the target."""
    asked = marks(runs)
    rows = await select(
        "WITH asked AS (SELECT c.*, n.name AS node_name FROM claim c"  # noqa: S608
        f" LEFT JOIN node n ON n.id = c.node WHERE c.run IN ({asked})),"
        " queue AS (SELECT c.run, row_number() OVER (PARTITION BY c.target ORDER BY c.place) AS n"
        " FROM claim c JOIN run r ON r.id = c.run WHERE c.state = 0 AND r.deleted IS NULL"
        " AND c.target IN (SELECT target FROM asked WHERE state = 0))"
        " SELECT asked.*, queue.n AS position FROM asked LEFT JOIN queue ON queue.run = asked.run",
        *runs,
    )
    return {row["run"]: _submission(row) for row in rows}


def order_of(row: Mapping[str, Any]) -> Order:
    return Order(
        target=row["target"],
        definition=of_json(row["definition"]),
        slots=row["slots"],
        retryable=bool(row["retryable"]),
    )


def _claim(row: Mapping[str, Any]) -> Claim:
    return Claim(
        run=row["run"],
        order=order_of(row),
        state=ClaimState(row["state"]),
        fence=row["fence"],
        attempt=row["attempt"],
        renewed=row["renewed"],
        owner=row["owner"],
        node=row["node"],
    )


def _submission(row: Mapping[str, Any]) -> Submission:
    return Submission(
        order=order_of(row),
        submitter=row["submitter"],
        attempt=row["attempt"],
        queued=row["queued"],
        node=row["node_name"],
        position=row["position"],
    )
