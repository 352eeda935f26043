"""Every answer says what its document cost and how much more one might; errors name the limit."""

from typing import Any, cast

import pytest
from graphql import GraphQLObjectType, parse
from starlette.testclient import TestClient

from api.graphql.guard import COST_MAX, lengths_of, measured
from api.graphql.overrides import core_of
from api.graphql.prices import ITEM_COSTS, LENGTHS, WEIGHTS, prices
from api.graphql.schema import schema
from tests.conftest import SOCKET, SOCKET_PROTOCOL, Writer, ask

PRICES = prices(core_of(schema))
PAGE = "{ runs(first: %s) { edges { cursor } } }"
NESTED = """query ($n: Int!, $m: Int! = 10) {
  runs(first: $n) { edges { node { children(first: $m) { edges { cursor } } } } } }"""


def cost(document: str, **variables: Any) -> int:
    read = parse(document)
    found = measured(read, PRICES, {})
    return measured(read, PRICES, lengths_of(read, found.variables, variables)).cost


@pytest.mark.parametrize(
    ("document", "spent"),
    [
        ("{ __typename }", 2),
        ('{ run(runId: "r1") { name status } }', 5),
        ("{ runs { edges { cursor } } }", 1 + 50 * 3),
        (PAGE % 10, 1 + 10 * 3),
        (PAGE % 5000, 1 + 1000 * 3),
        # A resolver is called for each run.
        ('{ runs(first: 9) { edges { node { metric(name: "m") { name } } } } }', 1 + 9 * 15),
        ('mutation { deleteRun(runId: "none") { userErrors { code } } }', 4),
    ],
)
def test_an_answer_says_what_its_document_cost(
    client: TestClient, document: str, spent: int
) -> None:
    said = ask(client, document)["extensions"]["cost"]
    assert said == {"spent": spent, "left": COST_MAX - spent}


def test_a_list_counts_as_long_as_its_variable_says(client: TestClient) -> None:
    few = ask(client, NESTED, n=5, m=5)
    assert few["extensions"]["cost"]["spent"] == cost(NESTED, n=5, m=5) < 300
    assert ask(client, NESTED, n=5)["extensions"]["cost"]["spent"] == cost(NESTED, n=5, m=10)
    many = ask(client, NESTED, n=1000, m=1000)
    assert "data" not in many
    assert many["extensions"]["cost"] == {"spent": 0, "left": COST_MAX}
    (error,) = many["errors"]
    assert "at most 50,000 fields to resolve in its lists, not 3,0" in error["message"]
    assert "(runs.first: 1,000, children.first: 1,000)" in error["message"]


@pytest.mark.parametrize("given", [None, 1e3, "9", True, 10**400, -(10**400)])
def test_what_is_no_length_counts_as_the_longest(given: Any) -> None:
    most = 1000 if given != -(10**400) else 1
    assert cost(NESTED, n=1, m=given) == cost(NESTED, n=1, m=most)


def test_a_variable_that_nobody_says_leaves_the_field_its_own_length(client: TestClient) -> None:
    unsaid = "query ($n: Int) { runs(first: $n) { edges { cursor } } }"
    assert ask(client, unsaid)["extensions"]["cost"]["spent"] == 1 + 50 * 3
    assert cost(unsaid, n=None) == cost(unsaid, n=1000)
    # Which of two operations is executed is not known here: the longest counts.
    few, many = (f"query {n} ($n: Int = {n[1:]}) {PAGE % '$n'} " for n in ("a1", "a900"))
    assert cost(few + many) == cost(many + few) == 2 * (1 + 900 * 3)


SERIES = 'query($r: [String!]! = ["a", "b"]) { series(runs: $r, metric: "m") { x } }'
CELLS = "query($c: [CellInput!]!) { runs(first: 10) { metricCells(columns: $c) } }"


def test_what_is_worked_out_for_each_item_of_a_list_counts_with_its_length() -> None:
    assert cost(SERIES, r=[]) == 3
    assert cost(SERIES) == 3 + 2 * 25
    assert cost(SERIES, r=["a"] * 60) == cost(SERIES.replace("$r, ", "[%s], " % ('"a" ' * 60)))
    assert cost(SERIES, r=["a"] * 60) == 3 + 60 * 25
    assert cost(SERIES, r="a") == cost(SERIES, r=["a"] * 999) == 3 + 200 * 25
    assert cost(CELLS, c=[{}] * 9) - cost(CELLS, c=[]) == 2 * 10


ALIKE = """query($c: [CellInput!]) {
  runGroups(by: {param: "lr"}, first: 10, columns: $c) { runs } }"""


