"""The address of a run table says all of it."""

from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.datastructures import QueryParams

from web.run_table import (
    Cell,
    asked_in,
    cell_of,
    colours_of,
    default_cells,
    default_params,
    shown,
)

FULL = {
    "q": "vit #team=vision #draft",
    "status": ["RUNNING", "FAILED"],
    "sort": "-max::val/acc",
    "sel": "a,b",
    "columns": "own",
    "col": ["max::val/acc", "last:x%3Ay:odd:name"],
    "param": ["lr"],
}


def read(address: dict[str, Any]) -> Any:
    return asked_in(QueryParams(urlencode(address, doseq=True)))


def test_an_address_comes_back_as_it_was() -> None:
    asked = read(FULL)
    again = {key: value for key, value in asked.query().items() if value}
    assert read(again) == asked


def test_words_are_a_name_and_hashes_are_tags() -> None:
    assert read(FULL).filter(experiment="e") == {
        "experiment": "e",
        "name": "vit",
        "statuses": ["RUNNING", "FAILED"],
        "tags": [{"key": "team", "value": "vision"}, {"key": "draft", "value": None}],
    }


@pytest.mark.parametrize(
    ("sort", "variables"),
    [
        ("", None),
        ("created", {"subject": {"attribute": "CREATED"}, "direction": "ASCENDING"}),
        ("-created", {"subject": {"attribute": "CREATED"}, "direction": "DESCENDING"}),
        (
            "-max::val/acc",
            {
                "subject": {"metric": {"metric": "val/acc", "column": "value", "stat": "MAX"}},
                "direction": "DESCENDING",
            },
        ),
        ("-nonsense", None),
        ("worst::loss", None),
    ],
)
def test_a_sort_is_by_creation_or_by_a_cell(sort: str, variables: object) -> None:
    assert read({"sort": sort}).sorting() == variables


def test_a_cell_survives_any_name() -> None:
    for cell in (Cell("a:b/c"), Cell("m", "x:y", "MIN"), Cell("ü #&?", "ß", "MEAN")):
        assert cell_of(cell.key) == cell


def test_the_primary_metric_comes_first_at_its_best_then_what_most_new_runs_have() -> None:
    kinds = {"acc": "SCALAR", "gone": "SCALAR", "loss": "SCALAR", "old": "LIST", "t": "ROW"}
    ranks = {"loss": 0, "acc": 1, "t": 2, "old": 3}
    experiment = {
        "best": {"metric": "acc", "goal": "MAXIMIZE"},
        "metricColumns": [
            {"metric": name, "column": "value", "kind": kind, "rank": ranks.get(name)}
            for name, kind in kinds.items()
        ],
    }
    cells = default_cells(experiment)
    assert cells == (Cell("acc", stat="MAX"), Cell("loss"), Cell("old"), Cell("gone"))


def test_parameters_that_differ_come_first_and_a_learning_rate_before_all() -> None:
    keys = ["alone", "batch", "epochs", "optim.lr", "seed"]

    def chosen(*varying: str) -> tuple[str, ...]:
        columns = [{"key": key, "varies": key in varying} for key in keys]
        return default_params({"paramColumns": columns})

    assert chosen("batch", "optim.lr", "seed") == ("optim.lr", "batch", "seed")
    assert chosen() == ("optim.lr", "alone", "batch")


def run(number: int) -> dict[str, Any]:
    return {"runId": f"r{number}", "number": number}


def test_ten_of_the_newest_are_shown_unless_some_are_selected() -> None:
    runs = [run(number) for number in range(1, 14)]
    assert [each["number"] for each in shown(runs, read({}))] == list(range(13, 3, -1))
    assert shown(runs, read({"sel": "r2,r5,gone"})) == [run(2), run(5)]


def test_a_run_keeps_its_colour_where_nobody_else_has_it() -> None:
    assert colours_of([run(1), run(2), run(9)]) == {"r1": 1, "r2": 2, "r9": 3}
    twelve = colours_of([run(number) for number in range(12)])
    assert [twelve[f"r{number}"] for number in range(12)] == [*range(8), *range(4)]
