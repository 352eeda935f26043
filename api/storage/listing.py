"""
Lists of runs, and what else spans runs.

Everything here may touch many shards; every other statement on a run's rows
names its run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.records import (
    Best,
    Count,
    Direction,
    Goal,
    Page,
    Position,
    Run,
    RunFilter,
    RunSort,
    RunStatus,
    Stat,
)
from api.storage.database import marks, of_json, postgres, select
from api.storage.keys import metric_key, run_key
from api.storage.runs import RECORD, record

DAY_MS = 86_400_000

# JSON has no infinity, SQLite's REAL has: infinite last values stand at the ends, NaN nowhere.
_SORTED = {
    Stat.LAST: "CASE m.flag WHEN 2 THEN CAST('Infinity' AS DOUBLE PRECISION)"
    " WHEN 3 THEN CAST('-Infinity' AS DOUBLE PRECISION) ELSE m.vlast END",
    Stat.MIN: "m.vmin",
    Stat.MAX: "m.vmax",
    Stat.FIRST: "m.vfirst",
    Stat.MEAN: "m.vsum / NULLIF(m.n_finite, 0)",
    Stat.COUNT: "CAST(m.n AS DOUBLE PRECISION)",
}
_METRIC_JOIN = (
    ' LEFT JOIN metric_name k ON k.experiment = r.experiment AND k.metric = ? AND k."column" = ?'
    " LEFT JOIN run_metric m ON m.run = r.id AND m.key = k.id"
)


async def page(wanted: RunFilter, sort: RunSort, after: Position | None, limit: int) -> Page[Run]:
    """One statement, whatever is wanted."""
    joined, value = _sorted_by(sort)
    where = _where(wanted)
    if after:
        where = where.also(_behind(after, sort, value))
    descending = "DESC" if sort.direction is Direction.DESCENDING else "ASC"
    order = f"{value} IS NULL, {value} {descending}, r.created DESC, r.id DESC"
    if sort.metric is None:
        order = f"r.created {descending}, r.id {descending}"
    rows = await select(
        RECORD.replace(" FROM run r", f", {value} AS value FROM run r", 1)
        + f"{joined.text} WHERE {where.text} ORDER BY {order} LIMIT ?",
        *joined.values,
        *where.values,
        limit + 1,
    )
    kept = rows[:limit]
    positions = [Position(row["created"], row["id"], row["value"]) for row in kept]
    return Page([record(row) for row in kept], positions, len(rows) > limit)


async def count(wanted: RunFilter, at_most: int) -> Count:
    where = _where(wanted)
    (row,) = await select(
        "SELECT count(*) AS n FROM"  # noqa: S608
        f" (SELECT 1 AS one FROM run r WHERE {where.text} LIMIT ?) AS counted",
        *where.values,
        at_most + 1,
    )
    return Count(min(row["n"], at_most), row["n"] > at_most)


async def matching(wanted: RunFilter, runs: Sequence[int]) -> Sequence[Run]:
    """Those of the runs that a list shows."""
    if not runs:
        return []
    where = _where(wanted)
    rows = await select(
        f"{RECORD} WHERE r.id IN ({marks(runs)}) AND {where.text}", *runs, *where.values
    )
    return [record(row) for row in rows]


async def child_counts(runs: Sequence[int]) -> Mapping[int, int]:
    if not runs:
        return {}
    rows = await select(
        "SELECT parent, count(*) AS n FROM run"  # noqa: S608
        f" WHERE parent IN ({marks(runs)}) AND deleted IS NULL GROUP BY parent",
        *runs,
    )
    return {row["parent"]: row["n"] for row in rows}


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


async def param_keys(experiment: int, runs: int, first: int) -> Sequence[str]:
    """Keys of the newest runs' params by name."""
    rows = await select(
        "SELECT params FROM run WHERE experiment = ? AND deleted IS NULL"
        " ORDER BY created DESC, id DESC LIMIT ?",
        experiment,
        runs,
    )
    return sorted({key for row in rows for key in of_json(row["params"])})[:first]


@dataclass(frozen=True, slots=True)
class _Clause:
    text: str
    values: Sequence[Any] = field(default_factory=list[Any])

    def also(self, other: "_Clause") -> "_Clause":
        return _Clause(f"{self.text} AND {other.text}", [*self.values, *other.values])


def _sorted_by(sort: RunSort) -> tuple[_Clause, str]:
    if sort.metric is None:
        return _Clause(""), "CAST(NULL AS DOUBLE PRECISION)"
    value = _SORTED[sort.stat]
    if not postgres():
        # SQLite reads the words as 0; its own way to say infinity is a number too large.
        value = value.replace("CAST('Infinity' AS DOUBLE PRECISION)", "9e999")
        value = value.replace("CAST('-Infinity' AS DOUBLE PRECISION)", "-9e999")
    return _Clause(_METRIC_JOIN, [sort.metric, sort.column]), value


def _behind(after: Position, sort: RunSort, value: str) -> _Clause:
    descending = sort.direction is Direction.DESCENDING
    less = "<" if descending or sort.metric is not None else ">"
    # This form, unlike a plain OR, lets the index find the place.
    older = _Clause(
        f"(r.created {less}= ? AND (r.created {less} ? OR r.id {less} ?))",
        [after.created, after.created, after.id],
    )
    if sort.metric is None:
        return older
    if after.value is None:
        return _Clause(f"{value} IS NULL").also(older)
    beyond = "<" if descending else ">"
    return _Clause(
        f"({value} IS NULL OR {value} {beyond} ? OR ({value} = ? AND {older.text}))",
        [after.value, after.value, *older.values],
    )


def _where(wanted: RunFilter) -> _Clause:
    where = _Clause("r.deleted IS NOT NULL" if wanted.deleted else "r.deleted IS NULL")
    if wanted.experiment is not None:
        where = where.also(
            _Clause(
                "r.experiment = (SELECT id FROM experiment WHERE name = ?)", [wanted.experiment]
            )
        )
    if wanted.parent is not None:
        where = where.also(_Clause("r.parent = ?", [run_key(wanted.parent)]))
    elif not wanted.any_depth:
        where = where.also(_Clause("r.parent IS NULL"))
    if wanted.statuses:
        names = sorted(status.value for status in wanted.statuses)
        where = where.also(_Clause(f"r.status IN ({marks(names)})", names))
    if wanted.name:
        part = "".join(f"\\{c}" if c in "\\%_" else c for c in wanted.name)
        like = "ILIKE" if postgres() else "LIKE"
        where = where.also(_Clause(f"r.name {like} ? ESCAPE '\\'", [f"%{part}%"]))
    for tag in wanted.tags:
        where = where.also(_tagged(tag.key, tag.value))
    return where


def _tagged(key: str, value: str | None) -> _Clause:
    if postgres():
        if value is None:
            return _Clause("jsonb_exists(r.tags, ?)", [key])
        return _Clause("r.tags ->> CAST(? AS TEXT) = ?", [key, value])
    # As PostgreSQL says a value in text; a path would need the key to be escaped.
    said = (
        "CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(value AS TEXT) END"
    )
    equal = "" if value is None else f" AND {said} = ?"
    return _Clause(
        f"EXISTS (SELECT 1 FROM json_each(r.tags) WHERE key = ?{equal})",  # noqa: S608
        [key] if value is None else [key, value],
    )


def _best(row: Mapping[str, Any], metric: str, goal: Goal) -> Best:
    value = -row["value"] if goal is Goal.MAXIMIZE else row["value"]
    return Best(metric, goal, value, row["public_id"], row["name"])
