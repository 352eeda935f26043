"""Which picture a metric gets: its kind and its numeric columns, in the order logged, decide."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from starlette.datastructures import QueryParams

from web.documents import Answer
from web.render import parted, slug
from web.structured import KINDS
from web.texts import text

# In the address, before the metric that x is.
BY_METRIC = "metric:"
Picture = Literal["line", "pair", "tile", "table", "figure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    metric: str
    kind: str
    picture: Picture
    # What is drawn upwards, and for a pair what is drawn to the right.
    column: str = "value"
    x_column: str | None = None
    last: Any = None
    last_step: Any = None

    @property
    def id(self) -> str:
        """A name for the page; another picture of the same metric is another element."""
        return f"{self.picture}-{slug(self.metric)}"

    @property
    def prefix(self) -> str:
        head, slash, _ = self.metric.partition("/")
        return head if slash else ""

    @property
    def label(self) -> tuple[str, str]:
        return parted(self.metric)


def chart_of(metric: Answer) -> Chart:
    columns = metric["columns"]
    numeric = [column for column in columns if column["type"] == "NUMBER"]
    plain = len(numeric) == len(columns)
    name, kind = metric["name"], metric["kind"]
    if kind in KINDS:
        return Chart(metric=name, kind=kind, picture="figure")
    if kind in ("SCALAR", "LIST") and plain and len(columns) == 1:
        only = columns[0]
        picture: Picture = "tile" if int(only["n"]) == 1 else "line"
        return Chart(
            metric=name,
            kind=kind,
            picture=picture,
            column=only["column"],
            last=only["last"],
            last_step=only["lastStep"],
        )
    if kind in ("ROW", "TABLE") and plain and len(columns) == 2:
        x, y = columns
        # One point is no line.
        if int(y["n"]) > 1:
            pair = (y["column"], x["column"])
            return Chart(metric=name, kind=kind, picture="pair", column=pair[0], x_column=pair[1])
    return Chart(metric=name, kind=kind, picture="table")


def sections(charts: Iterable[Chart], pinned: Sequence[str] = ()) -> Mapping[str, Sequence[Chart]]:
    """
    Charts by the part of their name before the first slash; those without one come first.

    Before all are those that somebody pinned, in their order.
    """
    found = list(charts)
    first = [chart for name in dict.fromkeys(pinned) for chart in found if chart.metric == name]
    grouped: dict[str, list[Chart]] = {}
    for chart in found:
        if chart not in first:
            grouped.setdefault(chart.prefix, []).append(chart)
    ordered = sorted(grouped, key=lambda prefix: prefix != "")
    named = {prefix or text("chart.ungrouped"): grouped[prefix] for prefix in ordered}
    return {text("chart.pinned"): first, **named} if first else named


def settings_in(params: QueryParams) -> Mapping[str, Any]:
    """How the charts are drawn, as far as the address says (as board.js reads it)."""
    x = params.get("x", "STEP")
    try:
        smoothing = min(0.99, max(0.0, float(params.get("smooth", "0.6"))))
    except ValueError:
        smoothing = 0.6
    return {
        "x": x.upper() if x.upper() in ("STEP", "RELATIVE", "TIME") else "STEP",
        "x_metric": x.removeprefix(BY_METRIC) if x.startswith(BY_METRIC) else "",
        "smooth": smoothing,
        "log": params.get("log") == "y",
        "log_x": params.get("logx") == "y",
        "search": params.get("m", ""),
    }
