"""graphql-transport-ws: one protocol, and what one operation does wrong hurts no other."""

from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.api.graphql.sockets import answer, connected, subscribe
from tests.conftest import COUNT, SOCKET, Writer

FOLLOW = 'subscription { runChanged(runId: "r1") { status } }'


@pytest.mark.parametrize("protocols", [["graphql-ws"], ["graphql-sse"], []])
def test_no_other_protocol_is_spoken(client: TestClient, protocols: list[str]) -> None:
    with (
        client.websocket_connect(SOCKET, protocols) as socket,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        socket.receive_json()
    assert closed.value.code == 4406


def test_questions_and_mutations_are_answered_too(client: TestClient, writer: Writer) -> None:
    with connected(client) as socket:
        subscribe(socket, COUNT)
        assert answer(socket) == {"runs": {"totalCount": {"value": 1}}}
        assert socket.receive_json() == {"id": "1", "type": "complete"}
        subscribe(socket, 'mutation { cancelRun(runId: "r1") { run { status } } }')
        assert answer(socket)["cancelRun"]["run"] == {"status": "CANCEL_REQUESTED"}


@pytest.mark.parametrize("document", ["{", "{ nothing }", "subscription { runChanged { name } }"])
def test_a_wrong_document_ends_its_operation_and_no_other(
    client: TestClient, writer: Writer, document: str
) -> None:
    with connected(client) as socket:
        subscribe(socket, FOLLOW, "good")
        assert answer(socket, "good")["runChanged"]["status"]
        subscribe(socket, document, "wrong")
        message = socket.receive_json()
        assert (message["type"], message["id"]) == ("error", "wrong")
        assert message["payload"][0]["extensions"]["code"].startswith("GRAPHQL_")
        writer.events({"type": "describe", "name": "changed"})
        assert answer(socket, "good")["runChanged"]["status"]


WRONG: list[Any] = [
    [],
    None,
    "x",
    {},
    {"type": 1},
    {"type": "dance"},
    {"type": "subscribe"},
    {"type": "subscribe", "id": "1"},
    {"type": "subscribe", "id": 1, "payload": {"query": "{ __typename }"}},
    {"type": "subscribe", "id": "1", "payload": []},
    {"type": "subscribe", "id": "1", "payload": {"query": 1}},
    {"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "variables": []}},
    {"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "operationName": {}}},
    {"type": "complete", "id": []},
    {"type": "connection_init", "payload": 1},
]


@pytest.mark.parametrize("message", WRONG, ids=str)
def test_what_is_no_message_closes_the_socket(client: TestClient, message: Any) -> None:
    with connected(client) as socket:
        socket.send_json(message)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code in (4400, 4429)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\ud83d"])
def test_what_is_no_json_closes_the_socket(client: TestClient, text: str) -> None:
    with connected(client) as socket:
        socket.send_text(text)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 4400


def test_nothing_is_answered_before_the_greeting(client: TestClient) -> None:
    with client.websocket_connect(SOCKET, ["graphql-transport-ws"]) as socket:
        subscribe(socket, COUNT)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 4401


def test_one_socket_carries_twenty_operations_and_no_more(
    client: TestClient, writer: Writer
) -> None:
    with connected(client) as socket:
        for n in range(20):
            subscribe(socket, FOLLOW, str(n))
            answer(socket, str(n))
        subscribe(socket, FOLLOW, "one more")
        assert socket.receive_json()["type"] == "error"


def test_an_empty_document_is_a_mistake(client: TestClient) -> None:
    with connected(client) as socket:
        subscribe(socket, "")
        message = socket.receive_json()
        assert message["type"] == "error"
        assert message["payload"][0]["message"] == "there is no such operation in the document"
