"""What is known of each metric column without reading its points."""

import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from math import inf, nan
from operator import attrgetter, itemgetter
from typing import Any, TypeVar

from api.records import ColumnType, MetricColumn, MetricKind, Stat, Summary, Wanted
from api.storage.clauses import given
from api.storage.database import execute_many, marks, postgres, select
from api.storage.keys import metric_key, new_key

T = TypeVar("T")
# PostgreSQL takes 32,767 values in a statement, and a fold may meet more metrics. What
# comes back is made into rows while nobody else is served.
VALUES_MAX = 2_000
# A process remembers so many columns that the picker has, in some 15 MB.
NAMES_MAX = 100_000
# SQLite joins at most 500 selects.
RUNS_PER_STATEMENT = 200


class Flag(IntEnum):
    """What the last value of a column is."""

    FINITE = 0
    NAN = 1
    INFINITY = 2
    MINUS_INFINITY = 3
    TEXT = 4
    BOOLEAN = 5


@dataclass(slots=True, kw_only=True)
class Tally:
    """One row of `run_metric`: finite values only, the flag says what the last one was."""

    key: int
    metric: str
    column: str
    position: int
    kind: MetricKind
    n: int
    n_finite: int
    flag: int
    vfirst: float | None
    vlast: float | None
    vmin: float | None
    vmax: float | None
    vsum: float
    first_step: int | None
    first_time: int | None
    last_step: int
    last_time: int
    min_step: int | None
    max_step: int | None


_NAMES = [field.name for field in fields(Tally)]
_COLUMNS = ", ".join(f'"{name}"' for name in _NAMES)
_CHANGING = _NAMES[_NAMES.index("n") :]
_VALUES = attrgetter(*_NAMES)
_LAST = {Flag.NAN: nan, Flag.INFINITY: inf, Flag.MINUS_INFINITY: -inf}
_TYPE = {Flag.TEXT: ColumnType.TEXT, Flag.BOOLEAN: ColumnType.BOOLEAN}


async def tallies(run: int, keys: Sequence[int]) -> Mapping[int, Tally]:
    found: dict[int, Tally] = {}
    for some in _parts(keys):
        rows = await select(
            f"SELECT {_COLUMNS} FROM run_metric WHERE run = ? AND key IN ({marks(some)})",  # noqa: S608
            run,
            *some,
        )
        for row in rows:
            found[row["key"]] = tally = Tally(**row)
            tally.kind = MetricKind(tally.kind)
    return found


async def known(run: int, metrics: Sequence[str]) -> Mapping[str, tuple[MetricKind, int]]:
    """Of each metric that was logged before: its kind, and how many columns it has."""
    found: dict[str, tuple[MetricKind, int]] = {}
    for some in _parts(metrics):
        rows = await select(
            "SELECT metric, min(kind) AS kind, max(position) + 1 AS n FROM run_metric"  # noqa: S608
            f" WHERE run = ? AND metric IN ({marks(some)}) GROUP BY metric",
            run,
            *some,
        )
        found.update({row["metric"]: (MetricKind(row["kind"]), row["n"]) for row in rows})
    return found


async def save(run: int, tallies: Iterable[Tally]) -> None:
    changed = ", ".join(f'"{name}" = excluded."{name}"' for name in _CHANGING)
    await execute_many(
        f"INSERT INTO run_metric (id, run, {_COLUMNS}) VALUES (?, ?, {marks(_NAMES)})"  # noqa: S608
        f" ON CONFLICT (run, key) DO UPDATE SET {changed}",
        ((new_key(), run, *_VALUES(tally)) for tally in tallies),
    )


class Names:
    """
    Columns that the picker has for certain, those that were met last.

    A fold writes only the others, so that a thousand runs with the same names write them
    once. Nobody takes a name away, and a key holds the id of its experiment, which
    never comes again: what another process does can make this ignorant, not wrong.
    """

    def __init__(self) -> None:
        self._kinds: OrderedDict[int, MetricKind] = OrderedDict()

    def new(self, tallies: Iterable[Tally]) -> Sequence[Tally]:
        """Those that are not known to be there, and as this kind; in the order of their keys."""
        new = [tally for tally in tallies if self._kinds.get(tally.key) is not tally.kind]
        return sorted(new, key=attrgetter("key"))

    def note(self, tallies: Iterable[Tally]) -> None:
        """Only what is on disk: after the commit."""
        for tally in tallies:
            self._kinds[tally.key] = tally.kind
            self._kinds.move_to_end(tally.key)
        while len(self._kinds) > NAMES_MAX:
            self._kinds.popitem(last=False)


async def save_names(experiment: int, tallies: Iterable[Tally]) -> None:
    """For the column picker; by their keys, so that two processes cannot wait for each other."""
    await execute_many(
        'INSERT INTO metric_name (id, experiment, metric, "column", kind) VALUES (?, ?, ?, ?, ?)'
        " ON CONFLICT (id) DO UPDATE SET kind = excluded.kind"
        " WHERE metric_name.kind <> excluded.kind",
        ((t.key, experiment, t.metric, t.column, t.kind.value) for t in tallies),
    )


