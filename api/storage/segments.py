"""Folded points: one segment is some points of one column of one run."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from api.records import Column
from api.storage import codec
from api.storage.database import execute_many, marks, select
from api.storage.keys import new_key
from runvane.wire import INTEGER_MAX

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """Points in the order of (step, time); values of one type, without gaps."""

    key: int
    steps: Column
    times: Column
    values: Column


def rows_of(run: int, pieces: Iterable[Piece]) -> Sequence[Row]:
    """What `insert` takes; it takes time, and no database."""
    return [_row(run, piece) for piece in pieces]


async def insert(rows: Sequence[Row]) -> None:
    if rows:
        names = ", ".join(rows[0])
        await execute_many(
            f"INSERT INTO segment ({names}) VALUES ({marks(list(rows[0]))})",  # noqa: S608
            [list(row.values()) for row in rows],
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
    return int(min(max(step, -INTEGER_MAX), INTEGER_MAX))


async def extents(run: int, keys: Sequence[int]) -> Sequence[tuple[int, int, int]]:
    """Key, first step and number of points of each segment, the furthest first."""
    rows = await select(
        "SELECT key, first_step, n FROM segment"  # noqa: S608
        f" WHERE run = ? AND key IN ({marks(keys)}) ORDER BY first_step DESC",
        run,
        *keys,
    )
    return [(row["key"], row["first_step"], row["n"]) for row in rows]


def _row(run: int, piece: Piece) -> Row:
    numbers = piece.values.dtype.kind != "O"
    values = piece.values.astype("f8") if numbers else np.empty(0)
    finite = values[np.isfinite(values)]
    some = len(finite) > 0
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(finite.sum())
    return {
        "id": new_key(),
        "run": run,
        "key": piece.key,
        "level": 0,
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
        "payload": codec.pack_segment(piece.steps, piece.times, piece.values),
    }


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
