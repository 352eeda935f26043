"""A question is saved under a name, and run by its hash with the rights of whoever asks."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.graphql.hashes import hash_of
from api.settings import Settings
from tests.api.edge.test_tokens import bearer, made
from tests.api.graphql.test_hashes import NOT_FOUND, get
from tests.conftest import HOST, Writer, data, visitor

NAMED = "query Named($id: String!) { run(runId: $id) { name } } # saved"
SAVE = """mutation ($input: SaveViewInput!) { saveView(input: $input) {
  view { id name document sha256Hash variables page createdAt updatedAt }
  userErrors { message code path } } }"""
DELETE = """mutation ($id: ID!) { deleteView(id: $id) {
  view { id name } userErrors { code path } } }"""


def save(client: TestClient, document: str, variables: Any = None, name: str = "v") -> Any:
    said = {"name": name, "document": document, "variables": variables}
    return data(client, SAVE, input=said)["saveView"]


def refused(client: TestClient, document: str, variables: Any = None) -> Mapping[str, Any]:
    answer = save(client, document, variables)
    assert answer["view"] is None
    (error,) = answer["userErrors"]
    return error


def test_a_view_is_found_again_by_its_id_and_in_the_list(client: TestClient) -> None:
    view = save(client, NAMED, {"id": "r1"})["view"]
    assert (view["sha256Hash"], view["variables"]) == (hash_of(NAMED), {"id": "r1"})
    assert view["createdAt"] == view["updatedAt"]
    other = save(client, "{ alarm }", name="w")["view"]
    document = """query ($id: ID!) { view(id: $id) { name document }
      node(id: $id) { id ... on View { variables } }
      views(first: 1) { totalCount edges { cursor node { name } } pageInfo { hasNextPage } } }"""
    found = data(client, document, id=view["id"])
    assert found["view"] == {"name": "v", "document": NAMED}
    assert found["node"] == {"id": view["id"], "variables": {"id": "r1"}}
    (edge,) = found["views"]["edges"]
    assert (found["views"]["totalCount"], edge["node"]["name"]) == (2, "w")
    assert found["views"]["pageInfo"] == {"hasNextPage": True}
    behind = "query ($after: String) { views(after: $after) { edges { node { name } } } }"
    assert data(client, behind, after=edge["cursor"])["views"]["edges"] == [{"node": {"name": "v"}}]
    # An id of something else is no view's.
    assert data(client, document, id="UnVuOnIx")["view"] is None
    gone = data(client, DELETE, id=other["id"])["deleteView"]
    assert gone == {"view": {"id": other["id"], "name": "w"}, "userErrors": []}
    for id_ in (other["id"], "UnVuOnIx"):
        again = data(client, DELETE, id=id_)["deleteView"]
        assert again == {"view": None, "userErrors": [{"code": "NOT_FOUND", "path": ["id"]}]}
    wrong = data(client, DELETE, id="?")["deleteView"]
    assert wrong["userErrors"] == [{"code": "BAD_USER_INPUT", "path": ["id"]}]


def test_a_view_says_the_page_that_it_is_of(client: TestClient) -> None:
    said = {"name": "v", "document": "{ alarm }", "page": "/runs?q=vit"}
    view = data(client, SAVE, input=said)["saveView"]["view"]
    assert view["page"] == "/runs?q=vit"
    found = data(client, "query ($id: ID!) { view(id: $id) { page } }", id=view["id"])
    assert found["view"] == {"page": "/runs?q=vit"}
    elsewhere = data(client, SAVE, input={**said, "page": "//elsewhere/runs"})["saveView"]
    (error,) = elsewhere["userErrors"]
    assert (error["code"], error["path"]) == ("BAD_USER_INPUT", ["input"])
    assert "begins with one /" in error["message"]
    # What is saved without one has none, whatever was there before.
    assert save(client, "{ alarm }")["view"]["page"] is None


def test_a_saved_document_is_run_by_its_hash(client: TestClient, writer: Writer) -> None:
    writer.events({"type": "describe", "name": "first"})
    assert get(client, NAMED, id="r1").json() == NOT_FOUND
    view = save(client, NAMED, {"id": "r1"})["view"]
    reply = get(client, NAMED, **view["variables"])
    assert reply.json()["data"] == {"run": {"name": "first"}}
    held = {"if-none-match": reply.headers["etag"]}
    assert get(client, NAMED, held, id="r1").status_code == 304
    data(client, DELETE, id=view["id"])
    assert get(client, NAMED, id="r1").json() == NOT_FOUND


@pytest.mark.usefixtures("writer")
def test_who_runs_it_sees_what_they_may_see(client: TestClient) -> None:
    Writer(client, "theirs").start(experiment="elsewhere")
    save(client, NAMED, {"id": "r1"})
    reader = bearer(client, made(client, "READ")["secret"])
    limited = bearer(client, made(client, "READ", experiment="elsewhere")["secret"])
    assert get(reader, NAMED, id="r1").json()["data"]["run"]
    assert get(limited, NAMED, id="r1").json()["data"] == {"run": None}
    assert get(limited, NAMED, id="theirs").json()["data"]["run"]
    assert get(visitor(client), NAMED, id="r1").status_code == 401
    script = bearer(client, made(client, "INGEST")["secret"])
    assert "data" not in get(script, NAMED, id="r1").json()


def test_what_cannot_be_run_is_not_saved(client: TestClient) -> None:
    for document, words in {
        "{": "Syntax Error",
        "": "Syntax Error",
        "{ nothing }": "Cannot query field 'nothing'",
        "{ a: alarm } fragment f on Query { alarm }": "Fragment 'f' is never used",
        "query A { alarm } query B { alarm }": "at most 1 operations",
        'mutation { cancelRun(runId: "r1") { userErrors { code } } }': "asked by POST",
        "subscription { runsChanged { reset } }": "followed over WebSocket",
        "{" + " ".join(f"a{n}: alarm" for n in range(31)) + "}": "aliases",
        "{a" * 900 + "}" * 900: "",
    }.items():
        error = refused(client, document)
        assert words in error["message"], document
        assert (error["code"], error["path"]) == ("BAD_USER_INPUT", ["input", "document"])
    assert "at line 1, column 2" in refused(client, "{")["message"]


def test_variables_are_those_of_the_document(client: TestClient) -> None:
    paged = "query ($n: Int = 3) { runs(first: $n) { edges { node { runId } } } }"
    for document, variables, words in (
        (NAMED, None, "'$id' has invalid value"),
        (NAMED, {"id": 7}, "'$id'"),
        (NAMED, {"id": "r1", "more": 1}, "no variable $more"),
        (NAMED, ["r1"], "an object"),
        (paged, {"n": "many"}, "'$n'"),
    ):
        error = refused(client, document, variables)
        assert words in error["message"], error
        assert (error["code"], error["path"]) == ("BAD_USER_INPUT", ["input", "variables"])
    for given in (None, {}, {"n": 5}):
        assert save(client, paged, given)["view"]["variables"] == (given or {})


def test_a_view_costs_no_more_than_a_document_may(client: TestClient) -> None:
    document = """query ($n: Int!) { experiments(first: $n) { edges { node {
      runs(first: $n) { edges { node { runId } } } } } } }"""
    assert save(client, document, {"n": 10})["view"]
    assert "fields to resolve" in refused(client, document, {"n": 1000})["message"]


def test_a_server_that_comes_back_knows_what_was_saved(
    app: Any, settings: Settings, tmp_path: Path
) -> None:
    headers = {"authorization": f"Bearer {(tmp_path / 'token').read_text()}"}
    with TestClient(app, base_url=f"http://{HOST}", headers=headers) as client:
        save(client, "{ alarm } # saved")
    # Another one would have been told nothing.
    again = create_app(settings)
    with TestClient(again, base_url=f"http://{HOST}", headers=headers) as client:
        assert get(client, "{ alarm } # saved").json()["data"] == {"alarm": None}
        assert json.dumps(data(client, "{ views { edges { node { name } } } }")).count('"v"') == 1