def test_a_list_that_is_null_or_left_out_adds_nothing(client: TestClient) -> None:
    none = cost(ALIKE.replace(", columns: $c", "").replace("($c: [CellInput!])", ""))
    assert cost(ALIKE.replace("columns: $c", "columns: null")) == cost(ALIKE, c=[]) == none
    assert cost(ALIKE.replace("!])", "!] = null)")) == none
    assert cost(ALIKE.replace("!])", '!] = [{metric: "m"}])'), c=None) == none
    for given in ({}, {"c": None}):
        answer = ask(client, ALIKE, **given)
        assert answer["data"] == {"runGroups": {"runs": 0}}
        assert answer["extensions"]["cost"]["spent"] == none


def test_a_list_counts_as_no_longer_than_its_field_takes_it(client: TestClient) -> None:
    cell = {"metric": "loss"}
    most = cost(ALIKE, c=[cell] * 20)
    assert most - cost(ALIKE, c=[]) == 20 * 1250
    # One that is given without its list is a list of one.
    assert ask(client, ALIKE, c=cell)["extensions"]["cost"]["spent"] == most < COST_MAX
    (error, *_) = ask(client, ALIKE, c=[cell] * 21)["errors"]
    assert "columns: 21 were asked for, at most 20" in error["message"]


FRAGMENT = """{ node(id: "r") { ...f } }
  fragment f on Run { ... { children { edges { cursor } } } }"""


@pytest.mark.parametrize(
    ("document", "spent"),
    [
        # A number there, and a page of fifty elsewhere.
        ("{ runFacets(subjects: []) { runs } }", 10_001 + 10 * 2),
        ('{ computeTarget(name: "t") { runs { edges { cursor } } } }', 1 + 11 + 50 * 3),
        ('{ computeTarget(name: "t") { nodes { name } } }', 1 + 11 + 50 * 2),
        ('{ run(runId: "r") { children { edges { cursor } } } }', 1 + 11 + 50 * 3),
        ('{ node(id: "r") { ... on Run { children { edges { cursor } } } } }', 1 + 11 + 50 * 3),
        (FRAGMENT, 1 + 11 + 50 * 3),
        # Refused later, because they are not there.
        ("{ children { logLines { runs } } }", 1 + 1 + 2),
    ],
)
def test_a_name_costs_what_the_field_of_its_type_does(document: str, spent: int) -> None:
    assert cost(document) == spent


def test_what_has_a_price_of_its_own_is_there() -> None:
    priced = {**WEIGHTS, **LENGTHS, **ITEM_COSTS}
    types = core_of(schema).type_map
    for (type_, name), items in priced.items():
        arguments = cast("GraphQLObjectType", types[type_]).fields[name].args
        assert not isinstance(items, dict) or set(items) <= set(arguments), (type_, name)


def test_news_says_what_it_cost_too(client: TestClient, writer: Writer) -> None:
    query = 'subscription { runChanged(runId: "r1") { status name } }'
    with client.websocket_connect(SOCKET, [SOCKET_PROTOCOL]) as socket:
        socket.send_json({"type": "connection_init"})
        socket.receive_json()
        socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": query}})
        payload = socket.receive_json()["payload"]
    assert payload["extensions"] == {"cost": {"spent": 5, "left": COST_MAX - 5}}


def test_a_panel_of_facets_costs_as_many_fields_as_it_looks_at_runs(client: TestClient) -> None:
    facets = "runFacets(subjects: []) { capped } "
    assert ask(client, f"{{ {facets} }}")["extensions"]["cost"]["spent"] == 10_021
    many = " ".join(f"f{n}: {facets}" for n in range(5))
    (error,) = ask(client, f"{{ {many} }}")["errors"]
    assert "at most 50,000 fields to resolve" in error["message"]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (
            '{ series(runs: [%s], metric: "m") { x } }' % ('"r" ' * 201),
            "runs: 201 were asked for, at most 200",
        ),
        (
            "{ runs(sort: [%s]) { edges { cursor } } }" % ('{subject: {param: "a"}} ' * 6),
            "sort: 6 keys, at most 5",
        ),
        (
            '{ run(runId: "r1") { paramCells(keys: [%s]) } }' % ('"k" ' * 201),
            "keys: 201 were asked for, at most 200",
        ),
        (
            '{ run(runId: "r1") { ' + "children { edges { node { " * 4 + "name" + " }" * 14,
            "at most 10 levels, not 13 (run.children.edges.node.children.",
        ),
        ('{ run(runId: "r1") {' + "name " * 61 + "} }", "selections in one set, not 61 (run)"),
        ("{ __typename " + "@skip(if: false) " * 4 + "}", "one place, not 4 (__typename)"),
    ],
)
def test_an_error_names_the_field_what_was_asked_for_and_the_limit(
    client: TestClient, writer: Writer, document: str, words: str
) -> None:
    (error,) = ask(client, document)["errors"]
    assert words in error["message"]
