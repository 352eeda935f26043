"""Clients that follow a run, over either protocol, and come back with their cursor."""

import contextlib
import http.client
import itertools
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.flows.server import Server

DOCUMENT = """subscription ($run: String!, $after: String) {
  metricsAppended(runs: [{runId: $run, after: $after}]) {
    cursor reset blocks { name steps columns { values } } } }"""
RETRY_S = 0.05
# How a server closes a socket that is to come again.
GOING_AWAY = {1001, 1012}


class Follower(threading.Thread):
    """
    Keeps what it is told in the order in which it came, over server-sent events.

    It asks one server after the other.
    """

    document = DOCUMENT

    def __init__(self, servers: Sequence[Server], run: str, after: str | None = None) -> None:
        super().__init__(daemon=True)
        self._servers = itertools.cycle(servers)
        self._run = run
        self._socket: socket.socket | None = None
        self._done = threading.Event()
        self.after = after
        self.seen: list[tuple[str, int]] = []
        self.arrived: dict[int, float] = {}
        self.began = threading.Event()
        # How streams ended: "whole" as their protocol ends them, "torn" without.
        self.ends: list[str] = []
        # When they began.
        self.begins: list[float] = []
        self.resets = 0
        self.trouble: Exception | None = None

    def run(self) -> None:
        while not self._done.is_set():
            try:
                self._follow(next(self._servers))
            except (OSError, http.client.HTTPException, WebSocketException):
                pass
            except Exception as trouble:  # noqa: BLE001 - the test raises it in its own thread.
                self.trouble = trouble
                return
            time.sleep(RETRY_S)

    def drop(self) -> bool:
        """Lose the connection, wherever in a message it is; False when there is none."""
        own, self._socket = self._socket, None
        if own is None:
            return False
        with contextlib.suppress(OSError):
            own.shutdown(socket.SHUT_RDWR)
        return True

    def stop(self) -> None:
        self._done.set()
        # It may be about to begin another connection, which then is to be lost, too.
        while self.is_alive():
            self.drop()
            self.join(RETRY_S)
        if self.trouble:
            raise self.trouble

    def _begin(self, own: socket.socket) -> None:
        self._socket = own
        self.ends.append("torn")
        self.begins.append(time.monotonic())

    def _follow(self, server: Server) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        asked = {"query": self.document, "variables": {"run": self._run, "after": self.after}}
        headers = {"content-type": "application/json", "accept": "text/event-stream"}
        try:
            body = json.dumps(asked)
            connection.request("POST", "/graphql", body, {**server.headers, **headers})
            own = connection.sock
            reply = connection.getresponse()
            if reply.status != 200:
                return
            self._begin(own)
            for event in _events(reply):
                self._take(event)
            self.ends[-1] = "whole"
        finally:
            self._socket = None
            connection.close()

    def _take(self, event: dict[str, Any]) -> None:
        news = event["data"]["metricsAppended"]
        now = time.monotonic()
        self.resets += news["reset"]
        for block in news["blocks"]:
            for step in block["steps"]:
                self.seen.append((block["name"], int(step)))
                self.arrived[int(step)] = now
        # What was read before a connection was lost counts; so it is kept together with it.
        self.after = news["cursor"]
        self.began.set()


class LogFollower(Follower):
    """Keeps the text of the log `out`; blocks of one writer come in their order."""

    document = """subscription ($run: String!, $after: String) {
      logAppended(runId: $run, stream: "out", after: $after) {
        cursor reset blocks { writer firstByte text } } }"""

    def __init__(self, servers: Sequence[Server], run: str, after: str | None = None) -> None:
        super().__init__(servers, run, after)
        self._texts: list[str] = []
        self.count = 0

    @property
    def text(self) -> str:
        return "".join(self._texts)

    def _take(self, event: dict[str, Any]) -> None:
        news = event["data"]["logAppended"]
        self.resets += news["reset"]
        for block in news["blocks"]:
            assert block["firstByte"] == self.count, "something is missing, or came twice"
            self._texts.append(block["text"])
            self.count += len(block["text"])
        self.after = news["cursor"]
        self.began.set()


class SocketFollower(Follower):
    """The same over graphql-transport-ws."""

    def _follow(self, server: Server) -> None:
        try:
            with connect(
                f"ws://127.0.0.1:{server.port}/graphql",
                subprotocols=[Subprotocol("graphql-transport-ws")],
                additional_headers=server.headers,
                proxy=None,
            ) as connection:
                self._converse(connection)
        finally:
            self._socket = None

    def _converse(self, connection: ClientConnection) -> None:
        variables = {"run": self._run, "after": self.after}
        payload = {"query": self.document, "variables": variables}
        connection.send(json.dumps({"type": "connection_init"}))
        assert json.loads(connection.recv()) == {"type": "connection_ack"}
        connection.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        self._begin(connection.socket)
        try:
            for words in connection:
                message = json.loads(words)
                if message["type"] == "ping":
                    connection.send(json.dumps({"type": "pong"}))
                else:
                    assert message["type"] == "next", message
                    self._take(message["payload"])
        finally:
            if connection.close_code in GOING_AWAY:
                self.ends[-1] = "whole"


class LogSocketFollower(LogFollower, SocketFollower):
    """The same over graphql-transport-ws."""


def _events(reply: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """Raise IncompleteRead where the stream ends without HTTP's last chunk."""
    name, said = "", ""
    for line in _lines(reply):
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            said = value
        elif not line and name:
            if name == "next":
                yield json.loads(said)
            assert name != "complete", "the server says that nothing more is to come"
            name = ""


def _lines(reply: http.client.HTTPResponse) -> Iterator[str]:
    torn = b""
    # `readline` takes a broken connection for the end.
    while came := reply.read1(65536):
        *lines, torn = (torn + came).split(b"\n")
        for line in lines:
            yield line.decode().rstrip("\r")
    assert not torn, "the stream was ended within a line"
