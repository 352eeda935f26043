"""Hostile questions on their way: over every door of `/graphql`, and what became of them."""

import http.client
import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.charter.hostile import Question
from tests.flows.server import Server

ANSWER_S_MAX = 20
# Longer ones the server does not read: it closes, and its reason may be lost on the way.
FRAME_BYTES_MAX, CUT_OFF = 65536, 1009
DOORS = ("post", "post", "post", "get", "events", "socket", "list", "raw")
# What a socket says of an operation; then it has been answered, or refused.
SETTLED = {"next", "error", "complete"}
INIT = '{"type":"connection_init"}'
FRAMES = ("{", "[]", '"x"', '{"type":"subscribe"}', '{"type":5}', INIT)


@dataclass(frozen=True, slots=True)
class Outcome:
    door: str
    status: int
    said: bytes


def ready(server: Server, question: Question, chance: random.Random) -> Callable[[], Outcome]:
    """What asks it, over some door: all is written down, since that is no work of the server."""
    door = chance.choice(DOORS)
    if door == "socket":
        return over_socket(server, question, chance)
    return over_http(server, question, door, chance)


def body_of(question: Question) -> dict[str, Any]:
    body = {"query": question.query, "variables": question.variables}
    if question.operation is not None:
        body["operationName"] = question.operation
    return body | ({"extensions": question.extensions} if question.extensions else {})


def over_http(
    server: Server, question: Question, door: str, chance: random.Random
) -> Callable[[], Outcome]:
    said, method, path, body = body_of(question), "POST", "/graphql", b""
    headers = {**server.headers, "content-type": "application/json", "accept": "*/*"}
    match door:
        case "get":
            told = {key: v if isinstance(v, str) else json.dumps(v) for key, v in said.items()}
            method, path = "GET", f"/graphql?{urlencode(told, errors='replace')}"
        case "list":
            body = json.dumps([said] * chance.choice([1, 2, 100])).encode()
        case "raw":
            body = bytes(broken(json.dumps(said).encode(), chance))
        case _:
            body = json.dumps(said).encode()
            if door == "events":
                headers["accept"] = "text/event-stream"

    def ask() -> Outcome:
        address = ("127.0.0.1", server.port)
        with closing(http.client.HTTPConnection(*address, timeout=ANSWER_S_MAX)) as connection:
            return Outcome(door, *spoken(connection, method, path, body, headers))

    return ask


def spoken(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes, headers: Any
) -> tuple[int, bytes]:
    # It may be refused before all of it is there; the answer can still be read.
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.request(method, path, body or None, headers)
    try:
        reply = connection.getresponse()
    except (ConnectionResetError, http.client.RemoteDisconnected):
        return 0, b""
    if reply.headers.get_content_type() == "text/event-stream":
        # The first event; the others are to come.
        return reply.status, reply.read1(65536)
    return reply.status, reply.read()


def broken(words: bytes, chance: random.Random) -> Iterator[int]:
    """The same with some bytes that are none of UTF-8, or of JSON, or missing."""
    said = bytearray(words)
    for _ in range(chance.choice([1, 5, 50])):
        at = chance.randrange(len(said))
        said[at : at + chance.randrange(3)] = chance.choice(
            [b"\xff", b"\xed\xa0\x80", b'"', b"\\", b"\x00", b"{", b"\\ud800"]
        )
    yield from said


def over_socket(server: Server, question: Question, chance: random.Random) -> Callable[[], Outcome]:
    words = json.dumps({"id": "1", "type": "subscribe", "payload": body_of(question)})
    frames = [words] * chance.choice([1, 1, 1, 2]) + chance.choices(
        FRAMES, k=chance.choice([0, 0, 3])
    )
    begins = chance.random() < 0.9
    return partial(over_socket_said, server, [INIT] * begins + frames, len(words))


def over_socket_said(server: Server, frames: Sequence[str], longest: int) -> Outcome:
    try:
        with connect(
            f"ws://127.0.0.1:{server.port}/graphql",
            subprotocols=[Subprotocol("graphql-transport-ws")],
            additional_headers=server.headers,
            max_size=None,
            proxy=None,
        ) as socket:
            for frame in frames:
                socket.send(frame)
            while json.loads(said := socket.recv(ANSWER_S_MAX))["type"] not in SETTLED:
                pass
            return Outcome("socket", 200, str(said).encode())
    except ConnectionClosed as closed:
        # A close code is a refusal in the protocol's own words.
        code = closed.rcvd.code if closed.rcvd else CUT_OFF * (longest > FRAME_BYTES_MAX)
        return Outcome("socket", code, b"")