async def summaries(
    runs: Sequence[int], *, metric: str | None = None, prefix: str = "", first: int | None = None
) -> Mapping[int, Sequence[Summary]]:
    """
    In the order in which metrics, and columns in them, were first logged.

    Of one metric, or of the `first` of each run whose names begin so: then only these are read.
    """
    found: dict[int, dict[str, list[Summary]]] = {run: {} for run in runs}
    rows: list[Mapping[str, Any]] = []
    for at in range(0, len(runs), RUNS_PER_STATEMENT):
        some = runs[at : at + RUNS_PER_STATEMENT]
        if metric is None and first is not None:
            rows += await _first_rows(some, prefix, first)
        else:
            rows += await select(
                f"SELECT id, run, {_COLUMNS} FROM run_metric WHERE run IN ({marks(some)})"  # noqa: S608
                + ("" if metric is None else " AND metric = ?"),
                *some,
                *([] if metric is None else [metric]),
            )
    for row in sorted(rows, key=_id):
        found[row["run"]].setdefault(row["metric"], []).append(_summary(row))
    return {
        run: [each for columns in of.values() for each in sorted(columns, key=_position)]
        for run, of in found.items()
    }


async def _first_rows(runs: Sequence[int], prefix: str, first: int) -> Sequence[Mapping[str, Any]]:
    # Each metric has one column at position 0, and an index has those in order.
    begins = " AND substr(metric, 1, CAST(? AS INTEGER)) = ?" if prefix else ""
    one = (
        f"SELECT id, run, {_COLUMNS} FROM run_metric WHERE run = ? AND metric IN"  # noqa: S608
        " (SELECT metric FROM run_metric WHERE run = ? AND position = 0"
        f"{begins} ORDER BY id LIMIT ?)"
    )
    said = [len(prefix), prefix] if prefix else []
    return await select(
        " UNION ALL ".join([one] * len(runs)),
        *(value for run in runs for value in (run, run, *said, first)),
    )


async def logged(runs: Sequence[int], first: int) -> Sequence[str]:
    """The first metrics of each run, in the order in which it logged them; at least one run."""
    # Each metric has one column at position 0, and an index has those in order.
    one = (
        "SELECT * FROM (SELECT metric FROM run_metric"
        " WHERE run = ? AND position = 0 ORDER BY id LIMIT ?) AS one"
    )
    values = [value for run in runs for value in (run, first)]
    return [row["metric"] for row in await select(" UNION ALL ".join([one] * len(runs)), *values)]


async def cells(
    experiments: Mapping[int, int], wanted: Sequence[Wanted]
) -> Mapping[int, Sequence[float | int | None]]:
    """One value per wanted column, by run; `experiments` says whose run each is."""
    keys = {
        experiment: [metric_key(experiment, each.metric, each.column) for each in wanted]
        for experiment in set(experiments.values())
    }
    every = sorted({key for of in keys.values() for key in of})
    found: dict[tuple[int, int], Mapping[str, Any]] = {}
    if every:
        columns = sorted({name for each in wanted for name in _READ[each.stat]})
        for row in await select(
            f"SELECT run, key, {', '.join(columns)} FROM run_metric"  # noqa: S608
            f" WHERE run IN ({marks(list(experiments))}) AND key IN ({marks(every)})",
            *experiments,
            *every,
        ):
            found[row["run"], row["key"]] = row
    return {
        run: [
            None if (row := found.get((run, key))) is None else _STATS[each.stat](row)
            for key, each in zip(keys[experiment], wanted, strict=True)
        ]
        for run, experiment in experiments.items()
    }


async def below(
    runs: Mapping[int, int], wanted: Wanted, column: str, limit: int
) -> Sequence[tuple[int, Any, float | None]]:
    """
    Of the runs below each, however deep: whose it is below, a column of it, and the statistic.

    `runs` says whose experiment each is in, `column` is one of the table of runs.
    """
    keys = sorted({metric_key(each, wanted.metric, wanted.column) for each in runs.values()})
    read = ", ".join(f"m.{name}" for name in _READ[wanted.stat])
    rows = await select(
        "WITH RECURSIVE below(top, run) AS (SELECT c.parent, c.id FROM run c"  # noqa: S608
        f" WHERE c.parent IN ({marks(list(runs))}) UNION ALL SELECT b.top, c.id"
        " FROM run c JOIN below b ON c.parent = b.run)"
        f" SELECT b.top, r.{column} AS said, m.run AS has, {read} FROM below b"
        " JOIN run r ON r.id = b.run LEFT JOIN run_metric m ON m.run = b.run"
        f" AND m.key IN ({marks(keys)}) WHERE r.deleted IS NULL LIMIT ?",
        *runs,
        *keys,
        limit,
    )
    value = _STATS[wanted.stat]
    return [(row["top"], row["said"], None if row["has"] is None else value(row)) for row in rows]


