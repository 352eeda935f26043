"""What runs have in common, and what their lines say together (pure)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from api.analysis import Group, GroupKey, Smoothing
from api.conditions import Attribute, Param, Tag
from api.domain.smoothing import gapped, smoothed
from api.records import Column, Line, Run
from api.storage.database import as_json
from api.storage.terms import spelled
from runvane.wire import FLOAT_EXACT_MAX


def value_of(run: Run, key: GroupKey) -> Any:
    """What the run has; None where it has no such."""
    if isinstance(key, Param | Tag):
        return (run.params if isinstance(key, Param) else run.tags).get(key.key)
    value = getattr(run, key.value)
    # As filters say it.
    return value.value if key is Attribute.STATUS else value


def alike(values: Sequence[Any]) -> Sequence[str | None]:
    """The same for what reads the same: 64, 64.0 and "64" are one."""
    return [
        None if value is None else text if (text := spelled(value)) is not None else as_json(value)
        for value in values
    ]


def place(value: Any) -> tuple[bool, bool, float, str]:
    """Where a group of that value stands among others: numbers first, those without one last."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return False, False, value, ""
    return value is None, True, 0, alike([value])[0] or ""


def statistics(table: NDArray[np.float64]) -> Mapping[str, NDArray[Any]]:
    """
    n, mean, median, std and stderr of each row; NaN is no value, infinities there are none.

    Of a row without values all are 0; std and stderr are 0 for a single one, too.
    """
    known = ~np.isnan(table)
    n = known.sum(axis=1)
    some, values = np.maximum(n, 1), np.where(known, table, 0.0)
    # By a power of two, which changes no digit: else large squares leave the range of numbers.
    _, power = np.frexp(np.abs(values).max(axis=1, initial=0.0))
    values = np.ldexp(values, -power[:, None])
    inside = np.where(known, values, np.inf)
    low = np.where(n > 0, inside.min(axis=1, initial=np.inf), 0.0)
    high = np.where(known, values, -np.inf).max(axis=1, initial=-np.inf)
    # Rounding would leave the extent: three times 0.1 is more than 0.3.
    mean = np.minimum(np.maximum(values.sum(axis=1) / some, low), np.maximum(high, low))
    away = np.where(known, values - mean[:, None], 0.0)
    std = np.sqrt((away**2).sum(axis=1) / np.maximum(n - 1, 1))
    rows, in_order = np.arange(len(table)), np.sort(inside, axis=1)
    if table.shape[1]:
        middle = (in_order[rows, (some - 1) // 2] + in_order[rows, n // 2 * (n > 0)]) / 2
    else:
        middle = np.zeros(len(table))
    with np.errstate(over="ignore"):
        std = np.ldexp(std, power)
    return {
        "n": n,
        "mean": np.ldexp(mean, power),
        "median": np.ldexp(np.where(n > 0, middle, 0.0), power),
        "std": std,
        "stderr": std / np.sqrt(some),
    }


def grouped(values: Sequence[Any], lines: Sequence[Line], how: Smoothing | None) -> Group:
    """At least one line; all are over one x."""
    table = np.stack([line.mean.astype("f8") for line in lines], axis=1)
    found = statistics(table)
    known, several = found["n"] > 0, found["n"] > 1
    mean = gapped(found["mean"], known)
    return Group(
        values=values,
        runs=[line.run for line in lines],
        n=found["n"],
        mean=mean,
        median=gapped(found["median"], known),
        min=_extreme([line.min for line in lines], -1),
        max=_extreme([line.max for line in lines], 1),
        std=gapped(found["std"], several),
        stderr=gapped(found["stderr"], several),
        smoothed=smoothed([mean], how)[0] if how else None,
    )


def _extreme(columns: Sequence[Column], sign: int) -> Column:
    """The greatest value at each place, or with -1 the least one; large integers stay whole."""
    table = np.stack([column.astype("f8") for column in columns], axis=1)
    known = ~np.isnan(table)
    large = np.abs(table).max(initial=0, where=known) >= FLOAT_EXACT_MAX
    if large and any(each.dtype.kind != "f" for each in columns):
        return _whole_extreme(columns, sign)
    most = np.where(known, sign * table, -np.inf).max(axis=1)
    return gapped(sign * most, most > -np.inf)


def _whole_extreme(columns: Sequence[Column], sign: int) -> Column:
    choose = max if sign > 0 else min
    made = np.full(len(columns[0]), None, dtype=object)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for place, row in enumerate(rows):
        made[place] = choose((value for value in row if value is not None), default=None)
    return made
