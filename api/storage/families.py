"""What is below many runs at once, a page of each: statements that span runs."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.conditions import RunFilter, RunSort, all_of
from api.records import Count, Page, Position, Run
from api.storage.clauses import Clause, given, joined
from api.storage.conditions import Scope, look
from api.storage.database import marks, postgres, select
from api.storage.keys import run_key
from api.storage.orders import Order, order_of
from api.storage.runs import BELOW, RECORD, record

# SQLite takes 32,766 values in one statement.
RECORDS_AT_ONCE = 10_000
# All below a run `p`, and so in the order in which both databases are to read it.
_BELOW = f"({BELOW.replace('CAST(? AS BIGINT)', 'p.value')}) d CROSS JOIN run r"


async def pages(
    parents: Sequence[Run],
    wanted: RunFilter,
    sorts: Sequence[RunSort],
    after: Position | None,
    limit: int,
    now: int,
    *,
    counted: int | None = None,
) -> Mapping[int, Page[Run]]:
    """
    By the parent's key, its children that meet the filter: two statements, counted three.

    Each parent's are read and sorted by themselves. In the order of creation no more are read
    than are shown, in every other all of them. Where the filter says `above`, whatever that is,
    it is all that is below each parent, and all of it is read.
    """
    at = after.at if after else now
    experiments = {parent.experiment_id for parent in parents}
    scope = Scope(experiments.pop() if len(experiments) == 1 else None, 0, wanted.deleted, at)
    order = order_of(sorts, scope)
    source, where = "run r" if wanted.above is None else _BELOW, _where(wanted, scope)
    keys = [parent.id for parent in parents]
    totals: Mapping[int, Count] = {}
    if counted is not None:
        totals = await _counts(keys, source, where, counted)
    place = order.checked(after) if after else None
    found = await _rows(keys, source, where, order, place, limit + 1)
    runs = await _records([row["id"] for each in found.values() for row in each[:limit]])
    made: dict[int, Page[Run]] = {}
    for key in keys:
        rows = found.get(key, [])
        # One that was purged meanwhile is left out.
        kept = [row for row in rows[:limit] if row["id"] in runs]
        places = [
            Position(tuple(row[f"v{n}"] for n in range(len(order.keys))), row["id"], at)
            for row in kept
        ]
        items = [runs[row["id"]] for row in kept]
        made[key] = Page(items, places, len(rows) > limit, totals.get(key))
    return made


def _where(wanted: RunFilter, scope: Scope) -> Clause:
    there = Clause(f"r.deleted IS {'NOT NULL' if scope.deleted else 'NULL'}")
    if wanted.above is None:
        there = Clause("r.parent = p.value").also(there)
    else:
        there = Clause("r.id = d.id").also(there)
        if wanted.parent is not None:
            there = there.also(Clause("r.parent = ?", [run_key(wanted.parent)]))
    return there.also(*(look(each, scope) for each in all_of(wanted)))


async def _rows(
    parents: Sequence[int],
    source: str,
    where: Clause,
    order: Order,
    after: Position | None,
    limit: int,
) -> Mapping[int, Sequence[Mapping[str, Any]]]:
    joins = joined("", [order.brings, *(key.join for key in order.keys)], empty="")
    brought = Clause(joins.text.replace("{run}", "r.id"), joins.values)
    by = order.by("r.id")
    meant = where.also(order.behind(after, "r.id")) if after else where
    inner = Clause(f"SELECT r.id FROM {source}") + brought + " WHERE " + meant  # noqa: S608
    inner = inner + " ORDER BY " + by + Clause(" LIMIT ?", [limit])
    if postgres():
        each = Clause(" CROSS JOIN LATERAL (") + inner + ") c JOIN run r ON r.id = c.id"
    else:
        each = Clause(" CROSS JOIN run r ON r.id IN (") + inner + ")"
    said = Clause("SELECT p.value AS parent, r.id AS id, ") + order.values + " FROM "  # noqa: S608
    said = said + given(parents) + each + brought + " ORDER BY p.value, " + by
    found: dict[int, list[Mapping[str, Any]]] = {}
    for row in await select(said.text, *said.values):
        found.setdefault(row["parent"], []).append(row)
    return found


async def _records(keys: Sequence[int]) -> Mapping[int, Run]:
    found: dict[int, Run] = {}
    for at in range(0, len(keys), RECORDS_AT_ONCE):
        some = keys[at : at + RECORDS_AT_ONCE]
        rows = await select(f"{RECORD} WHERE r.id IN ({marks(some)})", *some)
        found |= {row["id"]: record(row) for row in rows}
    return found


async def _counts(
    parents: Sequence[int], source: str, where: Clause, most: int
) -> Mapping[int, Count]:
    inner = Clause(f"SELECT 1 AS one FROM {source} WHERE ") + where  # noqa: S608
    said = Clause("SELECT p.value AS parent, (SELECT count(*) FROM (") + inner
    said = said + Clause(" LIMIT ?) listed) AS n FROM ", [most + 1]) + given(parents)
    rows = await select(said.text, *said.values)
    return {row["parent"]: Count(min(row["n"], most), row["n"] > most) for row in rows}
