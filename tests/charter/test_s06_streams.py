"""S6: streams are bounded: a reader that never reads costs nothing, a revoked one is closed."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.charter.figures import LONG, Figures
from tests.flows import test_tokens as tokens
from tests.flows.server import Server
from tests.flows.streams import DOCUMENT

REVOKED = 20 if LONG else 2
CLOSED_S_MAX = 1
READERS = 10 if LONG else 1
LOGGED_S = 60.0 if LONG else 2.0
# What is made for the first readers stays: caches, and the allocator's own.
WARM_S = LOGGED_S / 4
RSS_GROWTH_MB_MAX = 64
# A batch of a third of a megabyte: far more than connections hold is logged.
POINTS = 20_000
RECEIVED_BYTES = 16_384
WAIT_S = 60
REVOKE = "mutation ($id: ID!) { revokeToken(id: $id) { userErrors { code } } }"


def test_what_a_token_opened_is_closed_within_a_second_of_its_revocation(
    server: Server, figures: Figures
) -> None:
    server.ask(tokens.CREATE_RUN)
    figures.cases = REVOKED
    times = [closed_s(server, server) for _ in range(REVOKED)]
    figures.record("closed, longest s", max(times), at_most=CLOSED_S_MAX, firm=False)


def test_what_a_token_opened_at_another_server_is_closed_within_a_second(
    pair: Sequence[Server], figures: Figures
) -> None:
    one, other = pair
    one.ask(tokens.CREATE_RUN)
    figures.cases = REVOKED
    times = [closed_s(one, other) for _ in range(REVOKED)]
    figures.record("closed, longest s", max(times), at_most=CLOSED_S_MAX, firm=False)


def closed_s(revoking: Server, serving: Server) -> float:
    """From the question that revokes until a stream, a page's stream and a socket have ended."""
    secret = tokens.made(revoking)
    opened = [each(serving, secret) for each in (tokens.followed, tokens.watched, tokens.socket)]
    begun = time.monotonic()
    revoking.ask(REVOKE, id=secret[3:11])
    assert [each.ended() for each in opened] == ["whole", "whole", "4401"]
    return time.monotonic() - begun


def test_readers_that_do_not_read_cost_no_growing_memory_and_miss_nothing(
    server: Server, figures: Figures
) -> None:
    server.ask(tokens.CREATE_RUN)
    begun, kinds = threading.Event(), [events_of, messages_of]
    stalled = [Stalled(kind, server, begun) for kind in kinds for _ in range(READERS)]
    for each in stalled:
        assert each.follows.wait(WAIT_S)
    batches, memory = 0, list[float]()
    until, warm = time.monotonic() + LOGGED_S, time.monotonic() + WARM_S
    with logging(server) as log:
        while time.monotonic() < until:
            log(batches)
            batches += 1
            memory += [memory_mb(server)] if time.monotonic() > warm else []
        log(batches, last=True)
    figures.cases = len(stalled)
    grown = max(memory[-len(memory) // 5 :]) - memory[0]
    figures.record("points logged", batches * POINTS, at_least=2 * POINTS)
    figures.record("RSS growth MB", grown, at_most=RSS_GROWTH_MB_MAX, firm=False)
    if LONG:
        # It would take them longer to read what they left than it took to log it.
        return
    begun.set()
    heard = [each.all_heard() for each in stalled]
    steps = [*range((batches + 1) * POINTS)]
    figures.record("readers that missed points", sum(h[0] != steps for h in heard), at_most=0)
    figures.record("events for each batch", max(h[1] for h in heard) / batches)


class Stalled(threading.Thread):
    """Follows the run, and reads nothing until it may."""

    def __init__(
        self,
        following: Callable[[Server, threading.Event], Any],
        server: Server,
        may_read: threading.Event,
    ) -> None:
        super().__init__(daemon=True)
        self._following, self._server, self._may_read = following, server, may_read
        self.follows = threading.Event()
        self._steps: list[int] = []
        self._events = 0
        self.start()

    def run(self) -> None:
        with self._following(self._server, self._may_read) as events:
            for news in events:
                if not self.follows.is_set():
                    self.follows.set()
                    self._may_read.wait()
                    continue
                self._events += 1
                names = [block["name"] for block in news["blocks"]]
                for block in news["blocks"]:
                    self._steps += [int(s) for s in block["steps"] if block["name"] == "loss"]
                if "last" in names:
                    return

    def all_heard(self) -> tuple[Sequence[int], int]:
        self.join(WAIT_S * 2)
        assert not self.is_alive(), f"{len(self._steps)} steps came"
        return self._steps, self._events


def small(port: int) -> socket.socket:
    """A connection that takes little of what it does not read."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED_BYTES)
    made.connect(("127.0.0.1", port))
    return made


@contextmanager
def events_of(server: Server, _: threading.Event) -> Generator[Iterator[Mapping[str, Any]]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.sock = small(server.port)
    body = json.dumps({"query": DOCUMENT, "variables": {"run": "followed"}})
    headers = {"content-type": "application/json", "accept": "text/event-stream"}
    with closing(connection):
        connection.request("POST", "/graphql", body, {**server.headers, **headers})
        with connection.getresponse() as reply:
            lines = (line for line in reply if line.startswith(b"data: {"))
            yield (json.loads(line[6:])["data"]["metricsAppended"] for line in lines)


@contextmanager
def messages_of(server: Server, _: threading.Event) -> Generator[Iterator[Mapping[str, Any]]]:
    with connect(
        f"ws://127.0.0.1:{server.port}/graphql",
        sock=small(server.port),
        subprotocols=[Subprotocol("graphql-transport-ws")],
        additional_headers=server.headers,
        max_size=None,
        max_queue=1,
        ping_interval=None,
        proxy=None,
    ) as own:
        own.send(json.dumps({"type": "connection_init"}))
        own.recv()
        payload = {"query": DOCUMENT, "variables": {"run": "followed"}}
        own.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        said = (json.loads(words) for words in own)
        yield (
            each["payload"]["data"]["metricsAppended"] for each in said if each["type"] == "next"
        )


@contextmanager
def logging(server: Server) -> Generator[Callable[..., None]]:
    """A writer of many points, one batch after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    headers = {**server.headers, "content-type": "application/json"}

    def log(number: int, *, last: bool = False) -> None:
        steps = [*range(number * POINTS, (number + 1) * POINTS)]
        block = {"name": "loss", "kind": "scalar", "steps": steps, "times": steps}
        metrics: list[dict[str, Any]] = [{**block, "columns": {"value": [0.5] * POINTS}}]
        if last:
            one = {"kind": "scalar", "steps": [0], "times": [0], "columns": {"value": [1]}}
            metrics.append({**one, "name": "last"})
        said = {"run": "followed", "writer": "w", "seq": number, "metrics": metrics}
        connection.request("POST", "/ingest/v1", json.dumps(said), headers)
        reply = connection.getresponse()
        assert reply.status == 200, reply.read()
        reply.read()

    with closing(connection), suppress(ConnectionError):
        yield log


def memory_mb(server: Server) -> float:
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20
