"""
Lists of a million runs in minutes: `python -m bench.loading DATABASE COUNT`.

The tables are the real ones, made by the migrations, and every row is what storage
would have written for such a run: only the way in is short. Indexes are dropped
before the rows come and made again after them; what is unique stays so.
"""

# asyncpg has no types; only this file pays for it.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

import asyncio
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from math import isnan
from typing import Any, Protocol

import asyncpg

from api.storage import terms
from api.storage.database import as_json, opened
from api.storage.keys import metric_key, new_key, param_key, run_key
from api.storage.metrics import Flag
from bench.generators import BEGIN_MS, RunSpec, runs

EXPERIMENT = "list"
CHUNK = 10_000
RUN_EVERY_MS = 1000
LASTED_MS = 600_000
SQLITE_CACHE_KIB = 2 * 2**20
TABLES = ("run", "run_status", "param_num", "run_metric", "metric_rank")
Rows = dict[str, list[dict[str, Any]]]


class Store(Protocol):
    async def without_indexes(self) -> Sequence[str]:
        """Drop them, and give the statements that make them again."""
        ...

    async def put(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None: ...

    async def run(self, statement: str) -> None: ...


class Sqlite:
    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path)
        for pragma in ("synchronous = OFF", f"cache_size = -{SQLITE_CACHE_KIB}"):
            self._connection.execute(f"PRAGMA {pragma}")

    async def without_indexes(self) -> Sequence[str]:
        rows = self._connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"  # noqa: S608
            f" AND tbl_name IN {TABLES}"
        ).fetchall()
        for name, _ in rows:
            self._connection.execute(f'DROP INDEX "{name}"')
        return [statement for _, statement in rows]

    async def put(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        names = ", ".join(f'"{name}"' for name in rows[0])
        marks = ", ".join("?" * len(rows[0]))
        with self._connection:
            self._connection.executemany(
                f"INSERT INTO {table} ({names}) VALUES ({marks})",  # noqa: S608 - our own names
                [tuple(row.values()) for row in rows],
            )

    async def run(self, statement: str) -> None:
        with self._connection:
            self._connection.execute(statement)


class Postgres:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def without_indexes(self) -> Sequence[str]:
        rows = await self._connection.fetch(
            "SELECT i.indexname AS name, i.indexdef AS made FROM pg_indexes i"
            " WHERE i.schemaname = 'public' AND i.tablename = ANY($1) AND NOT EXISTS"
            " (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)",
            list(TABLES),
        )
        for row in rows:
            await self._connection.execute(f'DROP INDEX "{row["name"]}"')
        return [row["made"] for row in rows]

    async def put(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        await self._connection.copy_records_to_table(
            table, columns=list(rows[0]), records=[tuple(row.values()) for row in rows]
        )

    async def run(self, statement: str) -> None:
        await self._connection.execute(statement)


async def load(place: str, count: int) -> None:
    """Fill an empty database with one experiment of so many runs."""
    # It also decides how terms are spelled.
    async with opened(place):
        # Says that the terms of all rows are up to date: those to come will be.
        await terms.fill()
        is_url = "://" in place
        store: Store = Postgres(await asyncpg.connect(place)) if is_url else Sqlite(place)
        experiment = new_key()
        made = await store.without_indexes()
        await store.put("experiment", [_experiment(experiment, count)])
        await store.put("metric_name", _names(experiment))
        specs = runs(count)
        while chunk := list(islice(specs, CHUNK)):
            for table, rows in _rows(experiment, chunk).items():
                await store.put(table, rows)
        for statement in made:
            await store.run(statement)
        if is_url:
            # As autovacuum does soon after so many rows.
            await store.run("VACUUM ANALYZE")
            # What is kept is stopped at once, and is to start at once.
            await store.run("CHECKPOINT")


def public_id(number: int) -> str:
    return f"list-{number}"


def _rows(experiment: int, specs: Iterable[RunSpec]) -> Rows:
    """Of some runs, by table; in the order of the runs' keys, which is how indexes like it."""
    found: Rows = {table: [] for table in TABLES}
    keyed = {run_key(public_id(spec.number)): spec for spec in specs}
    for run, spec in sorted(keyed.items()):
        found["run"].append(_run(run, experiment, spec))
        found["run_status"] += _statuses(run, spec)
        found["param_num"] += [
            {"id": new_key(), "run": run, "key": param_key(experiment, name), "num": float(value)}
            for name, value in spec.params.items()
            if isinstance(value, int | float)
        ]
        for name, value in spec.metrics.items():
            metric, rank = _metric(run, experiment, name, value)
            found["run_metric"].append(metric)
            found["metric_rank"].append(rank)
    return found


def _run(run: int, experiment: int, spec: RunSpec) -> dict[str, Any]:
    begun = _begun(spec)
    facts = terms.Facts(
        experiment=experiment,
        deleted=False,
        root=True,
        status="Completed",
        name=spec.name,
        kind="",
        target=None,
        params=spec.params,
        tags=spec.tags,
    )
    return {
        "id": run,
        "public_id": public_id(spec.number),
        "experiment": experiment,
        "root": run,
        "depth": 0,
        "number": spec.number,
        "name": spec.name,
        "kind": "",
        "status": "Completed",
        "reason": "",
        "created": begun,
        "started": begun,
        "ended": begun + LASTED_MS,
        "client_started": begun,
        "client_ended": begun + LASTED_MS,
        "description": "",
        "params": as_json(spec.params),
        "tags": as_json(spec.tags),
        "properties": "{}",
        "facts": as_json({"host": "bench", "python": "3.11"}),
        "warnings": "[]",
        "version": 3,
        "terms": terms.of(facts),
    }


def _statuses(run: int, spec: RunSpec) -> Iterator[dict[str, Any]]:
    for status, after in (("Running", 0), ("Completed", LASTED_MS)):
        at = _begun(spec) + after
        what = {"status": status, "reason": "", "actor": "bench"}
        yield {"id": new_key(), "run": run, "at": at, "client_at": at, **what}


def _metric(
    run: int, experiment: int, name: str, value: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """One point, as a fold writes it and as it is ranked."""
    finite = None if isnan(value) else value
    step = None if finite is None else 0
    key, id_ = metric_key(experiment, name, "value"), new_key()
    row = {
        "id": id_,
        "run": run,
        "key": key,
        "metric": name,
        "column": "value",
        "position": 0,
        "kind": "scalar",
        "n": 1,
        "n_finite": int(finite is not None),
        "flag": Flag.NAN.value if finite is None else Flag.FINITE.value,
        **dict.fromkeys(("vfirst", "vlast", "vmin", "vmax"), finite),
        "vsum": finite or 0.0,
        "first_step": step,
        "first_time": None if finite is None else BEGIN_MS,
        "last_step": 0,
        "last_time": BEGIN_MS,
        "min_step": step,
        "max_step": step,
    }
    values = dict.fromkeys(("vlast", "vmin", "vmax"), finite)
    return row, {"id": id_, "run": run, "key": key, "experiment": experiment, **values}


def _begun(spec: RunSpec) -> int:
    return BEGIN_MS + spec.number * RUN_EVERY_MS


def _experiment(experiment: int, count: int) -> dict[str, Any]:
    return {
        "id": experiment,
        "name": EXPERIMENT,
        "description": "",
        "tags": "{}",
        "created": BEGIN_MS,
        "next_number": count + 1,
    }


def _names(experiment: int) -> list[dict[str, Any]]:
    return [
        {
            "id": metric_key(experiment, name, "value"),
            "experiment": experiment,
            "metric": name,
            "column": "value",
            "kind": "scalar",
        }
        for name in next(iter(runs(1))).metrics
    ]


if __name__ == "__main__":
    asyncio.run(load(sys.argv[1], int(sys.argv[2])))
