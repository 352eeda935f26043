"""
Lines over one x made smooth (pure).

What is smoothed stands beside what is there, and a gap stays a gap. Exponential is the
moving average that TensorBoard draws: each value has its weight taken off the
average so far, which is divided by all weights given, so that a line does not begin at 0;
see `classicSmoothing` in tensorboard/webapp/widgets/line_chart_v2/data_transformer.ts. The other
two are means of the places around each, each place with its weight.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from api.analysis import Method, Smoothing
from api.errors import Invalid
from api.records import Column

# Of more a line of 5,000 places takes longer than it is worth.
GAUSSIAN_MAX = 50
MEAN_MAX = 501
# What is further away weighs less than a thousandth.
DEVIATIONS = 4


def checked(how: Smoothing) -> None:
    """Refuse with `Invalid` what is no smoothing."""
    amount = how.amount
    if how.method is Method.EXPONENTIAL and not 0 <= amount < 1:
        raise Invalid("the weight of ema is at least 0 and less than 1")
    if how.method is Method.GAUSSIAN and not 0 < amount <= GAUSSIAN_MAX:
        raise Invalid(f"gaussian is greater than 0 and at most {GAUSSIAN_MAX} places")
    if how.method is Method.MEAN and not (1 <= amount <= MEAN_MAX and amount % 2 == 1):
        raise Invalid(f"mean is an odd number of places, at most {MEAN_MAX}")


def smoothed(columns: Sequence[Column], how: Smoothing) -> Sequence[Column]:
    """Columns of one length, of finite values and None; no value leaves its column's extent."""
    if not columns or not len(columns[0]):
        return [np.empty(0) for _ in columns]
    table = np.stack([column.astype("f8") for column in columns], axis=1)
    known = ~np.isnan(table)
    values = np.where(known, table, 0.0)
    if how.method is Method.EXPONENTIAL:
        made = _exponential(values, known, how.amount)
    else:
        kernel = _kernel(how, len(table))
        made = np.stack(
            [_around(values[:, n], known[:, n], kernel) for n in range(table.shape[1])], axis=1
        )
    # Rounding alone would leave it; so a constant line stays what it is.
    low = np.where(known, table, np.inf).min(axis=0)
    high = np.where(known, table, -np.inf).max(axis=0)
    made = np.minimum(np.maximum(made, low), high)
    return [gapped(made[:, n], known[:, n]) for n in range(table.shape[1])]


def gapped(values: NDArray[Any], known: NDArray[np.bool_]) -> Column:
    """None where nothing is known."""
    if known.all():
        return values
    column = np.full(len(values), None, dtype=object)
    column[known] = values[known]
    return column


def _exponential(
    values: NDArray[np.float64], known: NDArray[np.bool_], weight: float
) -> NDArray[np.float64]:
    """Over a gap the average stays."""
    made = (1 - weight) * values
    stays = np.where(known, weight, 1.0)
    for place in range(1, len(made)):
        made[place] += stays[place] * made[place - 1]
    return made / (1 - weight ** np.maximum(known.cumsum(axis=0), 1))


def _kernel(how: Smoothing, places: int) -> NDArray[np.float64]:
    """The weight of each place around one; their sum is 1."""
    if how.method is Method.MEAN:
        reach = int(how.amount) // 2
    else:
        reach = math.ceil(DEVIATIONS * how.amount)
    reach = min(reach, places - 1)
    away = np.arange(-reach, reach + 1)
    even = how.method is Method.MEAN
    weights = np.ones(len(away)) if even else np.exp(-0.5 * (away / how.amount) ** 2)
    return weights / weights.sum()


def _around(
    values: NDArray[np.float64], known: NDArray[np.bool_], kernel: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The mean of what is known around each place."""
    reach = len(kernel) // 2
    inner = slice(reach, reach + len(values))
    weights = np.convolve(known.astype("f8"), kernel)[inner]
    # A place of its own always has weight.
    return np.convolve(values, kernel)[inner] / np.where(known, weights, 1.0)
