"""Filters and orders as a tool writes them."""

from collections.abc import Sequence
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.conftest import Writer, ask, data, fold

LIST = """query ($filter: RunFilter, $sort: [RunSort!]) {
  runs(filter: $filter, sort: $sort) { totalCount { value } edges { node { runId } } } }"""


@pytest.fixture
def three(client: TestClient) -> None:
    for n in (1, 2, 3):
        writer = Writer(client, f"r{n}", f"w{n}")
        writer.start(name=f"run {n}")
        writer.events(
            {"type": "params", "values": {"lr": n / 2, "opt": "adam" if n < 3 else "sgd"}}
        )
        writer.events({"type": "tags", "set": {"team": "vision"} if n == 2 else {}})
        writer.log("loss", [float(n), float(4 - n)], (0, 1))
    fold(client)


def runs(client: TestClient, where: Any = None, sort: Any = None) -> Sequence[str]:
    found = data(client, LIST, filter={"where": where}, sort=sort)["runs"]
    assert found["totalCount"]["value"] == len(found["edges"])
    return [edge["node"]["runId"] for edge in found["edges"]]


def check(subject: dict[str, Any], compare: str, value: Any = None) -> dict[str, Any]:
    return {"test": {"subject": subject, "compare": compare, "value": value}}


def by(subject: dict[str, Any], direction: str = "DESCENDING") -> dict[str, Any]:
    return {"subject": subject, "direction": direction}


@pytest.mark.usefixtures("three")
def test_a_condition_speaks_of_everything_a_run_has(client: TestClient) -> None:
    lr, adam = {"param": "lr"}, check({"param": "opt"}, "EQUAL", "adam")
    least = {"metric": {"metric": "loss", "stat": "MIN"}}
    cases: list[tuple[Any, set[str]]] = [
        (check(lr, "GREATER_OR_EQUAL", 1), {"r2", "r3"}),
        (check(lr, "EQUAL", "1.5"), {"r3"}),
        (check({"tag": "team"}, "EXISTS"), {"r2"}),
        (check(least, "LESS", 1.5), {"r1", "r3"}),
        (check({"attribute": "NAME"}, "CONTAINS", "RUN 3"), {"r3"}),
        (check({"attribute": "NUMBER"}, "LESS", 3), {"r1", "r2"}),
        (check({"attribute": "STATUS"}, "NOT_EQUAL", "Running"), set[str]()),
        (check({"attribute": "STATUS"}, "NOT_EQUAL", "RUNNING"), set[str]()),
        (check({"attribute": "STATUS"}, "EQUAL", "RUNNING"), {"r1", "r2", "r3"}),
        (check({"attribute": "STATUS"}, "NOT_EQUAL", "CANCEL_REQUESTED"), {"r1", "r2", "r3"}),
        (check({"attribute": "CREATED"}, "GREATER", "2020-01-31T12:00:00Z"), {"r1", "r2", "r3"}),
        (check({"attribute": "CREATED"}, "LESS", "2020-01-31T12:00:00Z"), set[str]()),
        ({"all": [adam, {"not": check(lr, "LESS", 1)}]}, {"r2"}),
        (
            {"any": [check(lr, "EQUAL", 0.5), check({"tag": "team"}, "EQUAL", "vision")]},
            {"r1", "r2"},
        ),
        ({"all": []}, {"r1", "r2", "r3"}),
        ({"any": []}, set()),
    ]
    for where, found in cases:
        assert set(runs(client, where)) == found, where


@pytest.mark.usefixtures("three")
def test_an_order_is_by_everything_a_run_has(client: TestClient) -> None:
    loss = {"metric": {"metric": "loss"}}
    most = {"metric": {"metric": "loss", "stat": "MAX"}}
    for sort, found in [
        (by({"param": "lr"}, "ASCENDING"), ["r1", "r2", "r3"]),
        ([by({"param": "opt"}), by({"attribute": "NUMBER"})], ["r3", "r2", "r1"]),
        ([by({"tag": "team"}), by(loss, "ASCENDING")], ["r2", "r3", "r1"]),
        ([by(most), by({"attribute": "NAME"})], ["r3", "r1", "r2"]),
        (by({"attribute": "NAME"}, "ASCENDING"), ["r1", "r2", "r3"]),
    ]:
        assert runs(client, sort=sort) == found, sort


