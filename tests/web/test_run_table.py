"""The address of a run table says all of it."""

from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.datastructures import QueryParams

from web.run_address import Cell, Sorted, asked_in, cell_of
from web.run_filter import parts_of
from web.run_table import colours_of, default_cells, default_params, shown

FULL = {
    "q": "vit #team=vision #draft",
    "status": ["RUNNING", "FAILED"],
    "sort": ["-max::val/acc", "param:lr"],
    "group": "param:model",
    "deleted": "yes",
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
        "deleted": True,
    }


@pytest.mark.parametrize(
    ("text", "said", "tags"),
    [
        ("metrics.loss < 0.5", "metrics.loss < 0.5", []),
        ("#a #b=c params.lr exists", "params.lr exists", ["a", "b"]),
        ('name contains "two  #x"', 'name contains "two  #x"', []),
    ],
)
def test_what_has_the_signs_of_the_language_is_a_filter(
    text: str, said: str, tags: list[str]
) -> None:
    found = read({"q": text}).filter()
    assert found["text"] == said
    assert [each["key"] for each in found.get("tags", ())] == tags
    assert "name" not in found


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("vit b16", [("vit b16", "")]),
        ("#a vit #b=c", [("#a", "#b=c vit"), ("#b=c", "#a vit"), ("vit", "#a #b=c")]),
        (
            "#a params.lr < 1 AND name = 'x and y' and not (number > 1 or number < 9)",
            [
                ("#a", "params.lr < 1 and name = 'x and y' and not (number > 1 or number < 9)"),
                ("params.lr < 1", "#a name = 'x and y' and not (number > 1 or number < 9)"),
                ("name = 'x and y'", "#a params.lr < 1 and not (number > 1 or number < 9)"),
                ("not (number > 1 or number < 9)", "#a params.lr < 1 and name = 'x and y'"),
            ],
        ),
        (
            "number > 1 and number < 5 or number = 9",
            [("number > 1 and number < 5 or number = 9", "")],
        ),
        ("(number > 1 and", [("(number > 1 and", "")]),
    ],
)
def test_a_filter_has_parts_that_can_be_taken_out_one_by_one(
    text: str, parts: list[tuple[str, str]]
) -> None:
    assert [tuple(part) for part in parts_of(read({"q": text}))] == parts


@pytest.mark.parametrize("text", ["vit b16", "#a=b vit", "#a=b #c"])
def test_what_has_none_of_them_is_a_name(text: str) -> None:
    assert "text" not in read({"q": text}).filter()


RISING, FALLING = "ASCENDING", "DESCENDING"
ACC = {"metric": {"metric": "val/acc", "column": "value", "stat": "MAX"}}


@pytest.mark.parametrize(
    ("address", "keys"),
    [
        ({}, None),
        ({"sort": "created"}, [({"attribute": "CREATED"}, RISING)]),
        ({"sort": "-duration"}, [({"attribute": "DURATION"}, FALLING)]),
        ({"sort": "-max::val/acc"}, [(ACC, FALLING)]),
        ({"sort": ["-max::val/acc", "param:lr"]}, [(ACC, FALLING), ({"param": "lr"}, RISING)]),
        # A column is sorted by once.
        ({"sort": ["name", "-name"]}, [({"attribute": "NAME"}, RISING)]),
        ({"sort": ["-nonsense", "param:", "worst::loss", "max:loss"]}, None),
        (
            {"group": "tag:team"},
            [({"tag": "team"}, RISING), ({"attribute": "CREATED"}, FALLING)],
        ),
        (
            {"group": "status", "sort": "-max::val/acc"},
            [({"attribute": "STATUS"}, RISING), (ACC, FALLING)],
        ),
        ({"group": "created"}, None),
    ],
)
def test_a_table_is_sorted_by_its_groups_then_by_its_keys(
    address: dict[str, Any], keys: Any
) -> None:
    found = read(address).sorting()
    assert (found and [(each["subject"], each["direction"]) for each in found]) == keys


def test_a_heading_sorts_falling_then_rising_and_with_others_then_not_any_more() -> None:
    asked = read({})
    assert asked.place_of("created") == Sorted(1, descending=True)
    assert asked.sorted_by("created") == ("created",)
    two = read({"sort": ["-name", "created"]})
    assert two.sorted_by("created") == ("-created",)
    assert (two.place_of("created"), two.place_of("status")) == (Sorted(2, descending=False), None)


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

    def chosen(*varying: str, name: str = "mine") -> tuple[str, ...]:
        columns = [{"key": key, "varies": key in varying} for key in keys]
        return default_params({"name": name, "paramColumns": columns})

    assert chosen("batch", "optim.lr", "seed") == ("optim.lr", "batch", "seed")
    assert chosen() == ("optim.lr", "alone", "batch")
    # Beside them stands the experiment of each.
    assert chosen("seed", name="") == ("seed", "optim.lr")


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
