"""
How a list of runs is read; no database is left to choose.

Few of the runs meet the conditions: gather these by one index, and sort them. Many do:
walk the index that has the order, and ask of each run. The wrong one costs a hundred
times as much. Both read first the runs that have the first sort key, then, where
these do not fill the page, the runs that miss it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from api.conditions import Check, Condition
from api.records import Position
from api.storage.clauses import Clause, joined
from api.storage.conditions import Listed, Scope, compared, look
from api.storage.database import indexed_by, postgres, select
from api.storage.orders import Key, Order
from api.storage.runs import RECORD_COLUMNS, RECORD_JOINS

# Gathering fewer than these is always cheap.
FEW = 500
# PostgreSQL collects all runs of an inverted list: beyond these, asking each run is cheaper.
BROAD = 50_000
# SQLite reads a list so many times as long as one that is gathered sooner than it looks at each
# run that it meets on a walk.
MEMBERS_MAX = 4
# SQLite meets two long lists in its inverted index sooner than it looks at so many runs.
LOOKS_MAX = 4_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is of: conditions on a run's facts, and its place in its tree."""

    scope: Scope
    tests: Sequence[Condition]
    # About the experiment and deletion; about the parent.
    own: Sequence[Clause]
    family: Sequence[Clause]
    lists: Sequence[Listed]
    # A list in which a run has to be; what its members meet is in no test.
    members: Listed | None = None

    def within(self, members: Listed) -> "Wanted":
        left = [each for each in self.tests if each not in members.meets]
        return replace(self, tests=left, members=members)


def few(scope: Scope, limit: int) -> int:
    """So many runs cost as much to gather as to meet on a walk."""
    return max(FEW, math.isqrt(max(scope.runs, 0) * max(limit, 1)))


async def start(wanted: Wanted, most: int) -> tuple[Listed | None, int]:
    """The shortest list, and how long it is, counted to `most` and one; at most two statements."""
    if not wanted.lists:
        return None, most + 1
    guessed = postgres()
    sizes: list[float] = [math.inf] * len(wanted.lists)
    counted = [n for n, each in enumerate(wanted.lists) if not (guessed and each.inverted)]
    if counted:
        parts = [_counted(wanted.lists[n].runs, most) + f" AS n{n}" for n in counted]
        said = joined(", ", parts)
        (row,) = await select(f"SELECT {said.text}", *said.values)
        for n in counted:
            sizes[n] = row[f"n{n}"]
    for n, each in enumerate(wanted.lists):
        if guessed and each.inverted:
            sizes[n] = await _guessed(each.runs)
    best = min(range(len(sizes)), key=lambda n: (sizes[n], n))
    return wanted.lists[best], int(min(sizes[best], 2**31))


def _counted(runs: Clause, most: int) -> Clause:
    return Clause("(SELECT count(*) FROM (") + runs + Clause(" LIMIT ?) AS listed)", [most + 1])


async def _guessed(runs: Clause) -> int:
    """What PostgreSQL expects: counting would read the whole list."""
    (row,) = await select(f"EXPLAIN (FORMAT JSON) {runs.text}", *runs.values)
    plan = row["QUERY PLAN"]
    return orjson.loads(plan)[0]["Plan"]["Plan Rows"]


# The values that a run is sorted by, and its row: its key, or its whole record.
Placed = tuple[Sequence[Any], Mapping[str, Any]]


async def rows(
    wanted: Wanted,
    order: Order,
    begin: Listed | None,
    after: Position | None,
    limit: int,
    *,
    whole: bool = False,
) -> Sequence[Placed]:
    """Runs in order, `whole` or their keys alone: one statement, or two."""
    found: list[Placed] = []
    if after is None or not order.newest or after.values[0] is not None:
        phase, said = _present(wanted, order, begin, after, limit)
        found += await _read(phase, said, whole=whole, end=(None,) if order.newest else ())
    if order.newest and len(found) < limit:
        missing = after if after and after.values[0] is None else None
        phase, said = _missing(wanted, order, begin, missing, limit - len(found))
        found += await _read(phase, said, whole=whole, start=(None,))
    return found


