"""
The indexed copy of what is kept of metric columns, which lists are sorted and filtered by.

The live values in `run_metric` have no index, so that a fold writes little. What
changed is copied here every few seconds: so the order of a list may be that late,
what its cells show is not. An infinite last value stands at its end of the order;
one that is NaN, text or a boolean is missing. Deleted runs have no ranks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from api.records import RunStatus
from api.storage.database import execute, locked, marks, postgres, select

_LAST = "CASE m.flag WHEN 0 THEN m.vlast WHEN 2 THEN {infinity} WHEN 3 THEN -{infinity} END"
_VALUES = ("vlast", "vmin", "vmax")


def infinity() -> str:
    """SQLite reads the word as 0; its own way to say it is a number too large."""
    return "CAST('Infinity' AS DOUBLE PRECISION)" if postgres() else "9e999"


def last_of(alias: str) -> str:
    """The last value of a row of `run_metric` as it is sorted by."""
    return _LAST.format(infinity=infinity()).replace("m.", f"{alias}.")


async def mark(run: int, now: int) -> None:
    """
    Say, in the commit of a fold, that the run's ranks are old.

    The row is written even if it is there: whoever takes it then waits for our commit.
    """
    await execute(
        "INSERT INTO rank_task (run, since) VALUES (?, ?)"
        " ON CONFLICT (run) DO UPDATE SET since = rank_task.since",
        run,
        now,
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run whose ranks are old."""

    run: int
    public_id: str
    ended: bool


async def waiting() -> Sequence[Waiting]:
    """The one that has waited longest first."""
    rows = await select(
        "SELECT t.run, r.public_id, r.status FROM rank_task t JOIN run r ON r.id = t.run"
        " ORDER BY t.since"
    )
    return [Waiting(row["run"], row["public_id"], RunStatus(row["status"]).ended) for row in rows]


async def take(run: int) -> bool:
    """Be the one who refreshes the run's ranks, until the commit; False: another one did."""
    # The run first, as a fold does that marks it: else each could wait for the other.
    await select(f"SELECT id FROM run r WHERE id = ?{locked('r')}", run)  # noqa: S608
    return bool(await select("DELETE FROM rank_task WHERE run = ? RETURNING run", run))


async def refresh(runs: Sequence[int]) -> int:
    """Copy what differs, and say how much that was. The runs' rows are ours until the commit."""
    await select(
        f"SELECT id FROM run r WHERE id IN ({marks(runs)}) ORDER BY id{locked('r')}",  # noqa: S608
        *runs,
    )
    last = last_of("m")
    differs = " OR ".join(
        f"k.{name} IS {_differs()} {last if name == 'vlast' else f'm.{name}'}" for name in _VALUES
    )
    copied = await select(
        "INSERT INTO metric_rank (id, run, key, experiment, vlast, vmin, vmax)"  # noqa: S608
        f" SELECT m.id, m.run, m.key, r.experiment, {last}, m.vmin, m.vmax"
        " FROM run_metric m JOIN run r ON r.id = m.run"
        " LEFT JOIN metric_rank k ON k.run = m.run AND k.key = m.key"
        f" WHERE m.run IN ({marks(runs)}) AND r.deleted IS NULL AND (k.run IS NULL OR {differs})"
        " ON CONFLICT (run, key) DO UPDATE SET"
        " vlast = excluded.vlast, vmin = excluded.vmin, vmax = excluded.vmax RETURNING key",
        *runs,
    )
    return len(copied)


async def drop(runs: Sequence[int]) -> None:
    """Of runs that were deleted."""
    await execute(f"DELETE FROM metric_rank WHERE run IN ({marks(runs)})", *runs)  # noqa: S608


def _differs() -> str:
    return "DISTINCT FROM" if postgres() else "NOT"
