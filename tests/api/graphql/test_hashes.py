"""Documents are asked by their hash: a short address, and an answer that browsers keep."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketTestSession

from api.graphql import hashes
from api.graphql.hashes import Hashes, hash_of
from tests.api.edge.test_tokens import bearer, made
from tests.api.graphql.sockets import connected
from tests.conftest import Writer, visitor
from web import documents
from web.app import create_app as create_whole

NAME = "query Named($id: String!) { run(runId: $id) { runId name } }"
GRAPHQL = "application/graphql-response+json"
NOT_FOUND = {
    "errors": [
        {
            "message": "PersistedQueryNotFound",
            "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"},
        }
    ]
}


def persisted(document: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": hash_of(document)}}


def get(client: TestClient, document: str, headers: Any = None, **variables: Any) -> Any:
    params = {
        "extensions": json.dumps(persisted(document)),
        "variables": json.dumps(variables),
    }
    return client.get("/graphql", params=params, headers=headers)


def teach(client: TestClient, document: str, **variables: Any) -> Any:
    body = {"query": document, "variables": variables, "extensions": persisted(document)}
    return client.post("/graphql", json=body)


@pytest.mark.usefixtures("writer")
def test_a_client_teaches_a_document_and_then_sends_its_hash(client: TestClient) -> None:
    document = NAME + " # taught"
    reply = get(client, document, id="r1")
    assert (reply.status_code, reply.json()) == (200, NOT_FOUND)
    assert reply.headers["cache-control"] == "no-store"
    taught = teach(client, document, id="r1").json()
    assert taught["data"]["run"]["runId"] == "r1"
    assert get(client, document, id="r1").json() == taught
    by_post = {"variables": {"id": "r1"}, "extensions": persisted(document)}
    assert client.post("/graphql", json=by_post).json() == taught


def test_who_asks_for_its_media_type_gets_the_status_of_what_was_not_executed(
    client: TestClient,
) -> None:
    reply = get(client, "{ unknown }", {"accept": GRAPHQL})
    assert (reply.status_code, reply.json()) == (400, NOT_FOUND)


def test_an_answer_holds_until_what_it_says_changes(client: TestClient, writer: Writer) -> None:
    teach(client, NAME, id="r1")
    first = get(client, NAME, id="r1")
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["vary"] == "Accept, Authorization, Cookie"
    for held in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = get(client, NAME, {"if-none-match": held}, id="r1")
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == "private, no-cache"
    writer.events({"type": "describe", "name": "renamed"})
    changed = get(client, NAME, {"if-none-match": tag}, id="r1")
    assert (changed.status_code, changed.json()["data"]["run"]["name"]) == (200, "renamed")
    assert changed.headers["etag"] != tag


def test_who_may_not_read_is_not_told_that_an_answer_still_holds(client: TestClient) -> None:
    teach(client, NAME, id="r1")
    tag = get(client, NAME, id="r1").headers["etag"]
    assert get(visitor(client), NAME, {"if-none-match": tag}, id="r1").status_code == 401


def test_mistakes_are_not_kept(client: TestClient) -> None:
    teach(client, NAME, id="r1")
    reply = get(client, NAME, id=7)
    assert reply.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
    assert "etag" not in reply.headers
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.usefixtures("writer")
def test_nothing_is_done_by_get_also_not_by_its_hash(client: TestClient) -> None:
    document = 'mutation { cancelRun(runId: "r1") { userErrors { code } } }'
    assert teach(client, document).status_code == 200
    reply = get(client, document)
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")
    sse = get(client, document, {"accept": "text/event-stream"})
    assert sse.status_code == 405


def test_only_post_teaches_and_only_what_may_be_executed(client: TestClient) -> None:
    by_get = "{ runs { totalCount { value } } } # by get"
    params = {"query": by_get, "extensions": json.dumps(persisted(by_get))}
    assert "data" in client.get("/graphql", params=params).json()
    assert get(client, by_get).json() == NOT_FOUND
    for document in ("{ nothing }", "{", "{" + "a " * 3000 + "}"):
        assert "errors" in teach(client, document).json()
        assert get(client, document).json() == NOT_FOUND


def test_a_document_goes_by_no_hash_but_its_own(client: TestClient) -> None:
    body = {"query": "{ __typename } # other", "extensions": persisted(NAME)}
    reply = client.post("/graphql", json=body)
    assert reply.status_code == 400
    assert reply.json()["errors"][0]["message"] == "provided sha does not match query"


@pytest.mark.parametrize(
    "said",
    [1, [], {}, {"version": 2, "sha256Hash": "0" * 64}, {"version": 1, "sha256Hash": "0" * 63}],
)
def test_what_is_no_hash_is_the_client_s_mistake(client: TestClient, said: Any) -> None:
    body = {"query": "{ __typename }", "extensions": {"persistedQuery": said}}
    reply = client.post("/graphql", json=body)
    assert reply.status_code == 400
    assert reply.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


def test_the_documents_of_the_pages_are_known_from_the_start(client: TestClient) -> None:
    create_whole()
    for document in documents.everything():
        errors = get(client, document, {"accept": GRAPHQL}).json().get("errors", [])
        assert "PersistedQueryNotFound" not in [each["message"] for each in errors]


def test_what_was_taught_is_bounded_and_what_is_trusted_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hashes, "TAUGHT_MAX", 3)
    known = Hashes()
    known.trust(["{ trusted }"])
    texts = [f"{{ a{n} }}" for n in range(4)]
    for text in texts[:3]:
        known.document(hash_of(text), text, learn=True)
    # The first was just used, so the second goes.
    assert known.document(hash_of(texts[0]), None, learn=False) == texts[0]
    known.document(hash_of(texts[3]), texts[3], learn=True)
    with pytest.raises(hashes.UnknownHashError):
        known.document(hash_of(texts[1]), None, learn=False)
    monkeypatch.setattr(hashes, "TAUGHT_BYTES_MAX", 20)
    long = "{ " + "b" * 14 + " }"
    known.document(hash_of(long), long, learn=True)
    with pytest.raises(hashes.UnknownHashError):
        known.document(hash_of(texts[0]), None, learn=False)
    assert known.document(hash_of(long), None, learn=False) == long
    assert known.document(hash_of("{ trusted }"), None, learn=False) == "{ trusted }"


def persist(socket: WebSocketTestSession, key: str, said: Any, **payload: Any) -> Any:
    asked = {"extensions": said, "variables": {"id": "r1"}, **payload}
    socket.send_json({"id": key, "type": "subscribe", "payload": asked})
    return socket.receive_json()


@pytest.mark.usefixtures("writer")
def test_a_socket_takes_and_learns_hashes_too(client: TestClient) -> None:
    document = NAME + " # taught on a socket"
    followed = "subscription ($id: String!) { runChanged(runId: $id) { runId } }"
    with connected(client) as socket:
        for n, empty in enumerate(({}, {"query": ""}, {"query": None})):
            told = persist(socket, f"e{n}", persisted(document), **empty)
            assert told == {"id": f"e{n}", "type": "error", "payload": NOT_FOUND["errors"]}
        wrong = persist(socket, "w", persisted(document), query=NAME)
        assert wrong["payload"][0]["message"] == "provided sha does not match query"
        no_hash = persist(socket, "n", {"persistedQuery": {"version": 2}}, query=document)
        assert no_hash["payload"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
        for n, query in enumerate((document, "", followed)):
            of = query or document
            assert persist(socket, f"g{n}", persisted(of), query=query)["type"] == "next"
            if of == document:
                assert socket.receive_json() == {"id": f"g{n}", "type": "complete"}
        # It is on the same server, whichever way it was said.
        assert persist(socket, "again", persisted(followed))["payload"]["data"]["runChanged"]
    assert get(client, document, id="r1").json()["data"]["run"]["runId"] == "r1"


def test_who_may_not_ask_learns_of_no_hash_on_a_socket(client: TestClient) -> None:
    guest = bearer(client, made(client, "INGEST")["secret"])
    with connected(guest) as socket:
        told = persist(socket, "1", persisted("{ never } # taught"))
    assert told["payload"][0]["extensions"] == {"code": "FORBIDDEN"}