async def _read(
    order: Order,
    said: Clause,
    *,
    whole: bool,
    start: tuple[None, ...] = (),
    end: tuple[None, ...] = (),
) -> Sequence[Placed]:
    names = [f"v{n}" for n in range(len(order.keys))]
    if whole:
        said = _whole(said, names)
    return [
        ((*start, *(row[name] for name in names), *end), row)
        for row in await select(said.text, *said.values)
    ]


def _whole(said: Clause, names: Sequence[str]) -> Clause:
    """The records of the runs whose keys a statement gives, in its order."""
    join = "JOIN" if postgres() else "CROSS JOIN"
    columns = ", ".join([RECORD_COLUMNS, *(f"page.{name}" for name in names)])
    opening = Clause(
        f"SELECT {columns} FROM (SELECT keys.*, row_number() OVER () AS place FROM ("  # noqa: S608
    )
    end = f") keys) page {join} run r ON r.id = page.id{RECORD_JOINS} ORDER BY page.place"
    return opening + said + end


def _present(
    wanted: Wanted, order: Order, begin: Listed | None, after: Position | None, limit: int
) -> tuple[Order, Clause]:
    walk = order.walk if begin is None else None
    keys = list(order.keys[:-1] if order.newest else order.keys)
    keys[0] = replace(keys[0], nullable=False)
    phase = replace(order, keys=keys)
    where = list[Clause]()
    if order.newest:
        where.append(keys[0].value + " IS NOT NULL")
    tests = [each for each in wanted.tests if begin is None or each not in begin.meets]
    if walk:
        where.append(walk.which)
        # The range of what is walked bounds the walk.
        bare = [
            (each, said)
            for each in tests
            if isinstance(each, Check)
            and each.subject == order.subject
            and (said := compared(walk.value, each))
        ]
        bounding = [each for each, _ in bare]
        tests = [each for each in tests if each not in bounding]
        where += [said for _, said in bare]
    source = _Source(
        wanted,
        begin,
        walk.alias if walk else None,
        walk.table if walk else "run",
        walk.index if walk else None,
    )
    if after:
        values = after.values[:-1] if order.newest else after.values
        where += _from(phase, Position(values, after.id), source.run, walked=walk is not None)
    return phase, source.statement(phase, where, tests, limit)


def _missing(
    wanted: Wanted, order: Order, begin: Listed | None, after: Position | None, limit: int
) -> tuple[Order, Clause]:
    first = order.keys[0]
    created = Key(Clause("r.created"), descending=True, type=int, nullable=False)
    keys = [*order.keys[1:-1], created]
    phase = replace(order, keys=keys, brings=first.join)
    where = [first.value + " IS NULL"]
    tests = [each for each in wanted.tests if begin is None or each not in begin.meets]
    scope, alone = wanted.scope, len(keys) == 1
    newest = alone and scope.experiment is not None and scope.ranked
    source = _Source(wanted, begin, None, "run", "run_there_created" if newest else None)
    if after:
        place = Position(after.values[1:], after.id)
        where += _from(phase, place, source.run, walked=alone)
    return phase, source.statement(phase, where, tests, limit)


def _from(order: Order, after: Position, run: str, *, walked: bool) -> Sequence[Clause]:
    """What comes behind a place, in words in which an index finds it."""
    key, value = order.keys[0], after.values[0]
    sign, mark = "<" if key.descending else ">", f"CAST(? AS {key.sql})"
    if walked and len(order.keys) == 1 and key.descending is order.descending:
        text = f"({key.value.text}, {run}) {sign} ({mark}, ?)"
        return [Clause(text, [*key.value.values, value, after.id])]
    bound = [key.value + Clause(f" {sign}= {mark}", [value])] if walked else []
    return [*bound, order.behind(after, run)]


