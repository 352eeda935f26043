"""
Orders of runs as SQL: keys whose missing values come last both ways, then the key of the run.

Where the first key is missing, newer runs come first; so the end of a list sorted by
a metric is a list of what has not logged it yet.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from api.conditions import WRONG_CURSOR, Attribute, MetricStat, Param, RunSort, Subject
from api.errors import Invalid
from api.records import Direction, Position
from api.storage.clauses import NOTHING, Clause, joined, within
from api.storage.conditions import (
    INDEXED,
    RANKED,
    Scope,
    attribute,
    json_number,
    json_said,
    metric_of,
)
from api.storage.keys import metric_key, param_key

_NEVER_MISSING = frozenset(
    {
        Attribute.RUN_ID,
        Attribute.NAME,
        Attribute.STATUS,
        Attribute.EXPERIMENT,
        Attribute.ROOT,
        Attribute.NUMBER,
        Attribute.DEPTH,
        Attribute.CREATED,
    }
)


@dataclass(frozen=True, slots=True)
class Key:
    value: Clause
    descending: bool
    type: type
    nullable: bool = True
    # What brings the value to a run whose key is {run}.
    join: Clause = NOTHING

    @property
    def sql(self) -> str:
        return _SQL[self.type]

    @property
    def sorted(self) -> Clause:
        end = " NULLS LAST" if self.nullable else ""
        return self.value + (" DESC" if self.descending else " ASC") + end


@dataclass(frozen=True, slots=True)
class Walk:
    """An index that has the values of the first key in order, each with the run's key."""

    table: str
    alias: str
    which: Clause
    column: str
    run: str
    index: str | None = None

    @property
    def value(self) -> str:
        return f"{self.alias}.{self.column}"


@dataclass(frozen=True, slots=True)
class Order:
    keys: Sequence[Key]
    # Whether runs of one place are by their keys downwards.
    descending: bool
    walk: Walk | None
    # Whether the first key may be missing, and the last one only orders runs that miss it.
    newest: bool
    subject: Subject
    # The table of a key that is not sorted by.
    brings: Clause = NOTHING

    @property
    def values(self) -> Clause:
        named = [key.value + f" AS v{n}" for n, key in enumerate(self.keys)]
        return joined(", ", named)

    def by(self, run: str) -> Clause:
        end = Clause(f"{run} {'DESC' if self.descending else 'ASC'}")
        return joined(", ", [*(key.sorted for key in self.keys), end])

    def checked(self, after: Position) -> Position:
        """Refuse the cursor of another list."""
        said, keys = after.values, self.keys
        if len(said) != len(keys) or not all(map(_fits, keys, said)):
            raise Invalid(WRONG_CURSOR)
        values = [
            float(value) if value is not None and key.type is float else value
            for key, value in zip(keys, said, strict=True)
        ]
        return replace(after, values=tuple(values))

    def behind(self, after: Position, run: str) -> Clause:
        """What comes after that place."""
        sign = "<" if self.descending else ">"
        rest = Clause(f"{run} {sign} ?", [after.id])
        for key, value in reversed(list(zip(self.keys, after.values, strict=True))):
            if value is None:
                rest = within((key.value + " IS NULL").also(rest))
                continue
            mark = f"CAST(? AS {key.sql})"
            equal = within((key.value + Clause(f" = {mark}", [value])).also(rest))
            beyond = key.value + Clause(f" {'<' if key.descending else '>'} {mark}", [value])
            some = [beyond, equal]
            if key.nullable:
                some.insert(0, key.value + " IS NULL")
            rest = within(joined(" OR ", some))
        return rest


_SQL: Mapping[type, str] = {float: "DOUBLE PRECISION", int: "BIGINT", str: "TEXT"}


def order_of(sorts: Sequence[RunSort], scope: Scope) -> Order:
    wanted = list(sorts) or [RunSort()]
    keys = [key for place, sort in enumerate(wanted) for key in _keys(sort, scope, place)]
    newest = keys[0].nullable
    if newest:
        first = keys[0].value
        created = Clause("CASE WHEN ") + first + " IS NULL THEN r.created END"
        keys.append(Key(created, descending=True, type=int))
    return Order(keys, keys[0].descending, _walk(wanted[0], scope), newest, wanted[0].subject)


def _keys(sort: RunSort, scope: Scope, place: int) -> Sequence[Key]:
    subject, descending = sort.subject, sort.direction is Direction.DESCENDING
    if isinstance(subject, Attribute):
        value = Clause(attribute(subject, scope))
        kind = float if subject is Attribute.DURATION else int if subject.numeric else str
        return [Key(value, descending, kind, subject not in _NEVER_MISSING)]
    alias = f"k{place}"
    if isinstance(subject, MetricStat):
        table, which, value = metric_of(subject, scope, alias)
        on = Clause(f" LEFT JOIN {table} {alias} ON {alias}.run = {{run}}").also(which)
        return [Key(Clause(value), descending, float, join=on)]
    column = "params" if isinstance(subject, Param) else "tags"
    text = Key(json_said(column, subject.key), descending, str)
    if isinstance(subject, Param) and scope.experiment is not None and scope.ranked:
        key = param_key(scope.experiment, subject.key)
        on = Clause(
            f" LEFT JOIN param_num {alias} ON {alias}.run = {{run}} AND {alias}.key = ?", [key]
        )
        return [Key(Clause(f"{alias}.num"), descending, float, join=on), text]
    return [Key(json_number(column, subject.key), descending, float), text]


def _walk(sort: RunSort, scope: Scope) -> Walk | None:
    subject = sort.subject
    if not scope.ranked:
        return None
    if scope.experiment is None:
        return (
            _of_runs(Attribute.CREATED, Clause("r.deleted IS NULL"))
            if (subject is Attribute.CREATED)
            else None
        )
    if isinstance(subject, MetricStat) and subject.stat in RANKED:
        key = metric_key(scope.experiment, subject.metric, subject.column)
        which = Clause("k0.key = ?", [key])
        return Walk("metric_rank", "k0", which, RANKED[subject.stat], "k0.run")
    if isinstance(subject, Param):
        which = Clause("k0.key = ?", [param_key(scope.experiment, subject.key)])
        return Walk("param_num", "k0", which, "num", "k0.run")
    if isinstance(subject, Attribute) and subject in INDEXED:
        of = Clause("r.experiment = ? AND r.deleted IS NULL", [scope.experiment])
        return _of_runs(subject, of)
    return None


def _of_runs(subject: Attribute, which: Clause) -> Walk:
    of_one = len(which.values) > 0
    index = f"run_there_{subject.value}" if of_one else "run_there"
    return Walk("run", "r", which, subject.value, "r.id", index)


def _fits(key: Key, value: Any) -> bool:
    if value is None:
        return key.nullable
    if key.type is float:
        return (
            isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
        )
    return type(value) is key.type and (key.type is str or abs(value) < math.inf)
