"""Which picture a metric gets: its kind and its numeric columns, in the order logged, decide."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from web.documents import Answer
from web.render import parted, slug
from web.structured import KINDS
from web.texts import text

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


def sections(charts: Iterable[Chart]) -> Mapping[str, Sequence[Chart]]:
    """Charts by the part of their name before the first slash; those without one come first."""
    grouped: dict[str, list[Chart]] = {}
    for chart in charts:
        grouped.setdefault(chart.prefix, []).append(chart)
    ordered = sorted(grouped, key=lambda prefix: prefix != "")
    return {prefix or text("chart.ungrouped"): grouped[prefix] for prefix in ordered}
