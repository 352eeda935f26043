"""What goes on in experiments, over all their runs."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.records import Best, Count, Goal, RunStatus
from api.storage.database import indexed_by, marks, select
from api.storage.keys import metric_key

DAY_MS = 86_400_000
_NAMED = "SELECT CAST(? AS TEXT) AS status"


async def statuses(
    experiments: Sequence[int], wanted: Sequence[RunStatus], at_most: int
) -> Mapping[int, Mapping[RunStatus, Count]]:
    """Runs of any depth that are there, by status; each counted to `at_most` and one."""
    found: dict[int, dict[RunStatus, Count]] = {}
    names = [each.value for each in wanted]
    by_status = indexed_by("run_there_status")
    rows = await select(
        "SELECT e.id, s.status, (SELECT count(*) FROM (SELECT 1 FROM run r"  # noqa: S608
        f"{by_status} WHERE r.experiment = e.id AND r.status = s.status AND r.deleted IS NULL"
        " LIMIT ?) listed) AS n"
        f" FROM experiment e CROSS JOIN ({' UNION ALL '.join([_NAMED] * len(names))}) s"
        f" WHERE e.id IN ({marks(experiments)})",
        at_most + 1,
        *names,
        *experiments,
    )
    # Not in the statement: PostgreSQL would count twice.
    for row in (row for row in rows if row["n"]):
        count = Count(min(row["n"], at_most), row["n"] > at_most)
        found.setdefault(row["id"], {})[RunStatus(row["status"])] = count
    return found


async def last_activity(experiments: Sequence[int]) -> Mapping[int, int]:
    """When a run was made, began or ended, or what runs was last heard of."""
    there = "FROM run r WHERE r.experiment = e.id AND r.deleted IS NULL"
    rows = await select(
        f"SELECT e.id, (SELECT max(r.created) {there}) AS created,"  # noqa: S608
        f" (SELECT max(r.started) {there}) AS started, (SELECT max(r.ended) {there}) AS ended,"
        f" (SELECT max(r.heartbeat) {there} AND r.status = 'Running') AS heard"
        f" FROM experiment e WHERE e.id IN ({marks(experiments)})",
        *experiments,
    )
    times = {row.pop("id"): [at for at in row.values() if at is not None] for row in rows}
    return {each: max(found) for each, found in times.items() if found}


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
    judged = indexed_by("run_there_judged")
    rows = await select(
        "SELECT n.experiment, n.primary_metric, n.primary_goal FROM experiment e JOIN run n"  # noqa: S608
        f" ON n.id = (SELECT r.id FROM run r{judged} WHERE r.experiment = e.id"
        " AND r.deleted IS NULL"
        " AND r.primary_metric IS NOT NULL AND r.primary_goal IS NOT NULL"
        f" ORDER BY r.created DESC, r.id DESC LIMIT 1) WHERE e.id IN ({marks(experiments)})",
        *experiments,
    )
    return {row["experiment"]: (row["primary_metric"], Goal(row["primary_goal"])) for row in rows}


async def best(goals: Mapping[int, tuple[str, Goal]]) -> Mapping[int, Best]:
    """As lists are sorted: a few seconds late."""
    parts, values = list[str](), list[Any]()
    for each, (metric, goal) in goals.items():
        column, way = ("vmax", "DESC") if goal is Goal.MAXIMIZE else ("vmin", "ASC")
        parts.append(
            f"SELECT * FROM (SELECT experiment, run, {column} AS value FROM metric_rank WHERE"  # noqa: S608
            f" key = ? AND {column} IS NOT NULL ORDER BY {column} {way}, run {way} LIMIT 1) of_one"
        )
        values.append(metric_key(each, metric, "value"))
    if not parts:
        return {}
    rows = await select(
        "SELECT m.experiment, m.value, r.public_id, r.name"  # noqa: S608
        f" FROM ({' UNION ALL '.join(parts)}) m JOIN run r ON r.id = m.run",
        *values,
    )
    return {row["experiment"]: _best(row, *goals[row["experiment"]]) for row in rows}


def _best(row: Mapping[str, Any], metric: str, goal: Goal) -> Best:
    return Best(metric, goal, row["value"], row["public_id"], row["name"])
