"""What goes on in experiments, over all their runs."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.records import Best, Goal, RunStatus
from api.storage.database import marks, select
from api.storage.keys import metric_key

DAY_MS = 86_400_000


async def statuses(experiments: Sequence[int]) -> Mapping[int, Mapping[RunStatus, int]]:
    found: dict[int, dict[RunStatus, int]] = {}
    rows = await select(
        "SELECT experiment, status, count(*) AS n FROM run"  # noqa: S608
        f" WHERE experiment IN ({marks(experiments)}) AND deleted IS NULL"
        " GROUP BY experiment, status",
        *experiments,
    )
    for row in rows:
        found.setdefault(row["experiment"], {})[RunStatus(row["status"])] = row["n"]
    return found


async def last_activity(experiments: Sequence[int]) -> Mapping[int, int]:
    rows = await select(
        "SELECT experiment, max(COALESCE(ended, heartbeat, started, created)) AS at FROM run"  # noqa: S608
        f" WHERE experiment IN ({marks(experiments)}) AND deleted IS NULL GROUP BY experiment",
        *experiments,
    )
    return {row["experiment"]: row["at"] for row in rows}


async def per_day(experiments: Sequence[int], since: int) -> Mapping[int, Mapping[int, int]]:
    """Runs created by experiment and by day since 1970."""
    found: dict[int, dict[int, int]] = {}
    rows = await select(
        "SELECT experiment, created / CAST(? AS BIGINT) AS day, count(*) AS n FROM run"  # noqa: S608
        f" WHERE experiment IN ({marks(experiments)}) AND created >= ? AND deleted IS NULL"
        " GROUP BY experiment, day",
        DAY_MS,
        *experiments,
        since,
    )
    for row in rows:
        found.setdefault(row["experiment"], {})[row["day"]] = row["n"]
    return found


async def goals(experiments: Sequence[int]) -> Mapping[int, tuple[str, Goal]]:
    """The newest declared primary metric of each experiment."""
    rows = await select(
        "SELECT experiment, primary_metric, primary_goal FROM (SELECT experiment,"  # noqa: S608
        " primary_metric, primary_goal, ROW_NUMBER() OVER (PARTITION BY experiment"
        " ORDER BY created DESC, id DESC) AS place FROM run"
        f" WHERE experiment IN ({marks(experiments)}) AND deleted IS NULL"
        " AND primary_metric IS NOT NULL AND primary_goal IS NOT NULL) newest WHERE place = 1",
        *experiments,
    )
    return {row["experiment"]: (row["primary_metric"], Goal(row["primary_goal"])) for row in rows}


async def best(goals: Mapping[int, tuple[str, Goal]]) -> Mapping[int, Best]:
    keys = {metric_key(each, metric, "value"): each for each, (metric, _) in goals.items()}
    if not keys:
        return {}
    up = [key for key, each in keys.items() if goals[each][1] is Goal.MAXIMIZE]
    value = f"CASE WHEN m.key IN ({marks(up)}) THEN -m.vmax ELSE m.vmin END" if up else "m.vmin"
    rows = await select(
        f"SELECT * FROM (SELECT r.experiment, r.public_id, r.name, {value} AS value,"  # noqa: S608
        f" ROW_NUMBER() OVER (PARTITION BY r.experiment ORDER BY {value}, r.created, r.id) AS place"
        " FROM run r JOIN run_metric m ON m.run = r.id"
        f" WHERE r.experiment IN ({marks(list(goals))}) AND m.key IN ({marks(list(keys))})"
        " AND r.deleted IS NULL AND m.vmin IS NOT NULL) ranked WHERE place = 1",
        *up,
        *up,
        *goals,
        *keys,
    )
    return {row["experiment"]: _best(row, *goals[row["experiment"]]) for row in rows}


def _best(row: Mapping[str, Any], metric: str, goal: Goal) -> Best:
    value = -row["value"] if goal is Goal.MAXIMIZE else row["value"]
    return Best(metric, goal, value, row["public_id"], row["name"])
