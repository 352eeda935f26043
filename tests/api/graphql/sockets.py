"""A client of graphql-transport-ws, message by message."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from starlette.testclient import TestClient, WebSocketTestSession

from tests.conftest import SOCKET, SOCKET_PROTOCOL


@contextmanager
def connected(client: TestClient) -> Generator[WebSocketTestSession]:
    with client.websocket_connect(SOCKET, [SOCKET_PROTOCOL]) as socket:
        assert socket.accepted_subprotocol == SOCKET_PROTOCOL
        socket.send_json({"type": "connection_init"})
        assert socket.receive_json() == {"type": "connection_ack"}
        yield socket


def subscribe(
    socket: WebSocketTestSession, document: str, key: str = "1", **variables: Any
) -> None:
    payload = {"query": document, "variables": variables}
    socket.send_json({"id": key, "type": "subscribe", "payload": payload})


def answer(socket: WebSocketTestSession, key: str = "1") -> Any:
    """The next data of an operation."""
    message = socket.receive_json()
    assert (message["type"], message["id"]) == ("next", key), message
    assert "errors" not in message["payload"], message
    return message["payload"]["data"]
