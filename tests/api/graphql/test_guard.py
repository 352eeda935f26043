"""Documents that would cost much are refused before anything else looks at them."""

from typing import Any

import pytest
import strawberry.schema.schema
from graphql import DocumentNode, get_introspection_query, parse
from starlette.testclient import TestClient

from api.graphql import documents, guard
from api.graphql.overrides import core_of
from api.graphql.prices import prices
from api.graphql.schema import schema
from tests.api.graphql.sockets import connected, subscribe
from tests.conftest import ask

PRICES = prices(core_of(schema))


def bomb(width: int) -> str:
    """Each fragment spreads the next one several times: the fields grow as width ** 60."""
    links = [f"fragment f{n} on Run {{ {f'...f{n + 1} ' * width} }}" for n in range(60)]
    return " ".join([*links, "fragment f60 on Run { name }", '{ run(runId: "r") { ...f0 } }'])


def nested(depth: int, field: str = "children { edges { node") -> str:
    closing = "}" * (depth * field.count("{"))
    return f'{{ run(runId: "r") {{ {f"{field} {{" * depth} name {closing} {"}" * depth} }} }}'


def aliases(count: int) -> str:
    return "{" + " ".join(f"a{n}: __typename" for n in range(count)) + "}"


def nested_pages(*arguments: str, begin: str = "", field: str = "cursor") -> str:
    names = ["runs", *["children"] * (len(arguments) - 1)]
    lists = [
        f"{name}({given}) {{ edges {{ node {{" for name, given in zip(names, arguments, strict=True)
    ]
    return f"{begin} {{ {' '.join(lists)} {field} {'}' * 3 * len(lists)} }}"


THRICE = "fragment g on Query { ...h ...f } fragment h on Query { ...f }"
HOSTILE = {
    "a fragment bomb": (bomb(2), "nested selections"),
    "a fragment bomb of one name": (bomb(6), "one name"),
    "two operations": ("query A { __typename } query B { __typename }", "operations"),
    "aliases": (aliases(31), "aliases"),
    "aliases in a fragment": (
        f"{{ ...f ...g }} {THRICE} fragment f on Query {aliases(11)}",
        "aliases",
    ),
    "root fields": ("{" + " ".join(f"f{n}" for n in range(21)) + "}", "root fields"),
    "root fields in fragments": (
        "{ ...a ...b } fragment a on Query {"
        + " ".join(f"f{n}" for n in range(11))
        + "} "
        + "fragment b on Query {"
        + " ".join(f"g{n}" for n in range(11))
        + "}",
        "root fields",
    ),
    "a wide set": ('{ run(runId: "r") {' + " ".join(f"f{n}" for n in range(61)) + "} }", "one set"),
    "a name repeated": ('{ run(runId: "r") {' + "name " * 6 + "} }", "one name"),
    "a name repeated in an unused fragment": (
        "{ __typename } fragment f on Run {" + "name " * 6 + "}",
        "one name",
    ),
    "directives at one place": ("{ __typename " + "@skip(if: false) " * 4 + "}", "at one place"),
    "directives everywhere": (
        '{ run(runId: "r") {' + " ".join(f"f{n} @a @b @c" for n in range(17)) + "} }",
        "directives",
    ),
    "directives of variables": ("query($v: Int @a @b @c @d) { __typename }", "at one place"),
    "depth": (nested(4), "levels"),
    "long pages in long pages": (
        nested_pages("first: 1000", "first: 1000"),
        "fields to resolve",
    ),
    "pages whose length is a variable": (
        nested_pages("first: $n", "first: $n", begin="query ($n: Int! = 1000)"),
        "fields to resolve",
    ),
    "pages of no said length": (
        nested_pages(*["sort: null"] * 3, field="a b c"),
        "fields to resolve",
    ),
    "inline fragments": ("{ " + "... { " * 60 + "__typename" + " }" * 60 + " }", "nested"),
    "a chain of fragments": (
        "{ ...f0 } "
        + " ".join(f"fragment f{n} on Query {{ ...f{n + 1} }}" for n in range(100))
        + " fragment f100 on Query { __typename }",
        "",
    ),
    "deep introspection": (
        "{ __schema { types " + "{ fields { type " * 8 + "{ name }" + "} }" * 8 + " } }",
        "meta levels",
    ),
}


