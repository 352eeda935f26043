"""
What Azure's structured metrics say: a confusion matrix, the curves of an accuracy table,
residuals, and predicted against true values. Pure: JSON in, numbers to draw and to list out.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from web.texts import text

Array: TypeAlias = NDArray[np.float64]
Points: TypeAlias = Sequence[tuple[float, float]]
KINDS = ("CONFUSION_MATRIX", "ACCURACY_TABLE", "RESIDUALS", "PREDICTIONS")
# More is no picture any more: of a matrix those classes that are mistaken most, else the first.
MATRIX_MAX = 30
LINES_MAX = 20
ROWS_MAX = 500
COUNTS = 4
# Of what is larger, differences and sums are no finite numbers any more.
SIZE_MAX = 1e100


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    points: Points
    # Which of the colours; `shown`: before somebody chose others.
    colour: int = 0
    note: str = ""
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Bar:
    left: float
    right: float
    count: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`kind` is a part of the keys of its words; `rows` say the same as a table."""

    kind: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    lines: Sequence[Line] = ()
    bars: Sequence[Bar] = ()
    # The outline of what is uncertain around a line, and the line of what would be perfect.
    band: Points = ()
    guide: Points = ()
    # Every rate is between 0 and 1.
    is_rate: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Each row is a true class, each column what it was taken for."""

    labels: Sequence[str]
    counts: Sequence[Sequence[float]]
    shares: Sequence[Sequence[float]]
    note: str = ""
    kind: str = "matrix"


def figures_of(kind: str, value: Any) -> Sequence[Figure | Matrix]:
    """Nothing where it is not what its kind says: then it is shown as it was logged."""
    try:
        said = json.loads(value) if isinstance(value, str) else value
        return _READERS[kind](said.get("data", said))
    except (AttributeError, ValueError, TypeError, LookupError, OverflowError, RecursionError):
        return ()


def _matrix(data: Mapping[str, Any]) -> Sequence[Matrix]:
    counts, labels = _numbers(data["matrix"]), _labels(data)
    if counts.shape != (len(labels), len(labels)) or not labels:
        raise ValueError("a matrix has a row and a column for each class")
    note, every = "", len(labels)
    # What is right is no reason to show a class before others.
    if every > MATRIX_MAX:
        wrong = counts.sum(0) + counts.sum(1) - 2 * counts.diagonal()
        kept = np.sort(np.argsort(-wrong, kind="stable")[:MATRIX_MAX])
        note = text("figure.matrix.some", shown=MATRIX_MAX, count=every)
        shares = _shares(counts)[np.ix_(kept, kept)]
        counts, labels = counts[np.ix_(kept, kept)], [labels[int(each)] for each in kept]
    else:
        shares = _shares(counts)
    return [Matrix(labels=labels, counts=counts.tolist(), shares=shares.tolist(), note=note)]


def _shares(counts: Array) -> Array:
    return _ratio(counts, counts.sum(1, keepdims=True), 0.0)


def _accuracy_table(data: Mapping[str, Any]) -> Sequence[Figure]:
    labels = _labels(data)
    chances = _Table.of(data["probability_tables"], data["probability_thresholds"], len(labels))
    ranked = chances
    if data.get("percentile_tables"):
        ranked = _Table.of(data["percentile_tables"], data["percentile_thresholds"], len(labels))
    return [
        _curves("roc", labels, chances, _roc, guide=[(0, 0), (1, 1)]),
        _curves("precision_recall", labels, chances, _precision_recall),
        _curves("calibration", labels, chances, _calibration, guide=[(0, 0), (1, 1)]),
        _curves("gain", labels, ranked, _gain, guide=[(0, 0), (1, 1)]),
        _curves("lift", labels, ranked, _lift, guide=[(0, 1), (1, 1)]),
    ]


@dataclass(frozen=True, slots=True)
class _Table:
    """Of each class and threshold, in falling order, what came out."""

    tp: Array
    fp: Array
    tn: Array
    fn: Array
    thresholds: Array

    @classmethod
    def of(cls, counts: Any, thresholds: Any, classes: int) -> "_Table":
        read, limits = _numbers(counts), _numbers(thresholds)
        if read.shape != (classes, len(limits), COUNTS) or not read.size:
            raise ValueError("a table has four counts for each class and threshold")
        # Thresholds of chances fall and percentiles rise, as more is called positive.
        called = (read[:, :, 0] + read[:, :, 1]).sum(0)
        order = np.lexsort((-limits, called))
        tp, fp, tn, fn = (read[:, order, place] for place in range(COUNTS))
        return cls(tp, fp, tn, fn, limits[order])

    def pooled(self) -> "_Table":
        """All classes as if they were one."""
        tp, fp, tn, fn = (
            each.sum(0, keepdims=True) for each in (self.tp, self.fp, self.tn, self.fn)
        )
        return _Table(tp, fp, tn, fn, self.thresholds)

    @property
    def called(self) -> Array:
        """The share that is called positive."""
        return _ratio(self.tp + self.fp, self.tp + self.fp + self.tn + self.fn, np.nan)

    @property
    def recall(self) -> Array:
        return _ratio(self.tp, self.tp + self.fn, np.nan)

    @property
    def support(self) -> Array:
        """How many of each class there are."""
        return (self.tp + self.fn)[:, 0]


Rates: TypeAlias = Callable[[_Table], tuple[Array, Array]]


def _roc(table: _Table) -> tuple[Array, Array]:
    return _ratio(table.fp, table.fp + table.tn, np.nan), table.recall


def _precision_recall(table: _Table) -> tuple[Array, Array]:
    # Who calls nothing positive is never wrong.
    return table.recall, _ratio(table.tp, table.tp + table.fp, 1.0)


def _gain(table: _Table) -> tuple[Array, Array]:
    return table.called, table.recall


def _lift(table: _Table) -> tuple[Array, Array]:
    return table.called, _ratio(table.recall, table.called, np.nan)


def _calibration(table: _Table) -> tuple[Array, Array]:
    """Between two thresholds: the middle of the chances, and how often it was so."""
    middles = (table.thresholds[1:] + table.thresholds[:-1]) / 2
    is_so = np.diff(table.tp, axis=1)
    said = is_so + np.diff(table.fp, axis=1)
    return np.broadcast_to(middles, said.shape), _ratio(is_so, said, np.nan)


def _curves(
    kind: str, labels: Sequence[str], table: _Table, rates: Rates, *, guide: Points = ()
) -> Figure:
    x, y = rates(table)
    named: list[tuple[str, Array, Array, float]] = []
    areas = np.array([_area(*each) for each in zip(x, y, strict=True)])
    if len(labels) > 1:
        one_x, one_y = (each[0] for each in rates(table.pooled()))
        named.append(("micro", one_x, one_y, _area(one_x, one_y)))
        for name, weights in (("macro", np.ones(len(labels))), ("weighted", table.support)):
            area = float(_mean(areas[:, None], weights)[0])
            named.append((name, _mean(x, weights), _mean(y, weights), area))
    averages = len(named)
    kept = labels[:LINES_MAX]
    named += zip(kept, x, y, map(float, areas), strict=False)
    lines: list[Line] = []
    rows: list[Sequence[Any]] = []
    for place, (name, across, up, area) in enumerate(named):
        shown = text(f"figure.{name}") if place < averages else name
        note = f"AUC {area:.3f}" if kind == "roc" and not math.isnan(area) else ""
        known = np.isfinite(across) & np.isfinite(up)
        points = list(zip(across[known].tolist(), up[known].tolist(), strict=True))
        lines.append(Line(shown, points, place % 8, note, place < averages or not averages))
        rows += [(shown, a, b) for a, b in points]
    note = ""
    if len(labels) > LINES_MAX:
        note = text("figure.lines.some", shown=LINES_MAX, count=len(labels))
    return Figure(
        kind=kind,
        lines=lines,
        columns=[text("figure.curve"), text(f"figure.{kind}.x"), text(f"figure.{kind}.y")],
        rows=rows[:ROWS_MAX],
        guide=guide,
        is_rate=kind != "lift",
        note=note,
    )


def _area(x: Array, y: Array) -> float:
    """Under a curve from corner to corner; not a number where there is none."""
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return float("nan")
    return float(np.trapezoid([0.0, *y, 1.0], [0.0, *x, 1.0]))


def _mean(values: Array, weights: Array) -> Array:
    """Over all classes that have a value there."""
    known = np.isfinite(values)
    weighed = np.where(known, weights[:, None], 0.0)
    return _ratio((np.where(known, values, 0.0) * weighed).sum(0), weighed.sum(0), np.nan)


def _residuals(data: Mapping[str, Any]) -> Sequence[Figure]:
    bars = _bars(data)
    told = [
        text(f"figure.residuals.{key}", value=f"{float(data[key]):.4g}")
        for key in ("mean", "stddev")
        if isinstance(data.get(key), int | float)
    ]
    return [
        Figure(
            kind="residuals",
            bars=bars,
            columns=[text("figure.from"), text("figure.to"), text("figure.count")],
            rows=[(each.left, each.right, each.count) for each in bars],
            note=" · ".join(told),
        )
    ]


def _predictions(data: Mapping[str, Any]) -> Sequence[Figure]:
    bars = _bars(data)
    means, errors = _numbers(data["bin_averages"]), _numbers(data["bin_errors"])
    if not len(means) == len(errors) == len(bars):
        raise ValueError("each bin has a mean and an error")
    bins = [
        ((bar.left + bar.right) / 2, mean, error, bar)
        for bar, mean, error in zip(bars, means.tolist(), errors.tolist(), strict=True)
        if bar.count
    ]
    band = [(x, mean + error) for x, mean, error, _ in bins]
    band += [(x, mean - error) for x, mean, error, _ in reversed(bins)]
    low, high = bars[0].left, bars[-1].right
    names = ("from", "to", "predictions.y", "error", "count")
    return [
        Figure(
            kind="predictions",
            lines=[Line(text("figure.mean"), [(x, mean) for x, mean, *_ in bins])],
            bars=bars,
            band=band,
            guide=[(low, low), (high, high)],
            columns=[text(f"figure.{name}") for name in names],
            rows=[(bar.left, bar.right, mean, error, bar.count) for _, mean, error, bar in bins],
        )
    ]


def _bars(data: Mapping[str, Any]) -> Sequence[Bar]:
    edges, counts = _numbers(data["bin_edges"]), _numbers(data["bin_counts"])
    if len(edges) != len(counts) + 1 or not len(counts) or (np.diff(edges) <= 0).any():
        raise ValueError("bins lie side by side")
    sides = edges.tolist()
    return [Bar(*each) for each in zip(sides, sides[1:], counts.tolist(), strict=False)]


def _labels(data: Mapping[str, Any]) -> list[str]:
    return [str(each) for each in data["class_labels"]]


def _numbers(values: Any) -> Array:
    found = np.asarray(values, dtype=np.float64)
    if not (np.abs(found) <= SIZE_MAX).all():
        raise ValueError("what is not finite, or nearly so, has no place in a picture")
    return found


def _ratio(part: Array, whole: Array, otherwise: float) -> Array:
    """`otherwise` where there is nothing to divide by."""
    part, whole = np.broadcast_arrays(part, whole)
    whole = whole.astype(np.float64)
    found = np.full(whole.shape, otherwise)
    return np.divide(part, whole, out=found, where=whole != 0)


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Sequence[Figure | Matrix]]] = {
    "CONFUSION_MATRIX": _matrix,
    "ACCURACY_TABLE": _accuracy_table,
    "RESIDUALS": _residuals,
    "PREDICTIONS": _predictions,
}
