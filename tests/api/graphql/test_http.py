"""GraphQL over HTTP: media types, methods and statuses."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from tests.conftest import COUNT, Writer, ask, data

GRAPHQL = "application/graphql-response+json"
CANCEL = 'mutation { cancelRun(runId: "r1") { run { status } userErrors { code } } }'
FOLLOW = 'subscription { runChanged(runId: "r1") { status } }'
STATUS = '{ run(runId: "r1") { status } }'


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (GRAPHQL, GRAPHQL),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        (f"{GRAPHQL}, application/json", GRAPHQL),
        (f"{GRAPHQL};q=0.5, application/json", "application/json"),
        (f"{GRAPHQL};q=x", "application/json"),
        ("text/html", "application/json"),
    ],
)
def test_the_client_chooses_the_media_type(client: TestClient, accept: str, media: str) -> None:
    reply = client.post("/graphql", json={"query": COUNT}, headers={"accept": accept})
    assert reply.headers["content-type"] == f"{media}; charset=utf-8"
    assert reply.headers["vary"] == "Accept"
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("document", ["{", "{ nothing }", "query($n: Int!) { runs(first: $n) }"])
def test_a_document_that_cannot_be_run_has_no_data_and_a_status_of_its_own(
    client: TestClient, document: str
) -> None:
    for accept, status in [(GRAPHQL, 400), ("application/json", 200)]:
        reply = client.post("/graphql", json={"query": document}, headers={"accept": accept})
        assert reply.status_code == status
        assert "data" not in reply.json()
        assert reply.json()["errors"][0]["extensions"]["code"].startswith("GRAPHQL_")


def test_a_variable_of_the_wrong_kind_is_the_client_s_mistake(client: TestClient) -> None:
    document = "query($n: Int!) { runs(first: $n) { edges { cursor } } }"
    for given in ({"n": "5"}, {"n": 2**40}, {"n": [[1]]}, {}):
        answer = ask(client, document, **given)
        assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
        assert "data" not in answer


@pytest.mark.parametrize(
    "body",
    [
        b'"x"',
        b"null",
        b"\xff",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b'{"query": 1}',
        b'{"query": null}',
        b'{"query": "{ a }", "variables": []}',
        b'{"query": "{ a }", "operationName": {"a": 1}}',
        b'{"query": "{ a }", "extensions": 1}',
        b'[{"query": "{ __typename }"}]',
    ],
)
def test_a_body_that_is_no_question_is_the_client_s_mistake(
    client: TestClient, body: bytes
) -> None:
    reply = client.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 400
    assert reply.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize(
    "media",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "text/plain; application/json",
        "",
    ],
)
def test_only_json_is_read(client: TestClient, writer: Writer, media: str) -> None:
    body = json.dumps({"query": CANCEL})
    reply = client.post("/graphql", content=body, headers={"content-type": media})
    assert reply.status_code == 415
    assert data(client, STATUS)["run"]["status"] != "CANCEL_REQUESTED"


def test_questions_are_asked_by_get_too_but_nothing_is_done(
    client: TestClient, writer: Writer
) -> None:
    variables = quote('{"id": "r1"}')
    query = quote("query($id: String!) { run(runId: $id) { runId } }")
    assert client.get(f"/graphql?query={query}&variables={variables}").json() == {
        "data": {"run": {"runId": "r1"}},
        "extensions": {"cost": {"spent": 3, "left": 49_997}},
    }
    for accept in ("application/json", "text/event-stream"):
        reply = client.get(f"/graphql?query={quote(CANCEL)}", headers={"accept": accept})
        assert (reply.status_code, reply.headers["allow"]) == (405, "POST")
    reply = client.post("/graphql", json={"query": CANCEL}, headers={"accept": "text/event-stream"})
    assert reply.status_code == 405
    assert data(client, STATUS)["run"]["status"] != "CANCEL_REQUESTED"


def test_a_mutation_behind_a_name_is_found_by_get(client: TestClient, writer: Writer) -> None:
    named = quote(CANCEL.replace("mutation", "mutation Cancel"))
    for extra in ("", "&operationName=Cancel"):
        reply = client.get(
            f"/graphql?query={named}{extra}", headers={"accept": "text/event-stream"}
        )
        assert reply.status_code == 405
    assert data(client, STATUS)["run"]["status"] != "CANCEL_REQUESTED"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_other_methods_are_told_which_there_are(client: TestClient, method: str) -> None:
    reply = client.request(method, "/graphql")
    assert (reply.status_code, reply.headers["allow"]) == (405, "GET, POST")


def test_a_subscription_is_no_question_for_one_answer(client: TestClient, writer: Writer) -> None:
    for reply in (
        client.post("/graphql", json={"query": FOLLOW}),
        client.get(f"/graphql?query={quote(FOLLOW)}"),
    ):
        assert reply.status_code == 400
        assert "text/event-stream" in reply.json()["errors"][0]["message"]


@pytest.mark.parametrize("query", ["", "?query=", "?query=%7B&variables=%7B", "?variables=[]"])
def test_a_get_without_a_question_is_the_client_s_mistake(client: TestClient, query: str) -> None:
    reply = client.get(f"/graphql{query}", headers={"accept": "text/html"})
    assert reply.status_code in (200, 400)
    assert reply.json()["errors"]


def test_an_operation_that_is_not_there_is_named(client: TestClient) -> None:
    body: dict[str, Any] = {"query": "query A { __typename }", "operationName": "B"}
    assert client.post("/graphql", json=body).status_code == 400
