"""Values come out of GraphQL as they went in, and go in only if they can be kept."""

from typing import Any

import numpy as np
import orjson
import pytest
from starlette.testclient import TestClient

from api.graphql.scalars import encoded, float32, said, serialized
from tests.conftest import Writer, ask, data

SERIES = """query ($precision: Precision!) {
  series(runs: ["r1"], metric: "m", precision: $precision) { x lines { mean min last } } }"""


def column(values: Any, kind: Any = None) -> Any:
    return orjson.loads(encoded(serialized(np.array(values, kind))))


@pytest.mark.parametrize(
    ("values", "kind", "text"),
    [
        ([0.1, np.nan, np.inf, -np.inf], "f8", [0.1, "NaN", "Infinity", "-Infinity"]),
        ([1, 2**53, -(2**53)], "i8", [1, 2**53, -(2**53)]),
        ([2**53 + 1, 2**63 - 1, -(2**63)], "i8", [str(2**53 + 1), str(2**63 - 1), str(-(2**63))]),
        (["NaN", "text", ""], object, ["NaN", "text", ""]),
        ([None, 0.5, True, "x", 2**60, np.nan], object, [None, 0.5, True, "x", str(2**60), "NaN"]),
        ([True, False], bool, [True, False]),
        ([0.1, 16777216.0], "f4", [0.1, 16777216.0]),
        ([0.1, np.nan], "f4", [0.1, "NaN"]),
        ([], "f8", []),
    ],
)
def test_a_column_is_said_as_json_can(values: Any, kind: Any, text: Any) -> None:
    assert column(values, kind) == text


def test_a_column_that_is_a_view_is_encoded_too() -> None:
    assert orjson.loads(encoded(serialized(np.arange(10.0)[::3]))) == [0, 3, 6, 9]


def test_half_precision_is_shorter_and_leaves_the_rest_alone() -> None:
    tenth = np.array([0.1, 1 / 3])
    assert encoded(serialized(float32(tenth))) == b"[0.1,0.33333334]"
    gaps = np.array([1 / 3, None, "x", 7], object)
    assert encoded(serialized(float32(gaps))) == b'[0.33333334,null,"x",7]'
    whole = np.array([2**53], "i8")
    assert float32(whole) is whole


def test_single_values_follow_the_same_rules() -> None:
    assert [said(value) for value in (float("nan"), 2**63, True, "x", None, {"a": 1})] == [
        "NaN",
        str(2**63),
        True,
        "x",
        None,
        {"a": 1},
    ]


def test_pages_may_ask_for_half_precision(client: TestClient, writer: Writer) -> None:
    writer.log("m", [1 / 3, "NaN", 2 / 3], range(3))
    exact = data(client, SERIES, precision="FLOAT64")["series"]
    short = data(client, SERIES, precision="FLOAT32")["series"]
    assert exact["x"] == short["x"]
    assert exact["lines"][0]["mean"][0] == 1 / 3
    assert short["lines"][0]["mean"][0] == pytest.approx(1 / 3, rel=1e-7)  # pyright: ignore[reportUnknownMemberType]
    assert len(str(short["lines"][0]["mean"][0])) <= 10


def nested(levels: int) -> Any:
    return {"a": nested(levels - 1)} if levels else 1


@pytest.mark.parametrize("tags", [nested(40), {"a": 2**63}, {"a": [[{"b": 2**64 - 1}]]}])
def test_json_that_could_not_be_kept_is_refused_at_the_door(
    client: TestClient, tags: dict[str, Any]
) -> None:
    document = """mutation ($tags: JSON) {
      createRun(input: {experiment: "e", tags: $tags}) { run { tags } } }"""
    answer = ask(client, document, tags=tags)
    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
    assert data(client, "{ runs { totalCount { value } } }")["runs"]["totalCount"]["value"] == 0


def test_json_written_into_the_document_follows_the_same_rules(client: TestClient) -> None:
    document = 'mutation { createRun(input: {experiment: "e", tags: %s}) { run { tags } } }'
    kept = data(client, document % '{a: 1, b: [true, null, "x", 0.5], c: {d: {}}}')
    assert kept["createRun"]["run"]["tags"] == {"a": 1, "b": [True, None, "x", 0.5], "c": {"d": {}}}
    (error,) = ask(client, document % f"{{a: {2**64}}}")["errors"]
    assert error["extensions"]["code"] in ("GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT")