def nested(levels: int) -> dict[str, Any]:
    inner = check({"tag": "a"}, "EXISTS")
    for _ in range(levels):
        inner = {"not": inner}
    return inner


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("filter_", "sort", "said"),
    [
        ({}, None, "exactly one key"),
        ({"all": [], "any": []}, None, "exactly one key"),
        ({"all": None}, None, "must be non-null"),
        (check({}, "EXISTS"), None, "exactly one key"),
        (check({"tag": "a", "param": "b"}, "EXISTS"), None, "exactly one key"),
        (check({"tag": "a"}, "EQUAL"), None, "exists"),
        (check({"tag": "a"}, "EQUAL", [1]), None, "a number, a text or a boolean"),
        (check({"attribute": "NUMBER"}, "LESS", "x"), None, "with a number"),
        (check({"attribute": "CREATED"}, "LESS", "yesterday"), None, "no time"),
        (check({"attribute": "STATUS"}, "EQUAL", "DONE"), None, "there is no status DONE: one of"),
        (check({"attribute": "STATUS"}, "EQUAL", 1), None, "with a text"),
        (
            {"all": [check({"tag": "a"}, "EXISTS")] * 51},
            None,
            "51 tests, 2 within each other; at most 50",
        ),
        (nested(10), None, "at most 50, 10 within"),
        (None, [by({"param": "a"})] * 6, "at most 5"),
        (None, [by({"param": "a", "tag": "b"})], "exactly one key"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    client: TestClient, filter_: Any, sort: Any, said: str
) -> None:
    answer = ask(client, LIST, filter={"where": filter_}, sort=sort)
    (error,) = answer["errors"]
    assert said in error["message"], error
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.usefixtures("three")
def test_a_cursor_of_another_list_is_refused(client: TestClient) -> None:
    page = """query ($sort: [RunSort!], $after: String) {
      runs(first: 1, sort: $sort, after: $after) {
        pageInfo { endCursor } edges { node { runId } } } }"""
    by_name = by({"attribute": "NAME"})
    end = data(client, page, sort=by_name)["runs"]["pageInfo"]["endCursor"]
    assert data(client, page, sort=by_name, after=end)["runs"]["edges"]
    for other in (None, by({"metric": {"metric": "loss"}}), by({"param": "lr"})):
        (error,) = ask(client, page, sort=other, after=end)["errors"]
        assert "no cursor of this list" in error["message"]


READING = """query ($text: String, $where: RunCondition) {
  filterReading(text: $text, where: $where) { text where problem { message position hint } } }"""


@pytest.mark.usefixtures("three")
def test_a_text_filters_together_with_what_else_is_said(client: TestClient) -> None:
    def found(**wanted: Any) -> set[str]:
        edges = data(client, LIST, filter=wanted)["runs"]["edges"]
        return {edge["node"]["runId"] for edge in edges}

    text = "params.lr >= 1 or tags.team exists"
    assert found(text=text) == {"r2", "r3"}
    assert found(text=text, where=check({"param": "opt"}, "EQUAL", "sgd")) == {"r3"}
    assert found(text=f"({text}) and metrics.loss.min < 1.5", name="run") == {"r3"}
    (error,) = ask(client, LIST, filter={"text": "params.lr >"})["errors"]
    assert "ends too soon, at character 12" in error["message"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


def test_a_filter_goes_from_text_to_tree_and_back(client: TestClient) -> None:
    text = 'not (params.lr < 0.1 or status in ("Failed", "Running")) and created > 2026-01-02'
    read = data(client, READING, text=text)["filterReading"]
    again = data(client, READING, where=read["where"])["filterReading"]
    assert (again, read["problem"]) == (read, None)
    assert data(client, READING, text=read["text"])["filterReading"] == read
    wrong = data(client, READING, text="params.lr = ")["filterReading"]
    assert (wrong["text"], wrong["where"], wrong["problem"]["position"]) == (None, None, 12)
    assert wrong["problem"]["hint"].startswith("a value")
    for both in ({}, {"text": text, "where": read["where"]}):
        assert "as text or as where" in ask(client, READING, **both)["errors"][0]["message"]


TREES = """query ($filter: RunFilter, $after: String) {
  runTrees(filter: $filter, first: 2, after: $after) {
    totalCount { value } pageInfo { hasNextPage endCursor } edges { node { matches run { runId }
      children { totalCount { value } edges { node { matches run { runId }
        children(first: 9) { edges { node { matches run { runId } } } } } } } } } } }"""


def shape(connection: Any) -> dict[str, Any]:
    """Names by place in the tree; those that match say so."""
    return {
        edge["node"]["run"]["runId"] + "!" * edge["node"]["matches"]: shape(
            edge["node"].get("children", {"edges": []})
        )
        for edge in connection["edges"]
    }


def test_trees_are_paged_by_roots_and_show_the_way_to_each_match(client: TestClient) -> None:
    for run, parent in (("a", None), ("a1", "a"), ("a2", "a"), ("a11", "a1"), ("b", None)):
        Writer(client, run, f"w-{run}").start(parent=parent, name=run)
    for run in ("c", "d"):
        Writer(client, run, f"w-{run}").start(name=f"{run} 1")

    def trees(**wanted: Any) -> tuple[dict[str, Any], int]:
        page = data(client, TREES, filter=wanted)["runTrees"]
        return shape(page), page["totalCount"]["value"]

    assert trees(scope="ANY", name="11") == ({"a": {"a1": {"a11!": {}}}}, 1)
    assert trees(scope="LEAVES", name="a") == ({"a": {"a2!": {}, "a1": {"a11!": {}}}}, 1)
    assert trees(scope="ANY", text="name = b or child(name = a11)") == (
        {"b!": {}, "a": {"a1!": {}}},
        2,
    )
    assert trees(name="a") == ({"a!": {"a2": {}, "a1": {"a11": {}}}}, 1)
    first = data(client, TREES, filter={"scope": "ANY", "name": "1"})["runTrees"]
    assert (shape(first), first["pageInfo"]["hasNextPage"]) == ({"d!": {}, "c!": {}}, True)
    after = first["pageInfo"]["endCursor"]
    rest = data(client, TREES, filter={"scope": "ANY", "name": "1"}, after=after)["runTrees"]
    assert shape(rest) == {"a": {"a1!": {"a11!": {}}}}


def test_a_condition_that_is_null_is_a_mistake_of_who_asks(client: TestClient) -> None:
    document = "{ runs(filter: {where: {all: null}}) { totalCount { value } } }"
    (error,) = ask(client, document)["errors"]
    assert "non-null" in error["message"]
    assert error["extensions"]["code"] in ("BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")


FACETS = """query ($filter: RunFilter, $subjects: [RunSubject!]!, $first: Int! = 10) {
  runFacets(filter: $filter, subjects: $subjects, first: $first) { runs capped facets {
    values { value runs } distinct others missing numbers { min max histogram } } } }"""


@pytest.mark.usefixtures("three")
def test_facets_say_what_can_be_filtered_by(client: TestClient) -> None:
    subjects = [{"param": "opt"}, {"tag": "team"}, {"metric": {"metric": "loss", "stat": "MIN"}}]
    found = data(client, FACETS, subjects=subjects)["runFacets"]
    opt, team, loss = found["facets"]
    assert (found["runs"], found["capped"]) == (3, False)
    assert opt["values"] == [{"value": "adam", "runs": 2}, {"value": "sgd", "runs": 1}]
    assert (team["values"], team["missing"]) == ([{"value": "vision", "runs": 1}], 2)
    assert loss["numbers"] == {"min": 1, "max": 2, "histogram": [2, *[0] * 18, 1]}
    (rate,) = data(
        client, FACETS, filter={"text": "params.opt = adam"}, subjects={"param": "lr"}, first=1
    )["runFacets"]["facets"]
    assert (rate["values"], rate["distinct"], rate["others"]) == ([{"value": 0.5, "runs": 1}], 2, 1)
    (error,) = ask(client, FACETS, subjects=[{"param": "a"}] * 21)["errors"]
    assert error["message"] == "subjects: 21 were asked for, at most 20"


COMPLETION = """query ($text: String!, $at: Int!) {
  filterCompletion(text: $text, at: $at, experiment: "mnist", first: 2) {
    begin end more options { text kind description } problem { position } } }"""


@pytest.mark.usefixtures("three")
def test_a_filter_that_is_typed_is_completed(client: TestClient) -> None:
    found = data(client, COMPLETION, text="params.op = adam", at=9)["filterCompletion"]
    said = {"text": "params.opt", "kind": "PARAM", "description": "3 of the newest runs"}
    assert found == {"begin": 0, "end": 9, "more": False, "options": [said], "problem": None}
    found = data(client, COMPLETION, text="params.opt = ", at=99)["filterCompletion"]
    assert [each["text"] for each in found["options"]] == ['"adam"', '"sgd"']
    found = data(client, COMPLETION, text="", at=0)["filterCompletion"]
    assert (len(found["options"]), found["more"]) == (2, True)
    wrong = data(client, COMPLETION, text="foo = 1 and ", at=12)["filterCompletion"]
    assert (wrong["options"], wrong["problem"]) == ([], {"position": 0})


@pytest.mark.usefixtures("three")
def test_places_in_a_filter_are_counted_as_javascript_counts(client: TestClient) -> None:
    mood = 'tags.mood = "\U0001f642" and '
    text = f"{mood}params.op = adam"
    units = len(mood) + 1
    found = data(client, COMPLETION, text=text, at=units + 9)["filterCompletion"]
    assert (found["begin"], found["end"]) == (units, units + 9)
    assert [each["text"] for each in found["options"]] == ["params.opt"]
    # Within the emoji is before it.
    inside, before = (
        data(client, COMPLETION, text=text, at=n)["filterCompletion"] for n in (14, 13)
    )
    assert inside == before
    wrong = data(client, COMPLETION, text=f"{mood}foo = 1 and ", at=99)["filterCompletion"]
    assert (wrong["begin"], wrong["problem"]["position"]) == (units + 12, units)
    problem = data(client, READING, text=f"{mood}foo = 1")["filterReading"]["problem"]
    assert problem["position"] == units
    assert problem["message"].endswith(f", at character {len(mood) + 1} of the filter")
