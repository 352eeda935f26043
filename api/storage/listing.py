"""
Lists of runs, and what else spans runs.

Everything here may touch many shards; every other statement on a run's rows
names its run.
"""

from asyncio import gather
from collections.abc import Mapping, Sequence
from typing import Any

from api.conditions import RunFilter, RunSort, all_of
from api.records import Count, Page, Position, Run
from api.storage import plans
from api.storage.clauses import Clause, joined
from api.storage.conditions import Listed, Scope, lists, look, looked_up
from api.storage.database import marks, of_json, postgres, select
from api.storage.keys import run_key
from api.storage.orders import Order, order_of
from api.storage.plans import BROAD, LOOKS_MAX, MEMBERS_MAX, Wanted
from api.storage.runs import BELOW, RECORD, record

_NEWEST = (
    "SELECT {column} FROM run WHERE {of}deleted IS NULL ORDER BY created DESC, id DESC LIMIT ?"
)


async def page(
    wanted: RunFilter,
    sorts: Sequence[RunSort],
    after: Position | None,
    limit: int,
    now: int,
    *,
    counted: int | None = None,
) -> Page[Run]:
    """
    At most five statements, whatever is wanted: whose runs, how many meet it (one, on
    PostgreSQL two), those that have the first sort key, those that miss it.
    With `counted` it also says how many there are, up to so many: by one statement more
    where that does not come out on the way, on PostgreSQL at the same time.
    """
    at = after.at if after else now
    scope = await _scope(wanted, at)
    if scope is None:
        return Page([], [], more=False, total=Count(0, capped=False))
    order = order_of(sorts, scope)
    place = order.checked(after) if after else None
    meant = _meant(wanted, scope)
    most = plans.few(scope, limit)
    begin, size = await plans.start(meant, max(most * MEMBERS_MAX, counted or 0))
    total = None if counted is None else _counted(meant, begin, size, counted)
    meant, begin = _planned(meant, order, begin, size, most)
    reading = plans.rows(meant, order, begin, place, limit + 1, whole=True)
    if total:
        found, said = await gather(reading, total)
    else:
        found, said = await reading, None
    kept = found[:limit]
    return Page(
        [record(row) for _, row in kept],
        [Position(values, row["id"], at) for values, row in kept],
        len(found) > limit,
        said,
    )


async def newest_meant(wanted: RunFilter, limit: int, now: int) -> tuple[Scope, Sequence[int]]:
    """Keys of the newest runs that are meant, in four statements at most."""
    scope = await _scope(wanted, now)
    if scope is None:
        return Scope(None, 0, wanted.deleted, now), []
    order, meant = order_of([], scope), _meant(wanted, scope)
    most = plans.few(scope, limit)
    begin, size = await plans.start(meant, most * MEMBERS_MAX)
    meant, begin = _planned(meant, order, begin, size, most)
    found = await plans.rows(meant, order, begin, None, limit)
    return scope, [row["id"] for _, row in found]


async def count(wanted: RunFilter, at_most: int, now: int) -> Count:
    scope = await _scope(wanted, now)
    if scope is None:
        return Count(0, capped=False)
    meant = _meant(wanted, scope)
    begin, size = await plans.start(meant, at_most)
    return await _counted(meant, begin, size, at_most)


async def _counted(meant: Wanted, begin: Listed | None, size: int, at_most: int) -> Count:
    """`size` is how long the list `begin` is, counted at least to `at_most` and one."""
    exact = begin is not None and not (postgres() and begin.inverted)
    if begin is None or not exact or not plans.covers(meant, begin):
        if begin is not None and begin.inverted and postgres() and size > BROAD:
            begin = None
        elif begin is not None and begin.inverted and not postgres() and size > LOOKS_MAX:
            begin = looked_up(meant.tests, meant.scope)
        said = plans.counted(meant, begin, at_most)
        (row,) = await select(said.text, *said.values)
        size = row["n"]
    return Count(min(size, at_most), size > at_most)


async def matching(wanted: RunFilter, runs: Sequence[int], now: int) -> Sequence[Run]:
    """Those of the runs that a list shows."""
    scope = await _scope(wanted, now) if runs else None
    if scope is None:
        return []
    meant = _meant(wanted, scope)
    where = [*meant.own, *meant.family, *(look(each, scope) for each in meant.tests)]
    said = joined(" AND ", where)
    rows = await select(
        f"{RECORD} WHERE r.id IN ({marks(runs)}) AND {said.text}", *runs, *said.values
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


async def newest(experiment: int | None, runs: int) -> Sequence[int]:
    """Of any depth; None: of all experiments."""
    return [row["id"] for row in await _newest("id", experiment, runs)]


async def newest_params(experiment: int | None, runs: int) -> Sequence[Mapping[str, Any]]:
    """As of `newest`."""
    return [of_json(row["params"]) for row in await _newest("params", experiment, runs)]


async def _newest(column: str, experiment: int | None, runs: int) -> Sequence[Mapping[str, Any]]:
    of = "" if experiment is None else "experiment = ? AND "
    only = [] if experiment is None else [experiment]
    return await select(_NEWEST.format(column=column, of=of), *only, runs)


async def _scope(wanted: RunFilter, now: int) -> Scope | None:
    """None: there is no such experiment, or no such parent."""
    # A child is in its parent's experiment.
    parent = wanted.above if wanted.parent is None else wanted.parent
    if parent is not None:
        rows = await select(
            "SELECT e.id, e.name, e.next_number AS runs FROM run r"
            " JOIN experiment e ON e.id = r.experiment WHERE r.id = ?",
            run_key(parent),
        )
        rows = [row for row in rows if wanted.experiment in (None, row["name"])]
    elif wanted.experiment is not None:
        rows = await select(
            "SELECT id, next_number AS runs FROM experiment WHERE name = ?", wanted.experiment
        )
    else:
        rows = await select(
            "SELECT CASE WHEN count(*) = 1 THEN min(id) END AS id,"
            " CAST(COALESCE(sum(next_number), 0) AS BIGINT) AS runs FROM experiment"
        )
    return Scope(rows[0]["id"], rows[0]["runs"], wanted.deleted, now) if rows else None


def _meant(wanted: RunFilter, scope: Scope) -> Wanted:
    own = [Clause("r.deleted IS NOT NULL" if scope.deleted else "r.deleted IS NULL")]
    if scope.experiment is not None:
        own = [Clause("r.experiment = ?", [scope.experiment]), *own]
    tests, family = list(all_of(wanted)), list[Clause]()
    found = list(lists(tests, scope))
    if wanted.parent is not None:
        key = run_key(wanted.parent)
        family.append(Clause("r.parent = ?", [key]))
        children = Clause("SELECT r.id AS run FROM run r WHERE r.parent = ?", [key]).also(*own)
        found.append(Listed(children, []))
    if wanted.above is not None:
        below = Clause(f"r.id IN ({BELOW})", [run_key(wanted.above)])
        family.append(below)
        found.append(
            Listed((Clause("SELECT r.id AS run FROM run r WHERE ") + below).also(*own), [])
        )
    return Wanted(scope, tests, own, family, found)


def _planned(
    meant: Wanted, order: Order, begin: Listed | None, size: int, most: int
) -> tuple[Wanted, Listed | None]:
    """Where to begin: with the list, if it is shorter than what may be met on a walk."""
    if not order.walk or size <= most:
        return meant, begin
    if begin and begin.inverted and not postgres() and size <= most * MEMBERS_MAX:
        meant = meant.within(begin)
    return meant, None
