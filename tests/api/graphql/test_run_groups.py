"""Runs of a list in groups, and the columns that a table of all runs can have."""

import math
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.domain import run_groups
from api.domain.aggregates import statistics
from tests.conftest import Writer, ask, data, fold

GROUPS = """query ($filter: RunFilter, $by: RunGroupKey!, $columns: [CellInput!], $first: Int) {
  runGroups(filter: $filter, by: $by, columns: $columns, first: $first) {
    runs capped groups { value runs n mean std min max } } }"""
COLUMNS = """query ($prefix: String) { metricColumns(prefix: $prefix) { metric column kind rank }
  paramColumns { key varies } }"""
LOSS = [{"metric": "loss", "stat": "MIN"}, {"metric": "loss"}]
ANY = {"scope": "ANY"}


def made(
    client: TestClient, name: str, experiment: str, loss: list[Any], params: dict[str, Any]
) -> None:
    run = Writer(client, name, f"w-{name}")
    run.start(experiment=experiment)
    run.events({"type": "params", "values": params})
    run.events({"type": "tags", "set": {"team": "vision"} if loss else {}, "remove": []})
    if loss:
        run.log("loss", loss, range(len(loss)))


@pytest.fixture
def several(client: TestClient) -> None:
    made(client, "a", "e", [4.0, 2.0, 3.0], {"batch": 64, "aug": True, "sizes": [1, 2]})
    made(client, "b", "e", [5.0, 4.0, 5.0], {"batch": "64", "aug": False, "sizes": [1, 2]})
    made(client, "c", "f", [9.0, "NaN"], {"batch": 8, "aug": True})
    made(client, "d", "f", [], {"model": "vit"})
    fold(client)


def groups(client: TestClient, **said: Any) -> Any:
    return data(client, GROUPS, **{"filter": ANY, "columns": [], **said})["runGroups"]


@pytest.mark.usefixtures("several")
def test_runs_that_read_the_same_are_one_group_with_mean_and_deviation(client: TestClient) -> None:
    found = groups(client, by={"param": "batch"}, columns=LOSS)
    assert (found["runs"], found["capped"]) == (4, False)
    eight, many, none = found["groups"]
    assert (eight["value"], eight["runs"], eight["n"]) == (8, 1, [1, 0])
    assert (eight["mean"], eight["std"]) == ([9, None], [None, None])
    assert (many["runs"], many["n"], many["mean"]) == (2, [2, 2], [3, 4])
    assert many["std"] == pytest.approx([math.sqrt(2), math.sqrt(2)])
    assert (many["min"], many["max"]) == ([2, 3], [4, 5])
    assert (none["value"], none["runs"], none["n"], none["mean"]) == (None, 1, [0, 0], [None] * 2)


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize(
    ("by", "counts"),
    [
        ({"param": "aug"}, [(False, 1), (True, 2), (None, 1)]),
        ({"param": "sizes"}, [([1, 2], 2), (None, 2)]),
        ({"tag": "team"}, [("vision", 3), (None, 1)]),
        ({"attribute": "EXPERIMENT"}, [("e", 2), ("f", 2)]),
        ({"attribute": "STATUS"}, [("Running", 4)]),
        ({"attribute": "DEPTH"}, [(0, 4)]),
    ],
)
def test_groups_are_by_whatever_runs_have(
    client: TestClient, by: dict[str, str], counts: list[tuple[Any, int]]
) -> None:
    found = groups(client, by=by)["groups"]
    assert [(each["value"], each["runs"]) for each in found] == counts
    assert found[0]["mean"] == []


@pytest.mark.usefixtures("several")
def test_groups_are_of_the_runs_that_are_meant(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = {"param": "batch"}
    only = groups(client, by=by, filter={**ANY, "experiment": "e"})
    assert [(each["value"], each["runs"]) for each in only["groups"]] == [(64, 2)]
    assert groups(client, by=by, filter={"experiment": "none"}) == {
        "runs": 0,
        "capped": False,
        "groups": [],
    }
    few = groups(client, by=by, first=1)
    assert (len(few["groups"]), few["capped"]) == (1, True)
    data(client, 'mutation { deleteRuns(runIds: ["a"]) { runs { runId } } }')
    gone = groups(client, by=by, columns=LOSS, filter={**ANY, "deleted": True})
    assert [(each["value"], each["mean"]) for each in gone["groups"]] == [(64, [2, 3])]
    monkeypatch.setattr(run_groups, "GROUPED_RUNS_MAX", 2)
    newest = groups(client, by=by)
    assert (newest["runs"], newest["capped"]) == (2, True)
    many: list[dict[str, Any]] = [
        {"by": {"attribute": "DURATION"}, "columns": []},
        {"by": by, "columns": LOSS[:1] * 21},
    ]
    for wrong in many:
        (error, *_) = ask(client, GROUPS, **wrong)["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.usefixtures("several")
def test_a_list_sorted_by_what_is_true_or_false_has_its_groups_together(
    client: TestClient,
) -> None:
    sort = [{"subject": {"param": "aug"}, "direction": "ASCENDING"}]
    asked = "query ($sort: [RunSort!]) { runs(sort: $sort) { edges { node { runId } } } }"
    found = data(client, asked, sort=sort)["runs"]["edges"]
    ids = [edge["node"]["runId"] for edge in found]
    assert (ids[0], set(ids[1:3]), ids[3]) == ("b", {"a", "c"}, "d")


@pytest.mark.usefixtures("several")
def test_a_table_of_all_runs_is_offered_what_the_newest_have(client: TestClient) -> None:
    other = Writer(client, "g", "w-g")
    other.start(experiment="g")
    other.log("acc", [0.5], [0])
    other.log("loss", [0.5], [0])
    fold(client)
    found = data(client, COLUMNS)
    assert found["metricColumns"] == [
        {"metric": "acc", "column": "value", "kind": "SCALAR", "rank": 1},
        {"metric": "loss", "column": "value", "kind": "SCALAR", "rank": 0},
    ]
    assert found["paramColumns"] == [
        {"key": "aug", "varies": True},
        {"key": "batch", "varies": True},
        {"key": "model", "varies": False},
        {"key": "sizes", "varies": False},
    ]
    only = data(client, COLUMNS, prefix="a")["metricColumns"]
    assert [each["metric"] for each in only] == ["acc"]


@pytest.mark.usefixtures("several")
def test_statistics_are_worked_out_of_the_groups_that_are_shown_alone(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked = list[int]()

    def counted(table: Any) -> Any:
        worked.append(table.shape[1])
        return statistics(table)

    monkeypatch.setattr(run_groups, "statistics", counted)
    found = groups(client, by={"param": "batch"}, columns=LOSS, first=2)
    assert [each["value"] for each in found["groups"]] == [8, 64]
    assert (found["runs"], found["capped"]) == (4, True)
    assert worked == [1, 2]
