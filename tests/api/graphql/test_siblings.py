"""What all runs of a list say is read at once, and is what each says when it is asked alone."""

import json
import re
from itertools import cycle, product
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.conftest import Writer, ask, data, fold

PAGE = "totalCount { value } pageInfo { hasNextPage endCursor } edges { node { runId } }"
ASKED = f"""fragment Asked on Run {{ runId
  descendants(filter: $filter, sort: $sort, first: 2, after: $after) {{ {PAGE} }}
  leaves: descendants(filter: {{scope: LEAVES}}, first: 9) {{ {PAGE} }}
  children(sort: $sort, first: 2, after: $after) {{ {PAGE} }}
  metricNames(prefix: $prefix, first: 2, after: $name) {{
    edges {{ node }} pageInfo {{ hasNextPage endCursor }} }} }}"""
SAID = "$filter: RunFilter, $sort: [RunSort!], $after: String, $prefix: String!, $name: String"
LISTED = f"""query ({SAID}) {{ runs(filter: {{scope: ANY}}, first: 100) {{
  edges {{ node {{ ...Asked }} }} }} }} {ASKED}"""
ALONE = f"query ($run: String!, {SAID}) {{ run(runId: $run) {{ ...Asked }} }} {ASKED}"
FILTERS: list[dict[str, Any] | None] = [
    None,
    {"experiment": "mnist"},
    {"experiment": "none"},
    {"parent": "a.1", "scope": "ANY"},
    {"deleted": True},
    {"text": 'metrics.loss.min < 5 or name contains "b"'},
]
SORTS: list[list[dict[str, Any]] | None] = [
    None,
    [{"subject": {"metric": {"metric": "loss", "stat": "MIN"}}, "direction": "ASCENDING"}],
    [{"subject": {"param": "lr"}}, {"subject": {"attribute": "NAME"}}],
]


@pytest.fixture
def forest(client: TestClient) -> list[str]:
    """Trees of two experiments, two and four levels deep, of which one run is deleted."""
    tree = {"a": None, "a.1": "a", "a.2": "a", "a.3": "a", "a.1.1": "a.1", "a.1.2": "a.1"}
    tree |= {"b": None, "b.1": "b", "b.1.1": "b.1", "b.1.1.1": "b.1.1", "gone": "a.1"}
    for n, (name, parent) in enumerate(tree.items()):
        run = Writer(client, name, f"w{n}")
        run.start(parent=parent, experiment="mnist" if name[0] in "ag" else "cifar", name=name)
        run.events({"type": "params", "values": {"lr": n % 3 if n % 4 else "auto"}})
        if n % 3:
            run.log("loss", [float(n)])
        for each in range(5 - n % 5):
            run.log(f"val/m{each}", [1.0])
    fold(client)
    data(client, 'mutation { deleteRun(runId: "gone") { run { runId } } }')
    return [name for name in tree if name != "gone"]


def test_a_run_of_a_list_says_what_it_says_alone(client: TestClient, forest: list[str]) -> None:
    pairs = zip(FILTERS, cycle(SORTS), strict=False)
    for (filter_, sort), further in product(pairs, (False, True)):
        asked: dict[str, Any] = {"filter": filter_, "sort": sort, "prefix": ""}
        if further:
            whole = data(client, ALONE, run="a", **asked)["run"]
            asked |= {"after": end(whole["descendants"]), "name": end(whole["metricNames"])}
        edges = data(client, LISTED, **asked)["runs"]["edges"]
        found = {edge["node"]["runId"]: bare(edge["node"]) for edge in edges}
        alone = {run: bare(data(client, ALONE, run=run, **asked)["run"]) for run in forest}
        assert found == alone, asked


def test_all_that_is_below_each_is_found_however_deep(
    client: TestClient, forest: list[str]
) -> None:
    edges = data(client, LISTED, prefix="")["runs"]["edges"]
    below = {each["node"]["runId"]: each["node"]["descendants"] for each in edges}
    assert {run: page["totalCount"]["value"] for run, page in below.items() if run in "ab"} == {
        "a": 5,
        "b": 3,
    }
    assert [edge["node"]["runId"] for edge in below["b.1"]["edges"]] == ["b.1.1.1", "b.1.1"]
    names = {each["node"]["runId"]: each["node"]["metricNames"] for each in edges}
    assert [edge["node"] for edge in names["a.1"]["edges"]] == ["loss", "val/m0"]
    assert [run for run in forest if names[run]["pageInfo"]["hasNextPage"]]


def test_what_is_wrong_is_said_for_each(client: TestClient, forest: list[str]) -> None:
    told = ask(client, LISTED, prefix="", after="no cursor")["errors"]
    assert {error["extensions"]["code"] for error in told} == {"BAD_USER_INPUT"}
    assert {error["path"][-1] for error in told} <= {"descendants", "children"}


def end(page: Any) -> str | None:
    return page["pageInfo"]["endCursor"]


def bare(said: Any) -> Any:
    """Without cursors, which hold the time of the first page."""
    text = json.dumps(said)
    return json.loads(re.sub(r', "endCursor": (null|"[^"]*")', "", text))