class _Source:
    """Where a statement begins: a list of runs, an index that has their order, or their rows."""

    def __init__(
        self,
        wanted: Wanted,
        begin: Listed | None,
        walked: str | None,
        table: str,
        index: str | None = None,
    ) -> None:
        self._wanted = wanted
        self._begin = begin
        self._table = table
        self._walked = walked
        # The index by creation counts fastest, where nothing else leads.
        self._index = index
        self.run = "d.run" if begin else "r.id" if table == "run" else f"{walked}.run"

    def statement(
        self, order: Order, where: Sequence[Clause], tests: Sequence[Condition], limit: int
    ) -> Clause:
        every = [*where, *self._conditions(tests)]
        selected = Clause(f"SELECT {self.run} AS id, ") + order.values
        by = order.by(self.run)
        brought = self._brought(order)
        source = self._tables([selected, brought, by, *every])
        body = selected + source + brought + " WHERE " + joined(" AND ", every)
        return self._opening() + body + " ORDER BY " + by + Clause(" LIMIT ?", [limit])

    def count(self, tests: Sequence[Condition], most: int) -> Clause:
        every = self._conditions(tests)
        inner = Clause("SELECT 1 AS one") + self._tables(every)
        inner = inner + " WHERE " + joined(" AND ", every) + Clause(" LIMIT ?", [most + 1])
        counted = Clause("SELECT count(*) AS n FROM (") + inner + ") AS counted"  # noqa: S608
        return self._opening() + counted

    def _conditions(self, tests: Sequence[Condition]) -> Sequence[Clause]:
        wanted = self._wanted
        # A list, and an index by metric or param, has no others in it.
        own = wanted.own if self._begin is None and self._table == "run" else ()
        looks = [look(each, wanted.scope, self.run) for each in tests]
        if wanted.members:
            looks.insert(0, Clause(f"{self.run} IN (") + wanted.members.runs + ")")
        return [*own, *wanted.family, *looks]

    def _opening(self) -> Clause:
        if self._begin is None or not postgres():
            return Clause("")
        return Clause("WITH d AS MATERIALIZED (") + self._begin.runs + ") "

    def _tables(self, said: Sequence[Clause]) -> Clause:
        needed = any(each.reads("r") for each in said)
        join = " JOIN " if postgres() else " CROSS JOIN "
        rows = f"{join}run r ON r.id = {self.run}" if needed else ""
        if self._begin is not None:
            listed = Clause("d") if postgres() else Clause("(") + self._begin.runs + ") d"
            return Clause(" FROM ") + listed + rows
        if self._table == "run":
            return Clause(f" FROM run r{indexed_by(self._index)}")
        return Clause(f" FROM {self._table} {self._walked}" + rows)

    def _brought(self, order: Order) -> Clause:
        """The tables of the sort keys, but for the one that is walked."""
        parts = [order.brings]
        for n, key in enumerate(order.keys):
            if n or self._begin is not None or self._table == "run":
                parts.append(key.join)
        found = joined("", parts, empty="")
        return Clause(found.text.replace("{run}", self.run), found.values)


def counted(wanted: Wanted, begin: Listed | None, most: int) -> Clause:
    tests = [each for each in wanted.tests if begin is None or each not in begin.meets]
    scope = wanted.scope
    if begin is not None and begin.inverted and postgres():
        # Its index leads to the rows, which say the rest: nothing is joined to them.
        looks = [look(each, scope) for each in tests]
        inner = begin.runs.also(*wanted.family, *looks) + Clause(" LIMIT ?", [most + 1])
        return Clause("SELECT count(*) AS n FROM (") + inner + ") AS counted"  # noqa: S608
    index = "run_there_created" if scope.experiment is not None and scope.ranked else None
    return _Source(wanted, begin, None, "run", index).count(tests, most)


def covers(wanted: Wanted, begin: Listed) -> bool:
    """Whether the list is the whole answer."""
    return not wanted.family and all(each in begin.meets for each in wanted.tests)
