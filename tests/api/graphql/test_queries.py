"""What can be asked, and at what cost."""

import base64
import logging
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.conftest import ROOT, Writer, ask, data, fold

TABLE = """query ($first: Int!) { runs(first: $first, filter: {parent: "r1"}) {
  totalCount { value capped }
  edges { node { runId childCount paramCells(keys: ["lr", "none"])
    metrics(columns: [{metric: "loss"}, {metric: "loss", stat: MIN}, {metric: "none"}])
    metric(name: "loss") { columns { n last } } } } } }"""
PAGE = """query ($first: Int!) { runs(first: $first, filter: {parent: "r1"}) {
  childCounts paramCells(keys: ["lr", "none"])
  metricCells(columns: [{metric: "loss"}, {metric: "loss", stat: MIN}, {metric: "none"}])
  sparklines(metric: "loss", places: 9) edges { node { runId } } } }"""
EXPERIMENTS = """{ experiments { totalCount edges { node { name lastActivityAt runsPerDay
  statusCounts { status count capped } best { value runId metric goal } } } } }"""


@pytest.fixture
def family(client: TestClient, writer: Writer) -> None:
    """Thirty children of r1, each with a parameter, a metric, and the last one with a child."""
    for n in range(30):
        child = Writer(client, f"c{n:02}", f"w{n}")
        child.start(parent="r1", name=f"child {n}")
        child.events({"type": "params", "values": {"lr": n / 10}})
        child.log("loss", [3.0, float(n), 2.0 + n], range(3))
    Writer(client, "grandchild", "wg").start(parent="c29")
    fold(client)


def statements(
    client: TestClient, caplog: pytest.LogCaptureFixture, document: str, **variables: Any
) -> int:
    """What an answer costs: the least of some counts, as the server works for itself too."""
    counts: list[int] = []
    for _ in range(15):
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "tortoise.db_client"):
            data(client, document, **variables)
        counts.append(sum(each.name == "tortoise.db_client" for each in caplog.records))
    return min(counts)


