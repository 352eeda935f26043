"""
Folded points: one segment is some points of one column of one run.

Ids grow in the order in which points came, also when segments are merged: what is
merged keeps the ids of its oldest parts. With its level an id says which content
it stands for, because a merge always raises the level.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isnan
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from api.records import Column
from api.storage import coarse, codec
from api.storage.database import execute, execute_many, indexed_by, marks, select, tuples
from api.storage.keys import new_key
from runvane.wire import INTEGER_MAX

Row: TypeAlias = dict[str, Any]
T = TypeVar("T")
# Of longer ones a long line has fewer, but a short look unpacks more than it shows.
POINTS_MAX = 131_072
# NumPy takes longer to begin than so few points take without it.
FEW = 16
# So many are long enough: such a segment is not merged any more.
POINTS_ENOUGH = 32_768
# Texts are long: so many bytes are enough, too.
BYTES_ENOUGH = 1024 * 1024
# PostgreSQL takes 32,767 values in a statement.
VALUES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Piece:
    """Points in the order of (step, time); values of one type, without gaps."""

    key: int
    steps: Column
    times: Column
    values: Column


@dataclass(frozen=True, slots=True)
class Extent:
    """What a segment holds, without its points."""

    id: int
    key: int
    level: int
    n: int
    bytes: int

    @property
    def enough(self) -> bool:
        return self.n >= POINTS_ENOUGH or self.bytes >= BYTES_ENOUGH


def rows_of(run: int, pieces: Iterable[Piece]) -> Sequence[Row]:
    """What `insert` takes; it takes time, and no database."""
    return [
        row_of(run, part, new_key(), level=int(len(part.steps) >= POINTS_ENOUGH))
        for piece in pieces
        for part in cut(piece)
    ]


def cut(piece: Piece, *, whole_steps: bool = True) -> Sequence[Piece]:
    """At most 131,072 points each, as few as can be; a step stays whole where that costs little."""
    n = len(piece.steps)
    made: list[Piece] = []
    at = 0
    while at < n:
        share = -(-(n - at) // -(-(n - at) // POINTS_MAX))
        end = at + share
        if end < n and whole_steps:
            step = int(np.searchsorted(piece.steps, int(piece.steps[end])))
            end = step if step > at + share // 2 else end
        steps, times, values = piece.steps[at:end], piece.times[at:end], piece.values[at:end]
        made.append(Piece(piece.key, steps, times, values))
        at = end
    return made


def row_of(run: int, piece: Piece, id_: int, *, level: int) -> Row:
    """One row of the table."""
    return {"id": id_, "run": run, "key": piece.key, "level": level, **_content(piece)}


async def insert(rows: Sequence[Row]) -> None:
    if rows:
        names = ", ".join(rows[0])
        await execute_many(
            f"INSERT INTO segment ({names}) VALUES ({marks(list(rows[0]))})",  # noqa: S608
            (list(row.values()) for row in rows),
        )


async def read(
    runs: Sequence[int], keys: Sequence[int], *, steps: tuple[float, float] | None = None
) -> Mapping[int, Sequence[Piece]]:
    """The points of these columns, oldest segment first; with `steps` at least those between."""
    if not runs or not keys:
        return {run: [] for run in runs}
    within = "" if steps is None else " AND last_step >= ? AND first_step <= ?"
    rows = await select(
        "SELECT run, key, payload FROM segment"  # noqa: S608
        f" WHERE run IN ({marks(runs)}) AND key IN ({marks(keys)}){within} ORDER BY id",
        *runs,
        *keys,
        *([] if steps is None else map(_whole, steps)),
    )
    return await asyncio.to_thread(_pieces, runs, rows)


def _pieces(runs: Sequence[int], rows: Sequence[Row]) -> Mapping[int, Sequence[Piece]]:
    found: dict[int, list[Piece]] = {run: [] for run in runs}
    for row in rows:
        found[row["run"]].append(Piece(row["key"], *codec.unpack_segment(row["payload"])))
    return found


def _whole(step: float) -> int:
    return int(min(max(step, -INTEGER_MAX - 1), INTEGER_MAX))


_SPAN = "run, key, id, first_step, last_step, first_time, last_time, n"
SPAN = np.dtype(
    [*((name, "i8") for name in _SPAN.split(", ")), ("bucketed", "?"), ("outline", "O")]
)
Within: TypeAlias = tuple[float, float] | None


async def spans(
    runs: Sequence[int], keys: Sequence[int], *, steps: Within = None, times: Within = None
) -> Mapping[tuple[int, int], NDArray[np.void]]:
    """
    By run and key what each segment covers, oldest first; no payload is touched.

    With `steps` or `times` at least those that have points between. Outlines are read at
    once: a second look at as many rows would take as long as the first one.
    """
    within, ends = "", list[int]()
    for axis, asked in (("step", steps), ("time", times)):
        if asked is not None:
            within += f" AND last_{axis} >= ? AND first_{axis} <= ?"
            ends += map(_whole, asked)
    rows = await tuples(
        f"SELECT {_SPAN}, outline IS NOT NULL, outline FROM segment"  # noqa: S608
        f" WHERE run IN ({marks(runs)}) AND key IN ({marks(keys)}){within}",
        *runs,
        *keys,
        *ends,
    )
    every = np.array([tuple(row) for row in rows], SPAN)
    every = every[np.lexsort((every["id"], every["key"], every["run"]))]
    new = (every["run"][1:] != every["run"][:-1]) | (every["key"][1:] != every["key"][:-1])
    parts = np.split(every, np.flatnonzero(new) + 1) if len(every) else []
    return {(int(of["run"][0]), int(of["key"][0])): of for of in parts}


async def blobs(runs: Sequence[int], ids: Sequence[int], column: str) -> Mapping[int, bytes]:
    """`payload` or `coarse` of these segments, by id."""
    found: dict[int, bytes] = {}
    for some in _parts(ids):
        rows = await tuples(
            f"SELECT id, {column} FROM {_found_by_id()}"  # noqa: S608
            f" WHERE run IN ({marks(runs)}) AND id IN ({marks(some)})",
            *runs,
            *some,
        )
        found.update((id_, held) for id_, held in rows)
    return found


def _found_by_id() -> str:
    """From three ids on, SQLite would rather look through all segments of the run."""
    return "segment" + indexed_by("sqlite_autoindex_segment_1")


def piece(key: int, payload: bytes) -> Piece:
    return Piece(key, *codec.unpack_segment(payload))


async def extents(run: int, keys: Sequence[int]) -> Sequence[tuple[int, int, int]]:
    """Key, first step and number of points of each segment, the furthest first."""
    rows = await select(
        "SELECT key, first_step, n FROM segment"  # noqa: S608
        f" WHERE run = ? AND key IN ({marks(keys)}) ORDER BY first_step DESC",
        run,
        *keys,
    )
    return [(row["key"], row["first_step"], row["n"]) for row in rows]


async def due(run: int, *, many: int, quiet_before: int) -> Sequence[int]:
    """Keys with so many segments as the fold left them, or with none that is newer than that id."""
    rows = await select(
        "SELECT key FROM segment WHERE run = ? AND level = 0 GROUP BY key"
        " HAVING count(*) >= ? OR max(id) < ?",
        run,
        many,
        quiet_before,
    )
    return [row["key"] for row in rows]


async def shapes(run: int, keys: Sequence[int]) -> Sequence[Extent]:
    """All segments of these columns, column by column, oldest first."""
    rows = await select(
        "SELECT id, key, level, n, length(payload) AS bytes FROM segment"  # noqa: S608
        f" WHERE run = ? AND key IN ({marks(keys)}) ORDER BY key, id",
        run,
        *keys,
    )
    return [Extent(**row) for row in rows]


async def pieces(run: int, ids: Sequence[int]) -> Mapping[int, Piece]:
    """By id; what is not there any more is left out."""
    found: dict[int, Row] = {}
    for some in _parts(ids):
        rows = await select(
            f"SELECT id, key, payload FROM {_found_by_id()}"  # noqa: S608
            f" WHERE run = ? AND id IN ({marks(some)})",
            run,
            *some,
        )
        found.update({row["id"]: row for row in rows})
    return await asyncio.to_thread(_by_id, found)


async def replace(run: int, old: Sequence[Extent], rows: Sequence[Row]) -> bool:
    """Put `rows` in the place of others. False when one of them has changed: keep nothing then."""
    gone = levels = 0
    for some in _parts(old):
        deleted = await select(
            "DELETE FROM segment"  # noqa: S608
            f" WHERE run = ? AND id IN ({marks(some)}) RETURNING level",
            run,
            *(each.id for each in some),
        )
        gone += len(deleted)
        levels += sum(row["level"] for row in deleted)
    # A level only ever rises, so equal sums are equal levels.
    if (gone, levels) != (len(old), sum(each.level for each in old)):
        return False
    await insert(rows)
    return True


async def leave(run: int, ids: Sequence[int]) -> None:
    """They are not waiting to be merged."""
    for some in _parts(ids):
        await execute(
            "UPDATE segment SET level = 1"  # noqa: S608
            f" WHERE run = ? AND level = 0 AND id IN ({marks(some)})",
            run,
            *some,
        )


def _parts(values: Sequence[T]) -> Iterable[Sequence[T]]:
    return (values[at : at + VALUES_MAX] for at in range(0, len(values), VALUES_MAX))


def _by_id(rows: Mapping[int, Row]) -> Mapping[int, Piece]:
    return {
        id_: Piece(row["key"], *codec.unpack_segment(row["payload"])) for id_, row in rows.items()
    }


def _content(piece: Piece) -> Row:
    if len(piece.steps) <= FEW:
        return _content_of_few(piece)
    numbers = piece.values.dtype.kind != "O"
    values = piece.values.astype("f8") if numbers else np.empty(0)
    finite = values[np.isfinite(values)]
    some = len(finite) > 0
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(finite.sum())
    outline, fine = coarse.levels(piece.steps, piece.times, piece.values)
    return {
        "first_step": int(piece.steps[0]),
        "last_step": int(piece.steps[-1]),
        "first_time": int(piece.times.min()),
        "last_time": int(piece.times.max()),
        "n": len(piece.steps),
        "n_nan": int(np.isnan(values).sum()),
        "vfirst": _finite(values[0]) if numbers else None,
        "vlast": _finite(values[-1]) if numbers else None,
        "vmin": float(finite.min()) if some else None,
        "vmax": float(finite.max()) if some else None,
        "vsum": total if some else None,
        "outline": outline,
        "coarse": fine,
        "payload": codec.pack_segment(piece.steps, piece.times, piece.values),
    }


def _content_of_few(piece: Piece) -> Row:
    """The same without arrays: a fold of a hundred thousand metrics makes as many segments."""
    steps, times = piece.steps.tolist(), piece.times.tolist()
    numbers = piece.values.dtype.kind != "O"
    values = [float(value) for value in piece.values.tolist()] if numbers else []
    finite = [value for value in values if isfinite(value)]
    return {
        "first_step": steps[0],
        "last_step": steps[-1],
        "first_time": min(times),
        "last_time": max(times),
        "n": len(steps),
        "n_nan": sum(map(isnan, values)),
        "vfirst": _finite(values[0]) if numbers else None,
        "vlast": _finite(values[-1]) if numbers else None,
        "vmin": min(finite, default=None),
        "vmax": max(finite, default=None),
        "vsum": sum(finite) if finite else None,
        "outline": None,
        "coarse": None,
        "payload": codec.pack_segment(piece.steps, piece.times, piece.values),
    }


def _finite(value: Any) -> float | None:
    return float(value) if isfinite(value) else None
