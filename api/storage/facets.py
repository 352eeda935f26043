"""What many runs have, counted: each statement spans the runs whose keys it is given."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from api.analysis import GroupKey
from api.conditions import Attribute, MetricStat, Param, Subject, Tag
from api.storage.clauses import Clause, joined
from api.storage.conditions import Scope, attribute, metric_of
from api.storage.database import as_json, marks, of_json, postgres, select
from runvane.wire import INTEGER_MAX


class Counted(NamedTuple):
    value: Any
    runs: int


async def counted(
    runs: Sequence[int], subjects: Sequence[Subject], scope: Scope
) -> Mapping[Subject, Sequence[Counted]]:
    """
    Each value that some of the runs have, with how many: the same one maybe in two types.

    One statement for all params, one for all tags, and one for each other subject.
    """
    found: dict[Subject, Sequence[Counted]] = {}
    for kind, column in ((Param, "params"), (Tag, "tags")):
        keys = [each.key for each in subjects if isinstance(each, kind)]
        if keys:
            by_key = await _of_json(runs, column, keys)
            found |= {kind(key): by_key.get(key, []) for key in keys}
    for each in subjects:
        if isinstance(each, Attribute):
            value = Clause(attribute(each, scope))
            found[each] = await _of(runs, Clause(""), value)
        elif isinstance(each, MetricStat):
            table, which, value = metric_of(each, scope, "m")
            join = Clause(f" JOIN {table} m ON m.run = r.id AND ") + which
            found[each] = await _of(runs, join, Clause(value))
    return found


async def values(
    runs: Sequence[int], key: GroupKey, columns: Sequence[MetricStat], scope: Scope
) -> Sequence[tuple[Any, Sequence[float | None]]]:
    """What each run has of the key, None where it has none, and of each column: one statement."""
    if not runs:
        return []
    if isinstance(key, Param | Tag):
        said = _in_json("params" if isinstance(key, Param) else "tags", key.key)
    else:
        said = Clause("NULL AS kind, ") + attribute(key, scope) + " AS said"
    named, joins = [said], [Clause(_members())]
    for place, column in enumerate(columns):
        table, which, value = metric_of(column, scope, f"c{place}")
        named.append(Clause(f"{value} AS v{place}"))
        on = Clause(f" LEFT JOIN {table} c{place} ON c{place}.run = r.id AND ") + which
        joins.append(on)
    head = Clause("SELECT ") + joined(", ", named) + " FROM "  # noqa: S608
    joins[0] = Clause(joins[0].text, [_given(runs)])
    statement = head + joined("", joins)
    rows = await select(statement.text, *statement.values)
    names = [f"v{place}" for place in range(len(columns))]
    return [
        (
            row["said"] if row["kind"] is None else _whole(row["kind"], row["said"]),
            [row[name] for name in names],
        )
        for row in rows
    ]


def _in_json(column: str, key: str) -> Clause:
    """`kind` and `said` of what a row `r` has under the key."""
    if postgres():
        value = f"r.{column} -> CAST(? AS TEXT)"
        return Clause(
            f"jsonb_typeof({value}) AS kind, ({value}) #>> '{{}}' AS said",
            [key, key],
        )
    one = f"(SELECT {{}} FROM json_each(r.{column}) j WHERE j.key = ?)"  # noqa: S608
    return Clause(f"{one.format('j.type')} AS kind, {one.format('j.value')} AS said", [key, key])


def _whole(kind: str, value: Any) -> Any:
    """A JSON value of any kind."""
    return of_json(value) if kind in ("array", "object") else _read(kind, value)


async def names(runs: Sequence[int], column: str, limit: int) -> Sequence[Counted]:
    """The keys of params, or of tags, with how many of the runs have them; most common first."""
    each = "jsonb_object_keys(r.{0}) AS j(key)" if postgres() else "json_each(r.{0}) j"
    rows = await select(
        f"SELECT j.key AS value, count(*) AS n FROM {_members()}"  # noqa: S608
        f" CROSS JOIN {each.format(column)} GROUP BY j.key ORDER BY n DESC, j.key LIMIT ?",
        _given(runs),
        limit,
    )
    return [Counted(row["value"], row["n"]) for row in rows]


async def _of(runs: Sequence[int], join: Clause, value: Clause) -> Sequence[Counted]:
    said = Clause("SELECT ") + value + Clause(f" AS value, count(*) AS n FROM {_members()}")
    said = said + join
    rows = await select(
        f"SELECT value, n FROM ({said.text} GROUP BY 1) found WHERE value IS NOT NULL",  # noqa: S608
        *value.values,
        _given(runs),
        *join.values,
    )
    return [Counted(row["value"], row["n"]) for row in rows]


async def _of_json(
    runs: Sequence[int], column: str, keys: Sequence[str]
) -> Mapping[str, Sequence[Counted]]:
    found: dict[str, list[Counted]] = {}
    if postgres():
        each, value = f"jsonb_each(r.{column}) AS j(key, value)", "j.value #>> '{}'"
        kind = "jsonb_typeof(j.value)"
    else:
        each, value, kind = f"json_each(r.{column}) j", "j.value", "j.type"
    rows = await select(
        f"SELECT j.key, {kind} AS type, {value} AS value, count(*) AS n"  # noqa: S608
        f" FROM {_members()} CROSS JOIN {each} WHERE j.key IN ({marks(keys)}) GROUP BY 1, 2, 3",
        _given(runs),
        *keys,
    )
    for row in rows:
        found.setdefault(row["key"], []).append(Counted(_read(row["type"], row["value"]), row["n"]))
    return found


def _members() -> str:
    """The rows `r` of the runs that are given as one value."""
    if postgres():
        return "unnest(CAST(? AS BIGINT[])) AS d(id) JOIN run r ON r.id = d.id"
    return "json_each(?) d CROSS JOIN run r ON r.id = d.value"


def _given(runs: Sequence[int]) -> Any:
    return list(runs) if postgres() else as_json(list(runs))


def _read(kind: str, value: Any) -> Any:
    """A JSON value that can be compared; None: one that equals nothing, or null."""
    if kind in ("string", "text"):
        return value
    if kind in ("boolean", "true", "false"):
        return kind == "true" or value == "true"
    if kind in ("number", "integer", "real"):
        # PostgreSQL writes all digits of a number, as large as it may be.
        whole = str(value).lstrip("-").isdecimal() and abs(int(value)) <= INTEGER_MAX
        return int(value) if whole else float(value)
    return None
