"""A bad network: a proxy before the server, which does to requests what networks do."""

import http.client
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.flows.server import Server

ANSWER_S_MAX = 60
DELAY_S = 2.0
# 1 Mbit/s, in pieces.
PIECE_BYTES = 12_500
PIECE_S = 0.1
BUSY = (429, 503, 507)
OLD_MAX = 20
FAULTS = ("refused", "cut", "answer lost", "late", "busy", "twice", "old again", "slow")


class Network:
    """Of all requests that `share` meets a fault; `closed` answers none with more than 503."""

    def __init__(
        self, server: Server, chance: random.Random, faults: Sequence[str] = FAULTS
    ) -> None:
        self._server = server
        self._chance = chance
        self._faults = faults
        self._lock = threading.Lock()
        self._old: list[tuple[str, dict[str, str], bytes]] = []
        self.share = 0.4
        self.closed = False
        self.met = Counter[str]()
        # When each request came.
        self.came: list[float] = []
        self.url = ""

    def fault(self) -> str:
        with self._lock:
            self.came.append(time.monotonic())
            if self.closed:
                return "closed"
            met = self._chance.random() < self.share
            fault = self._chance.choice(self._faults) if met else "none"
            self.met[fault] += 1
            return fault

    def old(self, request: tuple[str, dict[str, str], bytes]) -> Sequence[Any]:
        """Some that were sent before, as a network may bring them once more, in any order."""
        with self._lock:
            self._old = [*self._old[-OLD_MAX:], request]
            return self._chance.sample(self._old, min(3, len(self._old)))

    def ask(
        self, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        address = ("127.0.0.1", self._server.port)
        connection = http.client.HTTPConnection(*address, timeout=ANSWER_S_MAX)
        try:
            connection.request("POST", path, body, headers)
            reply = connection.getresponse()
            said = reply.read()
            kept = ("content-type", "retry-after")
            return reply.status, {k: v for k, v in reply.getheaders() if k.lower() in kept}, said
        finally:
            connection.close()

    def busy(self) -> tuple[int, dict[str, str], bytes]:
        with self._lock:
            return self._chance.choice(BUSY), {"retry-after": "0.2"}, b"{}"


class Handler(BaseHTTPRequestHandler):
    """One connection; which network it is on, the subclass says."""

    protocol_version = "HTTP/1.1"
    network: Network

    def do_POST(self) -> None:
        fault = self.network.fault()
        with suppress(OSError, http.client.HTTPException):
            self._meet(fault)

    def _meet(self, fault: str) -> None:
        network, size = self.network, int(self.headers["content-length"])
        if fault in {"refused", "cut"}:
            self.rfile.read(size // 2 if fault == "cut" else 0)
            self._hang_up()
            return
        body = self._slowly(size) if fault == "slow" else self.rfile.read(size)
        headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
        request = (self.path, headers, body)
        if fault == "closed":
            self._answer((503, {}, b"{}"))
        elif fault == "busy":
            self._answer(network.busy())
        elif fault == "half open":
            # Whoever waits for the answer waits until it gives up.
            time.sleep(ANSWER_S_MAX)
            self._hang_up()
        else:
            self._pass(request, fault)

    def _pass(self, request: tuple[str, dict[str, str], bytes], fault: str) -> None:
        """Not without harm, but it arrives."""
        if fault == "late":
            time.sleep(DELAY_S)
        for each in self.network.old(request) if fault == "old again" else ():
            self.network.ask(*each)
        answer = self.network.ask(*request)
        if fault == "twice":
            answer = self.network.ask(*request)
        self.network.old(request)
        if fault == "answer lost":
            self._hang_up()
        else:
            self._answer(answer)

    def _slowly(self, size: int) -> bytes:
        body = b""
        while len(body) < size:
            body += self.rfile.read(min(PIECE_BYTES, size - len(body)))
            time.sleep(PIECE_S)
        return body

    def _hang_up(self) -> None:
        """With a reset, as a connection ends that breaks."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()

    def _answer(self, answer: tuple[int, dict[str, str], bytes]) -> None:
        status, headers, said = answer
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(said))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its base calls it so
        """Faults are meant."""


class Proxy(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """So are connections that break."""


@contextmanager
def between(network: Network) -> Generator[Network]:
    proxy = Proxy(("127.0.0.1", 0), type("Here", (Handler,), {"network": network}))
    threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
    network.url = f"http://127.0.0.1:{proxy.server_address[1]}"
    try:
        yield network
    finally:
        proxy.shutdown()
        proxy.server_close()
