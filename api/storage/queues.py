"""Who executes what on a target, and what waits there: statements that span runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.execution import Held
from api.records import RunStatus
from api.storage.claims import order_of
from api.storage.database import marks, postgres, select

_STOPPED = {RunStatus.CANCEL_REQUESTED.value, RunStatus.CANCELED.value}
_UNCLAIMABLE = "('Completed', 'Failed', 'Canceled', 'CancelRequested')"


@dataclass(frozen=True, slots=True)
class Seen:
    """A claim that somebody holds, and how often he said so."""

    run: int
    public_id: str
    fence: int
    renewed: int


async def held(node: int) -> Sequence[Held]:
    """What the node executes, or is to stop, the oldest first."""
    rows = await select(
        "SELECT c.*, r.public_id, r.name, r.status, r.deleted, e.name AS experiment_name"
        " FROM claim c JOIN run r ON r.id = c.run JOIN experiment e ON e.id = r.experiment"
        " WHERE c.state = 1 AND c.node = ? ORDER BY c.place",
        node,
    )
    return [_held(row) for row in rows]


async def renew(node: int, owner: str, runs: Sequence[int]) -> None:
    if runs:
        await select(
            "UPDATE claim SET renewed = renewed + 1, owner = ? WHERE state = 1 AND node = ?"  # noqa: S608
            f" AND run IN ({marks(runs)}) RETURNING run",
            owner,
            node,
            *runs,
        )


async def oldest(
    target: str, slots: int, at_most: int, experiment: int | None
) -> Sequence[tuple[int, str, int]]:
    """
    Runs that wait and need no more slots: key, public id and slots; they are ours until the commit.

    Those that somebody else is about to take are passed over, so nobody waits for anybody.
    """
    own, values = (
        ("", list[Any]()) if experiment is None else (" AND r.experiment = ?", [experiment])
    )
    rows = await select(
        "SELECT c.run, r.public_id, c.slots FROM claim c JOIN run r ON r.id = c.run"  # noqa: S608
        " WHERE c.target = ? AND c.state = 0 AND c.slots <= ? AND r.deleted IS NULL"
        f" AND r.status NOT IN {_UNCLAIMABLE}{own} ORDER BY c.place LIMIT ?"
        f"{' FOR UPDATE OF r, c SKIP LOCKED' if postgres() else ''}",
        target,
        slots,
        *values,
        at_most,
    )
    return [(row["run"], row["public_id"], row["slots"]) for row in rows]


async def all_held() -> Sequence[Seen]:
    rows = await select(
        "SELECT c.run, r.public_id, c.fence, c.renewed FROM claim c JOIN run r ON r.id = c.run"
        " WHERE c.state = 1"
    )
    return [Seen(**row) for row in rows]


def _held(row: Mapping[str, Any]) -> Held:
    return Held(
        run=row["run"],
        run_id=row["public_id"],
        experiment=row["experiment_name"],
        name=row["name"],
        order=order_of(row),
        fence=row["fence"],
        attempt=row["attempt"],
        owner=row["owner"],
        stop=row["status"] in _STOPPED or row["deleted"] is not None,
    )
