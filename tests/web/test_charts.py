"""The article's table: which picture a metric gets."""

from typing import Any

import pytest

from web.charts import chart_of, sections


def metric(kind: str, n: int = 3, name: str = "m", **columns: str) -> dict[str, Any]:
    said = {"last": 1.0, "lastStep": 2, "n": n}
    return {
        "name": name,
        "kind": kind,
        "columns": [{"column": column, "type": type_, **said} for column, type_ in columns.items()],
    }


@pytest.mark.parametrize(
    ("logged", "picture"),
    [
        (metric("LIST", value="NUMBER"), "line"),
        (metric("SCALAR", value="NUMBER"), "line"),
        (metric("SCALAR", 1, value="NUMBER"), "tile"),
        (metric("LIST", 1, value="NUMBER"), "tile"),
        (metric("SCALAR", value="TEXT"), "table"),
        (metric("ROW", x="NUMBER", y="NUMBER"), "pair"),
        (metric("TABLE", x="NUMBER", y="NUMBER"), "pair"),
        (metric("ROW", 1, x="NUMBER", y="NUMBER"), "table"),
        (metric("ROW", x="NUMBER"), "table"),
        (metric("ROW", x="NUMBER", y="NUMBER", z="NUMBER"), "table"),
        (metric("TABLE", x="TEXT", y="NUMBER"), "table"),
        (metric("TABLE", x="NUMBER", y="NUMBER", z="TEXT"), "table"),
        (metric("CONFUSION_MATRIX", value="TEXT"), "figure"),
    ],
)
def test_the_kind_and_the_columns_decide(logged: dict[str, Any], picture: str) -> None:
    assert chart_of(logged).picture == picture


def test_the_first_logged_column_of_a_pair_is_drawn_to_the_right() -> None:
    chart = chart_of(metric("ROW", angle="NUMBER", sine="NUMBER"))
    assert (chart.x_column, chart.column) == ("angle", "sine")


def test_charts_stand_in_sections_by_their_prefix() -> None:
    names = ["train/loss", "epoch", "val/acc", "train/lr"]
    charts = [chart_of(metric("SCALAR", name=name, value="NUMBER")) for name in names]
    found = {prefix: [chart.metric for chart in each] for prefix, each in sections(charts).items()}
    assert found == {
        "metrics": ["epoch"],
        "train": ["train/loss", "train/lr"],
        "val": ["val/acc"],
    }
    assert next(iter(found)) == "metrics"


def test_another_picture_of_a_metric_is_another_element() -> None:
    before, after = metric("SCALAR", 1, value="NUMBER"), metric("SCALAR", 2, value="NUMBER")
    assert chart_of(before).id != chart_of(after).id