@pytest.mark.parametrize(("document", "words"), HOSTILE.values(), ids=HOSTILE.keys())
def test_too_much_is_refused_with_the_limit_that_it_passes(
    client: TestClient, document: str, words: str
) -> None:
    found = guard.measured(parse(document), PRICES, {}).refusal
    assert found is not None
    assert words in found
    (error,) = ask(client, document)["errors"]
    assert error["message"].startswith("a document has at most")
    assert error["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}


@pytest.mark.parametrize(
    "document",
    [
        "{" + " ".join(f"f{n}" for n in range(2000)) + "}",
        "#" + "x\n#" * 3000 + "\n{ __typename }",
        "{ run(runId: " + "[" * 1900 + "]" * 50 + ") }",
        "{" * 1500,
        "{ series(runs: [" + '"r" ' * 2000 + '], metric: "m") { x } }',
    ],
    ids=["tokens", "comments", "a deep list", "braces", "a long list"],
)
def test_what_is_too_long_or_too_deep_is_not_even_parsed(client: TestClient, document: str) -> None:
    (error,) = ask(client, document)["errors"]
    assert error["extensions"] == {"code": "GRAPHQL_PARSE_FAILED"}


@pytest.mark.parametrize("sign", [" ", ",", "#\n", "x"])
def test_a_document_beyond_its_length_is_not_even_parsed(client: TestClient, sign: str) -> None:
    document = f"{{ __typename {sign * documents.LENGTH_MAX} }}"
    (error,) = ask(client, document)["errors"]
    assert error["message"].startswith("a document has at most 131,072 characters, not")
    assert error["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}


@pytest.mark.parametrize("document", ["{ unclosed", "{ alarm" + " " * 50_000 + "}"])
def test_a_document_is_read_once_over_every_door(
    client: TestClient, document: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that cannot be parsed, or is too long to be remembered."""
    read: list[Any] = []

    def counted(source: Any, **options: Any) -> DocumentNode:
        read.append(source)
        return parse(source, **options)

    monkeypatch.setattr(documents, "parse", counted)
    monkeypatch.setattr(strawberry.schema.schema, "parse", counted)
    events = {"accept": "text/event-stream"}
    client.post("/graphql", json={"query": f"{document}#1"})
    client.post("/graphql", json={"query": f"{document}#2"}, headers=events)
    with connected(client) as socket:
        subscribe(socket, f"{document}#3")
        assert socket.receive_json()["type"] in ("error", "next")
    assert [each[-2:] for each in read] == ["#1", "#2", "#3"]


def test_fragments_that_spread_each_other_are_named(client: TestClient) -> None:
    document = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }"
    (error,) = ask(client, document)["errors"]
    assert "within itself" in error["message"]


@pytest.mark.parametrize("first", ["-1", "0", "2147483647"])
def test_pages_are_clamped_and_not_refused(client: TestClient, first: str) -> None:
    assert "errors" not in ask(client, f"{{ runs(first: {first}) {{ edges {{ cursor }} }} }}")


@pytest.mark.parametrize("first", ["99999999999999999999", '"5"', "1.5", "9" * 4000])
def test_numbers_that_are_none_are_refused(client: TestClient, first: str) -> None:
    (error,) = ask(client, f"{{ runs(first: {first}) {{ edges {{ cursor }} }} }}")["errors"]
    assert error["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}


def test_tools_may_read_the_schema(client: TestClient) -> None:
    for everything in (True, False):
        query = get_introspection_query(
            descriptions=everything,
            specified_by_url=everything,
            schema_description=everything,
            input_value_deprecation=everything,
        )
        assert "errors" not in ask(client, query)


def test_the_largest_questions_of_our_own_pages_stay_below_half_of_each_limit() -> None:
    page = """query($filter: RunFilter, $after: String) {
      runs(filter: $filter, first: 100, after: $after) { totalCount { value capped }
        pageInfo { hasNextPage endCursor }
        edges { cursor node { runId name status createdAt duration childCount tags
          metrics(columns: [{metric: "loss"}]) paramCells(keys: ["lr"]) } } } }"""
    limits = [name for name in dir(guard) if name.endswith("_MAX")]
    halves = {name: getattr(guard, name) // 2 for name in limits if name != "OPERATIONS_MAX"}
    with pytest.MonkeyPatch.context() as patch:
        for name, half in halves.items():
            patch.setattr(guard, name, max(half, 1))
        assert guard.measured(parse(page), PRICES, {}).refusal is None


def test_no_name_is_suggested(client: TestClient) -> None:
    (error,) = ask(client, "{ runz { totalCount } }")["errors"]
    assert error["message"] == "Cannot query field 'runz' on type 'Query'."
    document = 'mutation ($s: RunEnd!) { endRun(runId: "r", status: $s) { run { name } } }'
    (error,) = ask(client, document, s="FAILEDD")["errors"]
    assert "FAILEDD" in error["message"]
    assert "FAILED'" not in error["message"]
