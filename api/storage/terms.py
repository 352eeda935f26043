"""
What can be looked up of a run by equality: each fact as one number, in an inverted index.

A term is the 63-bit BLAKE2b of a fact and of who asks for it: those who list one
experiment (its id) or all of them (0), runs that are there or deleted ones. So a
list of one experiment meets no run of another, and no deleted one.

PostgreSQL has the numbers in `run.terms` under a GIN index; SQLite has them there as
text, and triggers that keep the FTS5 table `run_terms` in step with it.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tortoise.fields import TextField

from api.storage.database import as_json, execute_many, marks, of_json, postgres, select, writing
from api.storage.keys import hashed, new_key, param_key

EVERYWHERE = 0
# So many runs are in one commit when all are indexed anew.
CHUNK = 5000
# Whoever waits for a server to start reads in its log how far it is.
PROGRESS_EVERY_S = 5.0
# Says in `meta` by which definition of terms the rows were written.
DEFINITION = "1"
NUMBER_TYPES = (int, float)

_log = logging.getLogger("runvane")


class TermsField(TextField):
    SQL_TYPE = "TEXT"

    class _db_postgres:  # noqa: N801 - Tortoise looks for this name
        SQL_TYPE = "BIGINT[]"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the terms of a run are made from."""

    experiment: int
    deleted: bool
    root: bool
    status: str
    name: str
    kind: str
    target: str | None
    params: Mapping[str, Any]
    tags: Mapping[str, Any]


def of(facts: Facts) -> Any:
    """The run's terms as a statement's value."""
    said = sorted(set(_said(facts)))
    found = [
        term(place, each, deleted=facts.deleted)
        for place in (EVERYWHERE, facts.experiment)
        for each in said
    ]
    return found if postgres() else "".join(f" {each:x}" for each in found) + " "


# Runs of one experiment share most of their facts.
@lru_cache(10_000)
def term(place: int, fact: tuple[str, ...], *, deleted: bool) -> int:
    """`place` is an experiment's id, or EVERYWHERE."""
    return hashed(as_json([place, deleted, fact]).encode())


def spelled(value: Any) -> str | None:
    """How a value reads; what reads the same is equal. None: it equals nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        whole = value.is_integer()
        return str(int(value)) if whole else repr(value)
    return str(value) if isinstance(value, int | str) else None


def _said(facts: Facts) -> Iterable[tuple[str, ...]]:
    yield ("status", facts.status)
    yield ("name", facts.name)
    yield ("kind", facts.kind)
    if facts.target is not None:
        yield ("target", facts.target)
    if facts.root:
        yield ("root",)
    for what, values in (("param", facts.params), ("tag", facts.tags)):
        for key, value in values.items():
            yield (what, key)
            if (text := spelled(value)) is not None:
                yield (what, key, text)


async def index_params(run: int, experiment: int, params: Mapping[str, Any]) -> None:
    """Numbers once more, where they can be searched by their size."""
    await execute_many(_INDEX_PARAM, _numbers(run, experiment, params))


_INDEX_PARAM = (
    "INSERT INTO param_num (id, run, key, num) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (run, key) DO NOTHING"
)


def _numbers(run: int, experiment: int, params: Mapping[str, Any]) -> list[Sequence[Any]]:
    return [
        (new_key(), run, param_key(experiment, name), float(value))
        for name, value in params.items()
        if type(value) in NUMBER_TYPES
    ]


async def renew(runs: Sequence[int]) -> None:
    """Index these runs as they are now; deleted ones keep no numbers to search."""
    for at in range(0, len(runs), CHUNK):
        some = runs[at : at + CHUNK]
        rows = await select(
            "SELECT id, experiment, parent, status, name, kind, target, params, tags, deleted"  # noqa: S608
            f" FROM run WHERE id IN ({marks(some)})",
            *some,
        )
        indexed, numbers = await asyncio.to_thread(_indexed, rows)
        await execute_many("UPDATE run SET terms = ? WHERE id = ?", indexed)
        gone = [(row["id"],) for row in rows if row["deleted"] is not None]
        await execute_many("DELETE FROM param_num WHERE run = ?", gone)
        await execute_many(_INDEX_PARAM, numbers)


def _indexed(rows: Sequence[Mapping[str, Any]]) -> tuple[list[Sequence[Any]], list[Sequence[Any]]]:
    """Terms with the run they are of, and the numbers among the params of what is there."""
    indexed: list[Sequence[Any]] = []
    numbers: list[Sequence[Any]] = []
    for row in rows:
        facts = facts_of(row)
        indexed.append((of(facts), row["id"]))
        if not facts.deleted:
            numbers += _numbers(row["id"], facts.experiment, facts.params)
    return indexed, numbers


async def fill() -> None:
    """Index what another definition of terms, or none, has left; cut short, it goes on there."""
    (row,) = await select(
        "SELECT (SELECT value FROM meta WHERE key = 'terms') AS terms,"
        " (SELECT value FROM meta WHERE key = 'terms_filled') AS filled"
    )
    if row["terms"] == DEFINITION:
        return
    after = int(row["filled"] or -1)
    (counted,) = await select("SELECT count(*) AS n FROM run WHERE id > ?", after)
    done, said = 0, -PROGRESS_EVERY_S
    while True:
        if done < counted["n"] > CHUNK and time.monotonic() - said >= PROGRESS_EVERY_S:
            said = time.monotonic()
            _log.warning("indexing runs for lists: %s of %s", f"{done:,}", f"{counted['n']:,}")
        async with writing():
            rows = await select("SELECT id FROM run WHERE id > ? ORDER BY id LIMIT ?", after, CHUNK)
            if not rows:
                await _note({"terms": DEFINITION, "terms_filled": "-1"})
                return
            await renew([row["id"] for row in rows])
            after, done = rows[-1]["id"], done + len(rows)
            await _note({"terms_filled": str(after)})


async def _note(said: Mapping[str, str]) -> None:
    await execute_many(
        "INSERT INTO meta (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        list(said.items()),
    )


def facts_of(row: Mapping[str, Any]) -> Facts:
    return Facts(
        experiment=row["experiment"],
        deleted=row["deleted"] is not None,
        root=row["parent"] is None,
        status=row["status"],
        name=row["name"],
        kind=row["kind"],
        target=row["target"],
        params=of_json(row["params"]),
        tags=of_json(row["tags"]),
    )
