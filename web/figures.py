"""Where the parts of a structured metric's picture stand: an SVG of one size, styled by class."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from web.formats import number
from web.render import slug
from web.structured import Figure, Matrix, Points, figures_of
from web.texts import spoken

WIDTH, HEIGHT = 360, 224
LEFT, RIGHT, TOP, BOTTOM = 40, 10, 8, 36
# Of a matrix, whose labels stand beside it and below.
SIDE, BELOW = 84, 48
# A character of the small type is as wide and as high.
LETTER, LINE_HEIGHT = 6.1, 12
TICKS = 5
EXTENT_MIN = 1e-300
# A histogram below a line does not reach into it.
FLOOR = 0.3


@dataclass(frozen=True, slots=True)
class Scale:
    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        part = (value - self.low) / (self.high - self.low)
        return round(self.start + part * (self.end - self.start), 1)

    @property
    def ticks(self) -> Sequence[Mapping[str, Any]]:
        step = _step(self.high - self.low)
        first = math.ceil(self.low / step - 1e-9)
        found = [(first + i) * step for i in range(TICKS * 2)]
        inside = [each for each in found if each <= self.high + step * 1e-9]
        return [{"at": self(each), "words": number(float(f"{each:.6g}"))} for each in inside]


def drawn(metric: str, kind: str, value: Any) -> Sequence[Mapping[str, Any]]:
    """The pictures of one metric; another value makes others, by other names."""
    return _drawn(metric, kind, str(value), spoken())


# While a run goes on its page is drawn again and again, and these stay as they are.
@lru_cache(maxsize=64)
def _drawn(metric: str, kind: str, value: str, language: str) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "id": f"figure-{slug(f'{metric} {each.kind} {value}')}",
            "kind": each.kind,
            "note": each.note,
            "picture": _matrix(each) if isinstance(each, Matrix) else _plot(each),
            "table": _table(each),
        }
        for each in figures_of(kind, value)
    ]


def _plot(figure: Figure) -> Mapping[str, Any]:
    x, y = _scales(figure)
    most = max((bar.count for bar in figure.bars), default=0) or 1
    # Bars alone have the axis for themselves.
    height = (y.start - y.end) * (FLOOR if figure.lines else 1)
    top = most if figure.lines else y.high
    bars: list[Mapping[str, Any]] = []
    for bar in figure.bars:
        tall = round(bar.count / top * height, 1)
        left, width = x(bar.left), max(0.5, x(bar.right) - x(bar.left) - 1)
        words = f"{number(bar.left)} … {number(bar.right)}: {number(bar.count)}"
        place = {"x": left, "width": round(width, 1), "y": round(y.start - tall, 1)}
        bars.append({**place, "height": tall, "words": words})
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "x": x,
        "y": y,
        "lines": [{"line": each, "path": _path(each.points, x, y)} for each in figure.lines],
        "dots": [(x(a), y(b)) for each in figure.lines for a, b in each.points]
        if figure.kind == "predictions"
        else [],
        "bars": bars,
        "band": _path(figure.band, x, y),
        "guide": _path(figure.guide, x, y),
        "zero": x(0) if figure.kind == "residuals" and x.low < 0 < x.high else None,
    }


def _scales(figure: Figure) -> tuple[Scale, Scale]:
    across, up = (LEFT, WIDTH - RIGHT), (HEIGHT - BOTTOM, TOP)
    if figure.is_rate:
        return Scale(0, 1, *across), Scale(0, 1, *up)
    points = [*figure.guide, *figure.band, *(at for line in figure.lines for at in line.points)]
    xs = [a for a, _ in points] + [side for bar in figure.bars for side in (bar.left, bar.right)]
    ys = [b for _, b in points] or [bar.count for bar in figure.bars]
    low = min(ys) if figure.kind == "predictions" else 0.0
    return Scale(*_apart(min(xs), max(xs)), *across), Scale(*_apart(low, max(ys)), *up)


def _apart(low: float, high: float) -> tuple[float, float]:
    """Never the same, nor so close that nothing is between them."""
    if high - low < EXTENT_MIN:
        return low, low + 1
    return low, high


def _step(extent: float) -> float:
    rough = extent / TICKS
    power = 10 ** math.floor(math.log10(rough))
    return power * next(each for each in (1, 2, 2.5, 5, 10) if each * power >= rough * 0.999)


def _path(points: Points, x: Scale, y: Scale) -> str:
    return "M" + "L".join(f"{x(a)} {y(b)}" for a, b in points) if len(points) > 1 else ""


def _matrix(matrix: Matrix) -> Mapping[str, Any]:
    count = len(matrix.labels)
    wide = (WIDTH - SIDE - RIGHT) / count
    high = min(wide, max(LINE_HEIGHT, 168 / count))
    most = max(max(row) for row in matrix.counts) or 1
    views: dict[str, list[Mapping[str, Any]]] = {"raw": [], "normalised": []}
    for i, (counts, shares) in enumerate(zip(matrix.counts, matrix.shares, strict=True)):
        for j, (value, share) in enumerate(zip(counts, shares, strict=True)):
            place = {"x": round(SIDE + j * wide, 1), "y": round(TOP + i * high, 1)}
            pair = {"true": matrix.labels[i], "predicted": matrix.labels[j]}
            for view, words, part in (
                ("raw", number(value), value / most),
                ("normalised", f"{share:.2f}", share),
            ):
                fits = len(words) * LETTER <= wide - 2 and high >= LINE_HEIGHT
                cell = {**place, **pair, "part": round(part, 3), "words": words, "fits": fits}
                views[view].append(cell)
    return {
        "width": WIDTH,
        "height": round(TOP + count * high + BELOW, 1),
        "cell": {"width": round(wide - 1, 1), "height": round(high - 1, 1)},
        "views": views,
        "rows": _labels(matrix.labels, high, SIDE - 22),
        "columns": _labels(matrix.labels, wide, wide),
        "side": SIDE,
        "bottom": round(TOP + count * high, 1),
        "top": TOP,
    }


def _labels(labels: Sequence[str], extent: float, room: float) -> Sequence[Mapping[str, Any]]:
    """As many as have a place of their own, each as long as it fits."""
    every = math.ceil(max(LINE_HEIGHT, LETTER * 2) / extent)
    letters = max(2, int(room * every / LETTER))
    return [
        {
            "at": round((i + 0.5) * extent, 1),
            "words": label if len(label) <= letters else f"{label[: letters - 1]}…",
            "whole": label,
        }
        for i, label in enumerate(labels)
        if i % every == 0
    ]


def _table(figure: Figure | Matrix) -> Mapping[str, Any]:
    if isinstance(figure, Figure):
        return {"columns": figure.columns, "rows": figure.rows}
    rows = [
        (label, *(f"{number(count)} ({share:.0%})" for count, share in zip(*row, strict=True)))
        for label, row in zip(
            figure.labels, zip(figure.counts, figure.shares, strict=True), strict=True
        )
    ]
    return {"columns": ["", *figure.labels], "rows": rows}
