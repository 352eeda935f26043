"""What many runs' values say together, and at what cost."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.graphql.test_queries import statements
from tests.conftest import Writer, ask, data, fold

SERIES = """query ($runs: [String!]!, $by: [RunGroupKey!], $smoothing: Smoothing) {
  series(runs: $runs, metric: "loss", groupBy: $by, smoothing: $smoothing) {
    x lines { runId mean smoothed }
    groups { values runIds n mean median min max std stderr smoothed } } }"""


@pytest.fixture
def sweep(client: TestClient, writer: Writer) -> list[str]:
    """Thirty children of r1 with three learning rates; each logs its number."""
    for n in range(30):
        child = Writer(client, f"c{n:02}", f"w{n}")
        child.start(parent="r1")
        child.events({"type": "params", "values": {"lr": n % 3 / 10}})
        child.events({"type": "tags", "set": {"fold": str(n % 2)}, "remove": []})
        child.log("loss", [float(n), n + 1.0], range(2))
    writer.events({"type": "tags", "set": {"team": "vision"}, "remove": []})
    fold(client)
    return [f"c{n:02}" for n in range(30)]


def test_groups_are_asked_for_beside_lines(client: TestClient, sweep: list[str]) -> None:
    by = [{"param": "lr"}, {"attribute": "KIND"}]
    found = data(client, SERIES, runs=sweep, by=by, smoothing={"ema": 0.5})["series"]
    assert found["x"] == [0, 1]
    first, second, third = found["groups"]
    assert [each["values"] for each in (first, second, third)] == [[0, ""], [0.1, ""], [0.2, ""]]
    assert first["runIds"] == sweep[::3]
    assert (first["n"], first["mean"], first["median"]) == ([10, 10], [13.5, 14.5], [13.5, 14.5])
    assert (first["min"], first["max"]) == ([0, 1], [27, 28])
    assert first["std"] == pytest.approx([9.0829510, 9.0829510])
    assert first["stderr"] == pytest.approx([2.8722813, 2.8722813])
    # (0.25 · 13.5 + 0.5 · 14.5) / 0.75
    assert first["smoothed"] == pytest.approx([13.5, 14.1666667])
    assert found["lines"][0]["smoothed"] == pytest.approx([0, 2 / 3])
    plain = data(client, SERIES, runs=sweep)["series"]
    assert (plain["groups"], plain["lines"][0]["smoothed"]) == ([], None)


def test_groups_cost_the_same_statements_whatever_their_runs(
    client: TestClient, sweep: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    few = statements(client, caplog, SERIES, runs=sweep[:2], by=[{"param": "lr"}])
    assert statements(client, caplog, SERIES, runs=sweep, by=[{"tag": "fold"}]) == few
    assert few <= 8


WRONG: list[dict[str, Any]] = [
    {"by": [{"param": "lr", "tag": "fold"}]},
    {"by": [{}]},
    {"by": [{"param": None}]},
    {"by": [{"attribute": "DURATION"}]},
    {"smoothing": {"ema": 0.5, "mean": 3}},
    {"smoothing": {"ema": 1}},
    {"smoothing": {"mean": 4}},
]


@pytest.mark.parametrize("said", WRONG)
def test_what_is_asked_for_wrongly_is_named(client: TestClient, said: dict[str, Any]) -> None:
    (error, *_) = ask(client, SERIES, runs=["r1"], **said)["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT", error


BEST = """query ($metric: String, $goal: Goal, $first: Int, $after: String) {
  experiment(name: "mnist") {
    bestRuns(metric: $metric, goal: $goal, first: $first, after: $after) {
      pageInfo { endCursor } totalCount { value }
      edges { node { runId } } metricCells(columns: [{metric: "loss", stat: MIN}]) } } }"""


def best(client: TestClient, **said: Any) -> list[str]:
    found = data(client, BEST, **said)["experiment"]["bestRuns"]
    return [edge["node"]["runId"] for edge in found["edges"]]


def test_the_best_runs_come_first_and_of_equals_the_older(
    client: TestClient, sweep: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    twin = Writer(client, "twin", "wt")
    twin.start(parent="c00")
    twin.log("loss", [0.0, "NaN"], range(2))
    Writer(client, "r2", "w-r2").start()
    fold(client)
    assert best(client, metric="loss", goal="MINIMIZE", first=3) == ["c00", "twin", "c01"]
    assert best(client, metric="loss", goal="MAXIMIZE", first=2) == ["c29", "c28"]
    assert len(best(client, metric="loss", goal="MAXIMIZE", first=100)) == 31
    page = data(client, BEST, metric="loss", goal="MINIMIZE", first=1)["experiment"]["bestRuns"]
    assert (page["metricCells"], page["totalCount"]["value"]) == ([[0]], 31)
    cursor = page["pageInfo"]["endCursor"]
    assert best(client, metric="loss", goal="MINIMIZE", first=2, after=cursor) == ["twin", "c01"]
    assert best(client, metric="none", goal="MINIMIZE") == []
    few = statements(client, caplog, BEST, metric="loss", goal="MINIMIZE", first=2)
    assert statements(client, caplog, BEST, metric="loss", goal="MINIMIZE", first=20) <= few


def test_the_best_runs_are_by_what_was_declared_where_nothing_else_is_said(
    client: TestClient, writer: Writer, sweep: list[str]
) -> None:
    for said in ({}, {"metric": "loss"}):
        (error, *_) = ask(client, BEST, **said)["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
    writer.events({"type": "describe", "primary_metric": "loss", "primary_goal": "maximize"})
    assert best(client, first=1) == best(client, metric="loss", first=1) == [sweep[-1]]
    assert best(client, goal="MINIMIZE", first=1) == [sweep[0]]
    (error, *_) = ask(client, BEST, metric="acc")["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


DESCENDANTS = """query ($filter: RunFilter, $sort: [RunSort!], $first: Int, $after: String) {
  run(runId: "r1") { descendants(filter: $filter, sort: $sort, first: $first, after: $after) {
    totalCount { value } pageInfo { endCursor hasNextPage } edges { node { runId depth } } } } }"""


def test_descendants_are_of_any_depth_filtered_sorted_and_paged(
    client: TestClient, sweep: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    Writer(client, "deep", "wd").start(parent="c07")
    Writer(client, "deeper", "wdd").start(parent="deep")
    Writer(client, "other", "wo").start()
    fold(client)

    def found(**said: Any) -> tuple[list[str], Any]:
        page = data(client, DESCENDANTS, **said)["run"]["descendants"]
        return [edge["node"]["runId"] for edge in page["edges"]], page

    ids, page = found(first=100)
    assert (sorted(ids), page["totalCount"]["value"]) == (sorted([*sweep, "deep", "deeper"]), 32)
    assert ids[:2] == ["deeper", "deep"]
    assert "c07" not in found(filter={"scope": "LEAVES"}, first=100)[0]
    assert found(filter={"text": "depth > 1"})[0] == ["deeper", "deep"]
    assert found(filter={"experiment": "none"})[0] == []
    least = {"metric": {"metric": "loss", "stat": "MIN"}}
    by = [{"subject": least, "direction": "ASCENDING"}]
    seen, after = list[str](), None
    for _ in range(5):
        ids, page = found(sort=by, first=7, after=after)
        seen, after = seen + ids, page["pageInfo"]["endCursor"]
    assert seen == [*sweep, "deeper", "deep"]
    assert page["pageInfo"]["hasNextPage"] is False
    few = statements(client, caplog, DESCENDANTS, sort=by, first=2)
    assert statements(client, caplog, DESCENDANTS, sort=by, first=30) <= few + 1


NAMES = """query ($prefix: String!, $first: Int, $a: String, $b: String) {
  experiment(name: "mnist") { metricNames(prefix: $prefix, first: $first, after: $a) {
    edges { node } pageInfo { endCursor hasNextPage } } }
  run(runId: "r1") { metricNames(prefix: $prefix, first: $first, after: $b) {
    edges { node } pageInfo { endCursor hasNextPage } } } }"""


def test_names_of_metrics_are_paged_by_prefix(client: TestClient, writer: Writer) -> None:
    for n in range(12):
        writer.log_columns(f"val/m{n:02}", {"a": [1.0], "b": [2.0]}, [0])
    writer.log("loss", [1.0])
    other = Writer(client, "r2", "w2")
    other.start()
    other.log("val/z", [1.0])
    fold(client)
    own = [f"val/m{n:02}" for n in range(12)]
    for prefix, ours, all_ in [
        ("", ["loss", *own], ["loss", *own, "val/z"]),
        ("val/", own, [*own, "val/z"]),
        ("val/m1", own[10:], own[10:]),
        ("none", [], []),
    ]:
        seen: dict[str, list[str]] = {"experiment": [], "run": []}
        after: dict[str, Any] = {"experiment": None, "run": None}
        more = {"experiment": True, "run": True}
        while any(more.values()):
            said = {"a": after["experiment"], "b": after["run"]}
            answer = data(client, NAMES, prefix=prefix, first=5, **said)
            for which in (each for each in seen if more[each]):
                page = answer[which]["metricNames"]
                seen[which] += [edge["node"] for edge in page["edges"]]
                after[which] = page["pageInfo"]["endCursor"]
                more[which] = page["pageInfo"]["hasNextPage"]
        assert seen == {"experiment": all_, "run": ours}, prefix
    (error, *_) = ask(client, NAMES, prefix="", a="WzEsMixudWxsXQ")["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


TREE = """query ($by: RunGroupKey, $metric: String!, $first: Int) {
  run(runId: "r1") { treeAggregate(of: {metric: $metric, stat: MIN}, by: $by) {
    runs capped groups { value runs n mean median min max std stderr } } }
  runs(first: $first, filter: {parent: "r1"}) { edges { node {
    treeAggregate(of: {metric: $metric}) { runs } } } } }"""


def test_what_is_below_a_run_is_summed_up(
    client: TestClient, sweep: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    deep = Writer(client, "deep", "wd")
    deep.start(parent="c07")
    deep.log("loss", [500.0, "NaN"], range(2))
    Writer(client, "gone", "wg").start(parent="c07")
    fold(client)
    data(client, 'mutation { deleteRun(runId: "gone") { run { runId } } }')

    def found(**said: Any) -> Any:
        return data(client, TREE, **{"metric": "loss", "first": 2, **said})["run"]["treeAggregate"]

    depth = found(by={"attribute": "DEPTH"})
    assert (depth["runs"], depth["capped"]) == (31, False)
    first, second = depth["groups"]
    assert (first["value"], first["runs"], first["n"], first["mean"]) == (1, 30, 30, 14.5)
    assert (first["median"], first["min"], first["max"]) == (14.5, 0, 29)
    assert first["std"] == pytest.approx(8.8034084)
    assert first["stderr"] == pytest.approx(8.8034084 / 30**0.5)
    assert (second["value"], second["mean"], second["std"]) == (2, 500, None)
    by_rate = [(each["value"], each["n"]) for each in found(by={"param": "lr"})["groups"]]
    assert by_rate == [(0, 10), (0.1, 10), (0.2, 10), (None, 1)]
    (every,) = found()["groups"]
    assert (every["value"], every["runs"], every["max"]) == (None, 31, 500)
    (none,) = found(metric="none")["groups"]
    assert (none["runs"], none["n"], none["mean"], none["std"]) == (31, 0, None, None)
    costs = {statements(client, caplog, TREE, metric="loss", first=n) for n in (2, 30)}
    assert len(costs) == 1
    (error, *_) = ask(client, TREE, metric="loss", first=2, by={"attribute": "PARENT"})["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


DIFF = """query ($runs: [String!]!, $equal: Boolean) { runDiff(runs: $runs, equal: $equal) {
  capped runs { runId }
  params { name values has differs changes percents } tags { name values has changes }
  properties { name values } facts { name values } sharedMetrics { name kind }
  metrics { metric column stat values has differs changes percents } } }"""


def test_runs_differ_in_what_they_do_not_have_alike(client: TestClient) -> None:
    for name, params, tags, commit, loss in [
        ("a", {"lr": 0.1, "n": 64, "on": True, "same": 1}, {"bare": None}, "x", [4.0, 2.0]),
        ("b", {"lr": 0.05, "n": 64, "on": 1, "same": 1.0}, {}, "y", [4.0, 3.0]),
        ("c", {"lr": "auto", "n": 0, "on": True, "same": 1}, {"bare": None}, "x", [4.0, "NaN"]),
    ]:
        run = Writer(client, name, f"w{name}")
        run.start(facts={"git": {"commit": commit, "branch": "main"}, "host": "h"})
        run.events({"type": "params", "values": params})
        run.events({"type": "tags", "set": tags, "remove": []})
        run.events({"type": "properties", "values": {"p": name}})
        run.log("loss", loss, range(2))
    fold(client)
    found = data(client, DIFF, runs=["a", "b", "c"])["runDiff"]
    assert (found["capped"], [each["runId"] for each in found["runs"]]) == (False, ["a", "b", "c"])
    params = {each["name"]: each for each in found["params"]}
    assert list(params) == ["lr", "n", "on"]
    assert params["lr"]["values"] == [0.1, 0.05, "auto"]
    assert params["lr"]["changes"] == [0, -0.05, None]
    assert params["lr"]["percents"] == [0, -50, None]
    assert params["n"]["percents"] == [0, 0, -100]
    assert params["on"]["changes"] == [None, None, None]
    (bare,) = found["tags"]
    assert (bare["values"], bare["has"]) == ([None] * 3, [True, False, True])
    assert found["properties"] == [{"name": "p", "values": ["a", "b", "c"]}]
    assert found["facts"] == [{"name": "git.commit", "values": ["x", "y", "x"]}]
    last, least = found["metrics"]
    assert (last["metric"], last["column"], last["stat"]) == ("loss", "value", "LAST")
    assert (last["values"], last["changes"]) == ([2, 3, "NaN"], [0, 1, None])
    assert (last["percents"], last["has"]) == ([0, 50, None], [True] * 3)
    assert (least["stat"], least["values"]) == ("MIN", [2, 3, 4])
    every = data(client, DIFF, runs=["a", "b", "c"], equal=True)["runDiff"]
    assert [each["name"] for each in every["params"]] == ["lr", "n", "on", "same"]
    assert [each["differs"] for each in every["params"]] == [True, True, True, False]
    assert [each["stat"] for each in every["metrics"]] == ["LAST", "MIN", "MAX"]
    assert [each["differs"] for each in every["metrics"]] == [True, True, False]
    assert len(every["facts"]) == 3
    (error,) = ask(client, DIFF, runs=["a", "none"])["errors"]
    assert error["extensions"]["code"] == "NOT_FOUND"
    (error,) = ask(client, DIFF, runs=[str(n) for n in range(51)])["errors"]
    assert error["extensions"]["code"] == "TOO_LARGE"
    assert data(client, DIFF, runs=[])["runDiff"]["runs"] == []


def test_what_runs_share_is_said_whether_it_differs_or_not(client: TestClient) -> None:
    for name, metrics in [("a", ("loss", "alone", "mixed")), ("b", ("mixed", "loss"))]:
        run = Writer(client, name, f"w{name}")
        run.start()
        for metric in metrics:
            run.log(metric, [1.0, 2.0], range(2))
        for n in range(150):
            run.log(f"many/{n:03}", [1.0], range(1))
    run = Writer(client, "c", "wc")
    run.start()
    run.log("mixed", [1.0, 2.0], range(2), kind="list")
    fold(client)
    shared = data(client, DIFF, runs=["a", "b", "c"])["runDiff"]["sharedMetrics"]
    many = [f"many/{n:03}" for n in range(150)]
    assert [each["name"] for each in shared] == ["loss", "mixed", *many]
    assert {each["kind"] for each in shared} == {"SCALAR"}
    (mixed,) = data(client, DIFF, runs=["c", "a"])["runDiff"]["sharedMetrics"]
    assert mixed == {"name": "mixed", "kind": "LIST"}
    assert data(client, DIFF, runs=["a"])["runDiff"]["sharedMetrics"] == []


def test_a_difference_costs_the_same_statements_whatever_its_runs(
    client: TestClient, sweep: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    few = statements(client, caplog, DIFF, runs=sweep[:2])
    assert statements(client, caplog, DIFF, runs=sweep) == few
    assert few <= 3