async def names(experiment: int, prefix: str, first: int) -> Sequence[MetricColumn]:
    """Those that begin so, in the order of their bytes: an index has them side by side."""
    binary = ' COLLATE "C"' if postgres() else ""
    end = _after(prefix)
    within = f" AND metric{binary} >= ?" + (f" AND metric{binary} < ?" if end else "")
    rows = await select(
        f'SELECT metric, "column", kind FROM metric_name WHERE experiment = ?{within}'  # noqa: S608
        f' ORDER BY metric{binary}, "column" LIMIT ?',
        experiment,
        prefix,
        *([end] if end else []),
        first,
    )
    return [MetricColumn(row["metric"], row["column"], MetricKind(row["kind"])) for row in rows]


async def names_after(experiment: int, prefix: str, after: str | None, limit: int) -> Sequence[str]:
    """Metrics that begin so, each once, in the order of their bytes."""
    binary = ' COLLATE "C"' if postgres() else ""
    end = _after(prefix)
    within = f" AND metric{binary} >= ?" + (f" AND metric{binary} < ?" if end else "")
    behind = "" if after is None else f" AND metric{binary} > ?"
    rows = await select(
        f"SELECT DISTINCT metric{binary} AS metric FROM metric_name"  # noqa: S608
        f" WHERE experiment = ?{within}{behind} ORDER BY 1 LIMIT ?",
        experiment,
        prefix,
        *([end] if end else []),
        *([] if after is None else [after]),
        limit,
    )
    return [row["metric"] for row in rows]


async def run_names_after(
    runs: Sequence[int], prefix: str, after: str | None, limit: int
) -> Mapping[int, Sequence[str]]:
    """Each run's metrics that begin so, in the order of an index: the database's own of texts."""
    # Each metric has one column at position 0.
    begins = " AND substr(metric, 1, CAST(? AS INTEGER)) = ?" if prefix else ""
    behind = "" if after is None else " AND metric > ?"
    wanted = (
        "SELECT {} FROM run_metric WHERE run = p.value AND position = 0"  # noqa: S608
        f"{begins}{behind} ORDER BY metric LIMIT ?"
    )
    if postgres():
        each = f"LATERAL ({wanted.format('run, metric')}) m"
    else:
        each = f"run_metric m ON m.id IN ({wanted.format('id')})"
    tops = given(runs)
    rows = await select(
        f"SELECT m.run, m.metric FROM {tops.text} CROSS JOIN {each} ORDER BY m.run, m.metric",  # noqa: S608
        *tops.values,
        *([len(prefix), prefix] if prefix else []),
        *([] if after is None else [after]),
        limit,
    )
    found: dict[int, list[str]] = {run: [] for run in runs}
    for row in rows:
        found[row["run"]].append(row["metric"])
    return found


def _parts(values: Sequence[T]) -> Iterable[Sequence[T]]:
    return (values[at : at + VALUES_MAX] for at in range(0, len(values), VALUES_MAX))


def _after(prefix: str) -> str:
    """The least text that is greater than all that begin so; empty where there is none."""
    for n in range(len(prefix), 0, -1):
        code = ord(prefix[n - 1]) + 1
        # What stands for no character cannot be said in UTF-8.
        code = 0xE000 if 0xD800 <= code < 0xE000 else code
        if code <= sys.maxunicode:
            return prefix[: n - 1] + chr(code)
    return ""


def _id(row: Mapping[str, Any]) -> int:
    return row["id"]


def _position(summary: Summary) -> int:
    return summary.position


def _summary(row: Mapping[str, Any]) -> Summary:
    flag = Flag(row["flag"])
    return Summary(
        metric=row["metric"],
        column=row["column"],
        position=row["position"],
        kind=MetricKind(row["kind"]),
        type=_TYPE.get(flag, ColumnType.NUMBER),
        n=row["n"],
        n_finite=row["n_finite"],
        last=_last(row),
        first=row["vfirst"],
        min=row["vmin"],
        max=row["vmax"],
        mean=_mean(row),
        last_step=row["last_step"],
        last_time=row["last_time"],
        min_step=row["min_step"],
        max_step=row["max_step"],
    )


def _last(row: Mapping[str, Any]) -> float | None:
    """What is no finite number is in the flag alone."""
    return _LAST.get(row["flag"], row["vlast"])


def _mean(row: Mapping[str, Any]) -> float | None:
    return row["vsum"] / row["n_finite"] if row["n_finite"] else None


# What a statistic is read from, and how. Tables have thousands of cells.
_READ: Mapping[Stat, Sequence[str]] = {
    Stat.LAST: ("flag", "vlast"),
    Stat.MIN: ("vmin",),
    Stat.MAX: ("vmax",),
    Stat.FIRST: ("vfirst",),
    Stat.MEAN: ("n_finite", "vsum"),
    Stat.COUNT: ("n",),
}
_STATS: Mapping[Stat, Callable[[Mapping[str, Any]], float | int | None]] = {
    Stat.LAST: _last,
    Stat.MEAN: _mean,
    **{stat: itemgetter(*_READ[stat]) for stat in (Stat.MIN, Stat.MAX, Stat.FIRST, Stat.COUNT)},
}
