"""No question breaks the server; what it refuses, it names."""

from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from graphql import NameNode, ObjectFieldNode
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.graphql import nodes
from starlette.applications import Starlette
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from tests.conftest import ROOT, Writer


def as_object(fields: dict[str, Any]) -> Any:
    return nodes.Object(
        [ObjectFieldNode(name=NameNode(value=k), value=v) for k, v in fields.items()]
    )


# Known names, so that questions find something; and any text, to find nothing.
KNOWN = ["r1", "r2", "mnist", "loss", "roc", "tpr", "value", "lr", "team", "none", "a/b", ""]
CURSORS = ["WzEsMixudWxsXQ", "eyJ3MSI6MX0", "e30", "?"]
TEXT = st.sampled_from([*KNOWN, *CURSORS]) | st.text(max_size=20)
LEAVES = st.one_of(
    TEXT.map(nodes.String),
    st.integers(-(2**70), 2**70).map(nodes.Int),
    st.floats(allow_nan=False, allow_infinity=False).map(nodes.Float),
    st.booleans().map(nodes.Boolean),
    st.just(nodes.Null),
)
NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(nodes.Int),
    st.sampled_from(["9007199254740993", "-7", str(2**63), "NaN", "x"]).map(nodes.String),
    st.floats(allow_nan=False, allow_infinity=False).map(nodes.Float),
)
MOMENTS = ["2026-01-31T12:00:00Z", "0001-01-01T00:00:00+14:00", "2026-01-31", "?"]
FIELD = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True)
FREE = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3).map(nodes.List)
        | st.dictionaries(FIELD, inner, max_size=3).map(as_object)
    ),
    max_leaves=6,
)
NAMED = {
    "BAD_USER_INPUT",
    "GRAPHQL_VALIDATION_FAILED",
    "GRAPHQL_PARSE_FAILED",
    "NOT_FOUND",
    "TOO_LARGE",
}


schemathesis.graphql.scalar("String", TEXT.map(nodes.String))
schemathesis.graphql.scalar("JSON", FREE)
schemathesis.graphql.scalar("BigInt", NUMBERS)
schemathesis.graphql.scalar("MetricValue", NUMBERS)
schemathesis.graphql.scalar("DateTime", st.sampled_from(MOMENTS).map(nodes.String))
# Of a library whose types are not all there for strict checking.
schema: Any = schemathesis.graphql.from_path(str(ROOT / "schema.graphql"))  # pyright: ignore[reportUnknownMemberType]


@pytest.fixture
def app(settings: Settings) -> Starlette:
    return create_app(replace(settings, allow_execution=True))


@pytest.fixture
def seeded(client: TestClient, writer: Writer) -> TestClient:
    other = Writer(client, "r2", "w2")
    other.start(parent="r1")
    other.log("loss", [0.5, "NaN", 1.5], range(3))
    writer.log_columns("roc", {"tpr": [0.1, 0.2], "note": {"s": ["a", None]}}, range(2))
    writer.events({"type": "params", "values": {"lr": 0.1}})
    writer.events({"type": "tags", "set": {"team": "vision"}, "remove": []})
    return client


@schema.parametrize()
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_question_breaks_the_server(case: Any, seeded: TestClient) -> None:
    asked = case.as_transport_kwargs()["json"]
    reply = seeded.post("/graphql", json=asked)
    assert reply.status_code < 500
    codes = {error["extensions"]["code"] for error in reply.json().get("errors", ())}
    assert codes <= NAMED, (asked, reply.json())