@pytest.mark.usefixtures("family")
def test_a_table_of_runs_costs_the_same_statements_whatever_its_length(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    few = statements(client, caplog, TABLE, first=2)
    many = statements(client, caplog, TABLE, first=30)
    assert few == many
    assert few <= 10


@pytest.mark.usefixtures("family")
def test_a_run_leads_to_its_parent_and_that_to_its_own(client: TestClient) -> None:
    document = """{ run(runId: "grandchild") { parent { runId name parent { runId parent { runId
      } } } } }"""
    above = {"runId": "c29", "name": "child 29", "parent": {"runId": "r1", "parent": None}}
    assert data(client, document)["run"]["parent"] == above


@pytest.mark.usefixtures("family")
def test_the_tables_of_pages_cost_the_same_statements_whatever_their_length_and_columns(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    document = (ROOT / "web/queries/runs.graphql").read_text()
    least = {"metric": {"metric": "loss", "stat": "MIN"}}
    sort = [{"subject": least}, {"subject": {"param": "lr"}}]
    where = {"test": {"subject": least, "compare": "GREATER", "value": -1}}
    costs: set[int] = set()
    for first in (3, 30):
        for columns in (1, 100):
            cells = [{"metric": "loss" if n == 0 else f"m{n}"} for n in range(columns)]
            costs.add(
                statements(
                    client,
                    caplog,
                    document,
                    filter={"experiment": "mnist", "parent": "r1", "where": where},
                    sort=sort,
                    first=first,
                    cells=cells,
                    params=[f"p{n}" for n in range(columns)],
                )
            )
    # A page that is not full has also been looked for in runs that miss the first sort key.
    assert max(costs) <= 11
    assert max(costs) - min(costs) <= 1


@pytest.mark.usefixtures("family")
def test_cells_are_aligned_with_what_was_asked(client: TestClient) -> None:
    runs = data(client, TABLE, first=30)["runs"]
    assert runs["totalCount"] == {"value": 30, "capped": False}
    page = data(client, PAGE, first=30)["runs"]
    assert page["metricCells"] == [edge["node"]["metrics"] for edge in runs["edges"]]
    assert page["paramCells"] == [edge["node"]["paramCells"] for edge in runs["edges"]]
    assert page["childCounts"] == [edge["node"]["childCount"] for edge in runs["edges"]]
    drawn = [edge["node"]["runId"] for edge in page["edges"]]
    assert page["sparklines"][drawn.index("c05")] == [3, 5, 7]
    nodes = {edge["node"]["runId"]: edge["node"] for edge in runs["edges"]}
    assert nodes["c05"]["metrics"] == [7, 3, None]
    assert nodes["c05"]["paramCells"] == [0.5, None]
    assert nodes["c05"]["metric"]["columns"] == [{"n": 3, "last": 7}]
    assert [nodes["c05"]["childCount"], nodes["c29"]["childCount"]] == [0, 1]


def test_a_list_of_experiments_costs_the_same_statements_whatever_its_length(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    Writer(client, "a", "wa").start(experiment="first")
    few = statements(client, caplog, EXPERIMENTS)
    for n in range(10):
        Writer(client, f"b{n}", f"wb{n}").start(experiment=f"other {n}")
    assert statements(client, caplog, EXPERIMENTS) == few


def test_what_goes_on_in_an_experiment_is_counted(client: TestClient, writer: Writer) -> None:
    writer.events({"type": "describe", "primary_metric": "acc", "primary_goal": "maximize"})
    writer.log("acc", [0.5, 0.9, 0.7], range(3))
    fold(client)
    writer.events({"type": "status", "status": "Completed"})
    (edge,) = data(client, EXPERIMENTS)["experiments"]["edges"]
    found = edge["node"]
    assert found["statusCounts"] == [{"status": "COMPLETED", "count": 1, "capped": False}]
    assert (len(found["runsPerDay"]), found["runsPerDay"][-1]) == (28, 1)
    assert found["lastActivityAt"].endswith("Z")
    assert found["best"]["runId"] == "r1"
    assert found["best"]["goal"] == "MAXIMIZE"


def test_pages_of_runs_hold_while_runs_are_added(client: TestClient) -> None:
    document = """query ($after: String) { runs(first: 2, after: $after) {
      pageInfo { endCursor hasNextPage hasPreviousPage } edges { cursor node { runId } } } }"""
    for n in range(5):
        Writer(client, f"r{n}", f"w{n}").start()
    seen: list[str] = []
    more, after = True, None
    while more:
        page = data(client, document, after=after)["runs"]
        assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
        seen += [edge["node"]["runId"] for edge in page["edges"]]
        more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
        Writer(client, f"late{len(seen)}", f"late{len(seen)}").start()
    assert seen == ["r4", "r3", "r2", "r1", "r0"]


@pytest.mark.usefixtures("family")
@pytest.mark.parametrize(("direction", "begin"), [("ASCENDING", "c00"), ("DESCENDING", "c29")])
def test_runs_are_paged_in_the_order_of_a_metric(
    client: TestClient, direction: str, begin: str
) -> None:
    document = """query ($after: String, $direction: Direction!) { runs(first: 7, after: $after,
      filter: {parent: "r1"}, sort: {subject: {metric: {metric: "loss"}}, direction: $direction}) {
      pageInfo { endCursor hasNextPage } edges { node { runId } } } }"""
    seen: list[str] = []
    more, after = True, None
    while more:
        page = data(client, document, after=after, direction=direction)["runs"]
        seen += [edge["node"]["runId"] for edge in page["edges"]]
        more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
    assert seen[0] == begin
    assert seen == sorted(seen, reverse=direction == "DESCENDING")
    assert len(set(seen)) == 30


@pytest.mark.usefixtures("family")
def test_filters_hold_together(client: TestClient, writer: Writer) -> None:
    document = """query ($filter: RunFilter) { runs(filter: $filter) {
      totalCount { value } edges { node { runId } } } }"""
    writer.events({"type": "tags", "set": {"team": "vision", "bare": None}, "remove": []})
    for wanted, found in [
        ({}, ["r1"]),
        ({"scope": "ANY", "name": "CHILD 2"}, [f"c{n}" for n in range(29, 19, -1)] + ["c02"]),
        ({"parent": "c29"}, ["grandchild"]),
        ({"tags": [{"key": "team", "value": "vision"}, {"key": "bare"}]}, ["r1"]),
        ({"tags": [{"key": "team", "value": "audio"}]}, []),
        ({"statuses": ["COMPLETED"]}, []),
        ({"experiment": "mnist"}, ["r1"]),
        ({"experiment": "none"}, []),
        ({"deleted": True}, []),
    ]:
        runs = data(client, document, filter=wanted)["runs"]
        assert [edge["node"]["runId"] for edge in runs["edges"]] == found, wanted
        assert runs["totalCount"]["value"] == len(found)


def test_what_is_not_there_is_null(client: TestClient) -> None:
    document = '{ run(runId: "none") { name } experiment(name: "none") { name } }'
    assert data(client, document) == {"run": None, "experiment": None}
    document = '{ series(runs: ["none"], metric: "m") { x lines { runId } pointsTotal } }'
    answer = ask(client, document)
    assert "errors" in answer or answer["data"]["series"]["lines"] == []


def test_a_metric_is_a_table_of_its_newest_points(client: TestClient, writer: Writer) -> None:
    writer.log_columns(
        "roc", {"tpr": [0.1, 0.2, "NaN"], "note": {"s": ["a", None, "c"]}}, [5, 6, 7]
    )
    fold(client)
    document = """{ run(runId: "r1") { metric(name: "roc") { kind
      columns { column type n nFinite last min max lastStep minStep maxStep }
      rows(last: 2) { steps times total columns { name values } } } } }"""
    roc = data(client, document)["run"]["metric"]
    assert roc["kind"] == "ROW"
    first, second = roc["columns"]
    assert (first["column"], first["type"], first["n"], first["nFinite"]) == ("tpr", "NUMBER", 3, 2)
    assert (first["last"], first["min"], first["max"]) == ("NaN", 0.1, 0.2)
    assert (second["column"], second["type"], second["last"]) == ("note", "TEXT", None)
    assert roc["rows"]["steps"] == [6, 7]
    assert roc["rows"]["total"] == 3
    assert roc["rows"]["columns"] == [
        {"name": "tpr", "values": [0.2, "NaN"]},
        {"name": "note", "values": [None, "c"]},
    ]


def test_a_point_is_found_by_its_step_or_its_time(client: TestClient, writer: Writer) -> None:
    block = {"name": "m", "kind": "scalar"}
    told = {"steps": [0, 10], "times": [1_000, 2_000], "columns": {"value": [1.0, 2.0]}}
    writer.send(metrics=[{**block, **told}])
    fold(client)
    # What is not folded yet counts as well.
    told = {"steps": [30], "times": [9_000], "columns": {"value": [3.0]}}
    writer.send(metrics=[{**block, **told}])
    document = """query ($place: MetricPlaceInput!, $column: String! = "value") {
      run(runId: "r1") { metric(name: "m") {
        moment(place: $place, column: $column) { step at } } } }"""

    def moment(**variables: Any) -> Any:
        found = data(client, document, **variables)["run"]["metric"]["moment"]
        return found and (int(found["step"]), found["at"][14:23])

    assert moment(place={"step": 10}) == (10, "00:02.000")
    # Between points it is the nearest one, beyond them the last one.
    assert moment(place={"step": 12}) == (10, "00:02.000")
    assert moment(place={"step": 10**9}) == (30, "00:09.000")
    assert moment(place={"at": "1970-01-01T00:00:06Z"}) == (30, "00:09.000")
    assert moment(place={"at": "1970-01-01T00:00:05Z"}) == (10, "00:02.000")
    assert moment(place={"step": 10}, column="none") is None


def test_a_run_says_everything_about_itself(client: TestClient, writer: Writer) -> None:
    writer.events({"type": "status", "status": "Running"})
    writer.events({"type": "error", "error": {"code": "Boom", "message": "it broke"}})
    writer.events({"type": "status", "status": "Failed", "reason": "it broke"})
    document = """{ run(runId: "r1") { id runId experiment parentId rootId depth number status ended
      reason createdAt duration error transitions { status reason actor at } } }"""
    run = data(client, document)["run"]
    assert base64.b64decode(run["id"]) == b"Run:r1"
    assert (run["experiment"], run["parentId"], run["rootId"]) == ("mnist", None, "r1")
    assert (run["depth"], run["number"], run["ended"]) == (0, 1, True)
    assert (run["status"], run["reason"]) == ("FAILED", "it broke")
    assert run["error"]["message"] == "it broke"
    assert run["transitions"][-1]["status"] == "FAILED"
    assert run["duration"] is not None
    assert run["createdAt"].endswith("Z")


def test_experiments_are_found_by_a_part_of_their_name(client: TestClient) -> None:
    for number, name in enumerate(("Vision 100%", "vision_2", "speech")):
        Writer(client, f"r{number}").start(experiment=name)
    document = """query ($name: String) { experiments(name: $name) {
      totalCount edges { node { name } } } }"""
    found = {
        name: data(client, document, name=name)["experiments"]
        for name in ("VISION", "%", "_", "none", "", None)
    }
    named = {part: [edge["node"]["name"] for edge in page["edges"]] for part, page in found.items()}
    assert named["VISION"] == ["vision_2", "Vision 100%"]
    assert (named["%"], named["_"], named["none"]) == (["Vision 100%"], ["vision_2"], [])
    assert named[""] == named[None] == ["speech", "vision_2", "Vision 100%"]
    assert [page["totalCount"] for page in found.values()] == [2, 1, 1, 0, 3, 3]
    paged = """{ experiments(name: "vision", first: 1) { totalCount } }"""
    assert data(client, paged)["experiments"]["totalCount"] == 2


def test_a_part_of_a_name_that_is_too_long_is_refused_in_words(client: TestClient) -> None:
    Writer(client).start(experiment="vision")
    named = "query ($part: String) { experiments(name: $part) { edges { cursor } } }"
    within = "query ($part: String) { runs(filter: {name: $part}) { edges { cursor } } }"
    for document in (named, within):
        for longest in ("%" * 10_000, "\U0001f600" * 10_000):
            (found,) = data(client, document, part=longest).values()
            assert found["edges"] == []
        (error,) = ask(client, document, part="x" * 50_001)["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert "at most 10,000 characters, not 50,001" in error["message"]


@pytest.mark.parametrize("after", ["?", "", "W10"])
def test_what_is_not_a_cursor_is_named_an_error(client: TestClient, after: str) -> None:
    for field in ("runs", "experiments"):
        document = f"query($a: String) {{ {field}(after: $a) {{ edges {{ cursor }} }} }}"
        (error,) = ask(client, document, a=after)["errors"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}


@pytest.mark.usefixtures("family")
def test_an_object_is_found_again_by_its_id(client: TestClient) -> None:
    node = """query ($id: ID!) { node(id: $id) { __typename id
      ... on Run { runId childCount } ... on Experiment { name } } }"""
    asked = data(client, '{ run(runId: "c29") { id } experiment(name: "mnist") { id } }')
    run, experiment = asked["run"]["id"], asked["experiment"]["id"]
    said = {"__typename": "Run", "id": run, "runId": "c29", "childCount": 1}
    assert data(client, node, id=run)["node"] == said
    said = {"__typename": "Experiment", "id": experiment, "name": "mnist"}
    assert data(client, node, id=experiment)["node"] == said
    for gone in ("Run:none", "Experiment:7", f"Experiment:{2**70}", "Experiment:x", "Tree:1"):
        assert data(client, node, id=base64.b64encode(gone.encode()).decode())["node"] is None
    for wrong in ("", "no id", "x" * 1000, base64.b64encode(b"Run").decode()):
        (error,) = ask(client, node, id=wrong)["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


def test_a_run_says_whether_its_metrics_count_all_that_came(
    client: TestClient, writer: Writer
) -> None:
    document = """{ run(runId: "r1") { metricsPending metricList { name } }
        runs { edges { node { runId metricsPending } } } }"""
    fold(client)
    writer.log("loss", [0.5])
    found = data(client, document)
    assert found["run"]["metricsPending"] or found["run"]["metricList"]
    fold(client)
    found = data(client, document)
    assert found["run"] == {"metricsPending": False, "metricList": [{"name": "loss"}]}
    assert found["runs"]["edges"] == [{"node": {"runId": "r1", "metricsPending": False}}]
