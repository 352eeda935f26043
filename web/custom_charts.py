"""Charts that somebody made for a list of runs. The address of the page says what they show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from web.render import slug
from web.run_address import GROUPED, cell_of, label_of, subject_of
from web.texts import catalogue, spoken, text

KINDS = ("lines", "groups", "scatter", "bars", "parallel")
# Which draw points of runs, and not one value of each.
DRAWN = ("lines", "groups")
TIMES = ("STEP", "RELATIVE", "TIME")
CHARTS_MAX = 12
VALUES_MAX = 12
# How far the band around a mean of runs reaches, where it is not from the least to the greatest.
BANDS = ("std", "stderr")
# One group of all runs.
ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Custom:
    """`y` and `x` are keys of columns; `by` is one of what runs are grouped by; see `custom_of`."""

    said: str
    kind: str
    y: Sequence[str]
    x: str
    by: str
    band: str
    log: str

    @property
    def id(self) -> str:
        return slug(self.said)

    @property
    def document(self) -> str:
        return {"lines": "series", "groups": "series_groups"}.get(self.kind, "run_values")

    @property
    def title(self) -> str:
        return text(f"custom.title.{self.band}", y=self._what) if self.band else self._what

    @property
    def _what(self) -> str:
        name = ", ".join(map(self._label, self.y))
        if self.x and self.x not in TIMES:
            name = text("custom.over", y=name, x=self._label(self.x))
        if self.by == ALL:
            return text("custom.together", y=name)
        return text("custom.by", y=name, by=label_of(self.by)) if self.by else name

    @property
    def data(self) -> Mapping[str, Any]:
        """What the script is told."""
        values = [self.x, *self.y] if self.kind == "scatter" else self.y
        by = [] if self.by == ALL else [subject_of(self.by)]
        x_metric = cell_of(self.x) if self.kind in DRAWN else None
        return {
            "id": self.id,
            "kind": self.kind,
            "name": self.title,
            "metrics": [self._value(key) for key in values],
            "x": "METRIC" if x_metric else self.x or "STEP",
            "xMetric": x_metric.metric if x_metric else None,
            "xColumn": x_metric.column if x_metric else None,
            "by": by if self.by else None,
            "band": self.band or None,
            "words": _status_words() if self.by == "status" else {},
            "log": self.log,
        }

    def _label(self, key: str) -> str:
        return self._value(key)["label"]

    def _value(self, key: str) -> Mapping[str, Any]:
        cell = cell_of(key)
        if not cell:
            param = key.partition(":")[2]
            return {"param": param, "label": param}
        plain = cell.stat == "LAST" or self.kind in DRAWN
        label = cell.label if plain else f"{cell.label} {text(f'stat.{cell.stat}')}"
        return {**cell.variables, "label": label}


def custom_of(said: str) -> Custom | None:
    """
    Read one chart as an address has it; None for what is none.

    It is a query of its own, such as `kind=groups&y=last:value:loss&by=param:lr&log=y`.
    """
    words = parse_qs(said)
    names = ("kind", "x", "by", "band", "log")
    kind, x, by, band, log = (words.get(name, [""])[0] for name in names)
    y = words.get("y", [])[:VALUES_MAX]
    chart = Custom(said=said, kind=kind, y=y, x=x, by=by, band=band, log=log)
    return chart if _holds(chart) else None


def customs_in(charts: Sequence[str]) -> Sequence[Custom]:
    """Each once, in the order of the address."""
    found = (custom_of(said) for said in dict.fromkeys(charts))
    return [each for each in found if each][:CHARTS_MAX]


def _status_words() -> Mapping[str, str]:
    words = catalogue(spoken()).items()
    return {key.removeprefix("status."): said for key, said in words if key.startswith("status.")}


def _holds(chart: Custom) -> bool:
    """Whether it says all that its kind needs, and nothing that nobody can have."""
    kind, x, by, band = chart.kind, chart.x, chart.by, chart.band
    values = [*chart.y, *([x] if x and x not in TIMES else [])]
    only_metrics = kind in DRAWN
    known = all(cell_of(key) or (_is_param(key) and not only_metrics) for key in values)
    grouped = by in (*GROUPED, ALL) or (by.partition(":")[0] in ("param", "tag") and by[-1] != ":")
    enough = {
        "lines": bool(chart.y) and not by,
        "groups": bool(chart.y) and bool(by) and band in ("", *BANDS),
        "scatter": len(chart.y) == 1 and bool(x) and x not in TIMES and not by,
        "bars": len(chart.y) == 1 and not x and by != ALL,
        "parallel": len(chart.y) > 1 and not x and not by,
    }
    banded = not band or kind == "groups"
    return enough.get(kind, False) and known and banded and (not by or grouped)


def _is_param(key: str) -> bool:
    kind, _, name = key.partition(":")
    return kind == "param" and bool(name)
