"""
Blocks → segments and what is known of each column (pure).

Every point of every column comes out once: in the order of (step, time), points
of one place in the order in which they came.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from api.records import Block, Column, MetricKind
from api.storage.keys import metric_key
from api.storage.metrics import Flag, Tally
from api.storage.segments import FEW, Piece
from runvane.wire import FLOAT_EXACT_MAX, INTEGER_MAX


@dataclass(frozen=True, slots=True)
class Folded:
    pieces: Sequence[Piece]
    tallies: Sequence[Tally]
    # The kinds that each metric was logged with, in the order in which they came.
    kinds: Mapping[str, Sequence[MetricKind]]


def folded(experiment: int, blocks: Iterable[Block]) -> Folded:
    """Positions count from 0 in each metric here, and are moved behind what is known already."""
    points: dict[tuple[str, str], list[tuple[Column, Column, Column]]] = {}
    kinds: dict[str, dict[MetricKind, None]] = {}
    for block in blocks:
        if any(map(_holds, block.columns.values())):
            # Else it says nothing of its kind, whatever it is folded together with.
            kinds.setdefault(block.name, {})[block.kind] = None
        for name, column in block.columns.items():
            points.setdefault((block.name, name), []).append((block.steps, block.times, column))
    pieces: list[Piece] = []
    tallies: list[Tally] = []
    places: dict[str, int] = {}
    for (metric, column), parts in points.items():
        typed = typed_points(parts)
        if typed:
            key = metric_key(experiment, metric, column)
            pieces += [Piece(key, *each) for each in typed]
            place = places[metric] = places.get(metric, -1) + 1
            kind = next(iter(kinds[metric]))
            tallies.append(_tally(key, metric, column, place, kind, typed))
    return Folded(pieces, tallies, {name: list(of) for name, of in kinds.items()})


def _holds(column: Column) -> bool:
    return column.dtype.kind != "O" or any(value is not None for value in column)


def typed_points(
    parts: Iterable[tuple[Column, Column, Column]],
) -> Sequence[tuple[Column, Column, Column]]:
    """Steps, times and values by type of value, each sorted; gaps are left out."""
    by_type: dict[str, list[tuple[Column, Column, Column]]] = {}
    for steps, times, values in parts:
        for code, chosen, of_type in _by_type(values):
            part = steps[chosen], times[chosen], of_type
            if len(of_type):
                by_type.setdefault(code, []).append(part)
    return [_sorted(of) for of in by_type.values()]


def merged(old: Tally | None, new: Tally) -> Tally:
    """Of both: what was known, and what is new."""
    if old is None:
        return new
    both = replace(old, n=old.n + new.n, n_finite=old.n_finite + new.n_finite)
    both.vsum = _number(old.vsum + new.vsum)
    if (new.last_step, new.last_time) >= (old.last_step, old.last_time):
        both.flag, both.vlast = new.flag, new.vlast
        both.last_step, both.last_time = new.last_step, new.last_time
    if new.first_step is not None and (old.vfirst is None or _first(new) < _first(old)):
        both.vfirst, both.first_step, both.first_time = new.vfirst, new.first_step, new.first_time
    if _lower((new.vmin, new.min_step), (old.vmin, old.min_step), 1):
        both.vmin, both.min_step = new.vmin, new.min_step
    if _lower((new.vmax, new.max_step), (old.vmax, old.max_step), -1):
        both.vmax, both.max_step = new.vmax, new.max_step
    return both


def _summed(values: Column) -> float:
    if len(values) <= FEW:
        return _number(sum(values.tolist(), 0.0))
    with np.errstate(over="ignore", invalid="ignore"):
        return _number(float(values.sum()))


def _number(total: float) -> float:
    """Infinite once it left the range of numbers: SQLite keeps no NaN."""
    return math.inf if math.isnan(total) else total


def _first(tally: Tally) -> tuple[float, float]:
    # Rows from before these columns were kept do not say where their first value stands.
    if tally.first_step is None or tally.first_time is None:
        return (-np.inf, -np.inf)
    return (tally.first_step, tally.first_time)


def _lower(
    new: tuple[float | None, int | None], old: tuple[float | None, int | None], sign: int
) -> bool:
    """A better value, or the same at an earlier step."""
    if new[0] is None or new[1] is None:
        return False
    if old[0] is None or old[1] is None:
        return True
    return (sign * new[0], new[1]) < (sign * old[0], old[1])


def _by_type(values: Column) -> Iterable[tuple[str, Any, Column]]:
    if values.dtype.kind != "O":
        yield values.dtype.kind, slice(None), values
        return
    # A whole number among fractions is one too, where it can be without loss.
    fractions = any(isinstance(value, float) for value in values)
    codes = np.array([_code(value, fractions=fractions) for value in values])
    for code in "fisb":
        chosen = np.flatnonzero(codes == code)
        if len(chosen):
            yield code, chosen, values[chosen].astype({"f": "f8", "i": "i8"}.get(code, "O"))


def _code(value: Any, *, fractions: bool) -> str:
    if isinstance(value, bool):
        return "b"
    if isinstance(value, int):
        small = abs(value) <= FLOAT_EXACT_MAX
        return "f" if abs(value) > INTEGER_MAX or (small and fractions) else "i"
    if isinstance(value, float):
        return "f"
    return "s" if isinstance(value, str) else ""


def _sorted(
    parts: Sequence[tuple[Column, Column, Column]],
) -> tuple[Column, Column, Column]:
    steps, times, values = (_joined(column) for column in zip(*parts, strict=True))
    if len(steps) == 1 or (steps[1:] > steps[:-1]).all():
        return steps, times, values
    order = np.lexsort((times, steps))
    return steps[order], times[order], values[order]


def _tally(
    key: int,
    metric: str,
    column: str,
    position: int,
    kind: MetricKind,
    typed: Sequence[tuple[Column, Column, Column]],
) -> Tally:
    steps, times = (_joined([each[n] for each in typed]) for n in (0, 1))
    values = _joined([_floats(each[2]) for each in typed])
    latest = [_flag(each[2][-1]) for each in typed]
    if len(typed) > 1:
        # Numbers, texts and booleans in turns.
        flags = np.repeat(latest, [len(each[2]) for each in typed])
        order = np.lexsort((times, steps))
        steps, times, values = steps[order], times[order], values[order]
        latest = [int(flags[order[-1]])]
        if latest[0] < Flag.TEXT:
            latest = [_flag(values[-1])]
    known = np.isfinite(values)
    finite, at, first_at = values, steps, 0
    if not known.all():
        places = np.flatnonzero(known)
        finite, at = values[places], steps[places]
        first_at = int(places[0]) if len(places) else 0
    some = len(finite) > 0
    low, high = (int(finite.argmin()), int(finite.argmax())) if some else (0, 0)
    return Tally(
        key=key,
        metric=metric,
        column=column,
        position=position,
        kind=kind,
        n=len(steps),
        n_finite=len(finite),
        flag=latest[-1],
        vfirst=float(finite[0]) if some else None,
        vlast=float(values[-1]) if latest[-1] == Flag.FINITE else None,
        vmin=float(finite[low]) if some else None,
        vmax=float(finite[high]) if some else None,
        vsum=_summed(finite),
        first_step=int(at[0]) if some else None,
        first_time=int(times[first_at]) if some else None,
        last_step=int(steps[-1]),
        last_time=int(times[-1]),
        min_step=int(at[low]) if some else None,
        max_step=int(at[high]) if some else None,
    )


def _floats(values: Column) -> NDArray[np.float64]:
    if values.dtype.kind == "O":
        return np.full(len(values), np.nan)
    return values.astype("f8", copy=False)


def _joined(columns: Sequence[Column]) -> Column:
    return columns[0] if len(columns) == 1 else np.concatenate(columns)


def _flag(value: Any) -> int:
    if isinstance(value, bool):
        return Flag.BOOLEAN
    if isinstance(value, str):
        return Flag.TEXT
    if math.isnan(value):
        return Flag.NAN
    if math.isfinite(value):
        return Flag.FINITE
    return Flag.INFINITY if value > 0 else Flag.MINUS_INFINITY
