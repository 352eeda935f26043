"""Clients that send in order and repeat a batch until it is acknowledged, and what is kept."""

import http.client
import itertools
import json
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.charter.figures import Figures
from tests.flows.server import Server

POINTS_PER_BATCH = 7
RUN = "charter"
LARGE = "large"
POINTS = 4000
RETURN_S_MAX = 60
# Summaries that have not moved for so long are not going to.
SETTLED_S = 10


class Writer(threading.Thread):
    """One of several, each with steps of its own, so that every point of the run is known."""

    def __init__(
        self, servers: Sequence[Server], number: int, count: int, enough: threading.Event
    ) -> None:
        super().__init__(name=f"writer {number}", daemon=True)
        self._servers = servers
        self._number = number
        self._count = count
        self._enough = enough
        # Since when each of these steps was acknowledged.
        self.acknowledged: dict[int, float] = {}
        self.repeats = 0
        # How often the server did not know what it had acknowledged.
        self.forgotten = 0
        self.trouble: Exception | None = None
        self._begin()

    def _begin(self) -> None:
        self._name = f"w{self._number}-{self.forgotten}"
        self._seq = itertools.count()

    def run(self) -> None:
        try:
            self._start()
            for number in itertools.count():
                if self._enough.is_set():
                    break
                block, steps = self._block(number)
                while not self._send(metrics=[block]):
                    # The server has lost something: this writer is a new one.
                    self.forgotten += 1
                    self._begin()
                    self._start()
                self.acknowledged.update(dict.fromkeys(steps, time.monotonic()))
        except Exception as trouble:  # noqa: BLE001 - `writing` raises it in the test's thread.
            self.trouble = trouble

    def _start(self) -> None:
        assert self._send(events=[{"type": "start", "at": 0, "experiment": "charter"}])

    def _block(self, number: int) -> tuple[dict[str, Any], Sequence[int]]:
        first = number * POINTS_PER_BATCH
        steps = [
            step * self._count + self._number for step in range(first, first + POINTS_PER_BATCH)
        ]
        times = [1_700_000_000_000 + step for step in steps]
        columns = {"value": [value_at(step) for step in steps]}
        block = {"name": "m", "kind": "scalar", "steps": steps, "times": times, "columns": columns}
        return block, steps

    def _send(self, **content: object) -> bool:
        """Until it is acknowledged; False when the server wants something it had before."""
        seq = next(self._seq)
        body = json.dumps({"run": RUN, "writer": self._name, "seq": seq, **content}).encode()
        until = time.monotonic() + RETURN_S_MAX
        while time.monotonic() < until:
            try:
                status, answer = self._post(body)
            except (OSError, http.client.HTTPException):
                status, answer = 0, {}
            if status == 200:
                assert answer["acked_through"] >= seq
                return True
            if status in {404, 409}:
                return False
            # Not now; anything else would be the server's mistake.
            assert status in {0, 408, 429, 500, 502, 503, 507}, (status, answer)
            self.repeats += 1
            time.sleep(0.01)
        raise TimeoutError(f"{self.name}: nothing was acknowledged for {RETURN_S_MAX} s")

    def _post(self, body: bytes) -> tuple[int, dict[str, int]]:
        # Where one does not answer, the next may.
        server = self._servers[(self._number + self.repeats) % len(self._servers)]
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        headers = {**server.headers, "content-type": "application/json"}
        try:
            connection.request("POST", "/ingest/v1", body, headers)
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read())
        finally:
            connection.close()


def asked(server: Server, path: str, body: Any = None) -> tuple[int, Any]:
    """Status and answer, also of what is refused."""
    headers = {**server.headers, "content-type": "application/json"}
    sent = None if body is None else json.dumps(body).encode()
    try:
        request = urllib.request.Request(server.url + path, sent, headers)
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def large(seq: int) -> dict[str, Any]:
    """A batch of many points of a run of its own, whose first one starts it."""
    first = seq * POINTS
    steps = list(range(first, first + POINTS))
    # Numbers that no codec makes small.
    values = [(step * 0.6180339887498949) % 1 for step in steps]
    block = {"name": "m", "kind": "scalar", "steps": steps, "times": steps}
    content = {"metrics": [{**block, "columns": {"value": values}}]}
    if not seq:
        content = {"events": [{"type": "start", "at": 0, "experiment": "disk"}]}
    return {"run": LARGE, "writer": "w", "seq": seq, **content}


def value_at(step: int) -> float:
    return step / 4


@contextmanager
def writing(server: Server, count: int, *others: Server) -> Generator[Sequence[Writer]]:
    """
    So many writers while inside; at the end all they sent is acknowledged.

    The others are servers of the same database.
    """
    enough = threading.Event()
    writers = [Writer((server, *others), number, count, enough) for number in range(count)]
    for writer in writers:
        writer.start()
    try:
        yield writers
    finally:
        enough.set()
        for writer in writers:
            writer.join()
    for writer in writers:
        if writer.trouble:
            raise writer.trouble


def judge(server: Server, writers: Sequence[Writer], figures: Figures) -> None:
    """Compare what was acknowledged with what is there, point by point."""
    acknowledged = {step for writer in writers for step in writer.acknowledged}
    counted = settled(server, len(acknowledged))
    steps, values, total = stored(server)
    figures.record("acknowledged", len(acknowledged), at_least=1)
    figures.record("repeats", sum(writer.repeats for writer in writers))
    figures.record("lost", len(acknowledged - set(steps)), at_most=0)
    figures.record("doubled", total - len(set(steps)), at_most=0)
    figures.record("forgotten writers", sum(writer.forgotten for writer in writers), at_most=0)
    figures.record("strange", len(set(steps) - acknowledged), at_most=0)
    figures.record("summary differs by", abs(counted - len(acknowledged)), at_most=0)
    wrong = sum(value != value_at(step) for step, value in zip(steps, values, strict=True))
    figures.record("wrong values", wrong, at_most=0)


def settled(server: Server, count: int) -> int:
    """The points in the summary, once they are as many or grow no more."""
    n, since = server.count(RUN, "m"), time.monotonic()
    while n != count and time.monotonic() - since < SETTLED_S:
        time.sleep(0.05)
        before, n = n, server.count(RUN, "m")
        since = since if n == before else time.monotonic()
    return n


def stored(server: Server) -> tuple[list[int], list[Any], int]:
    """Steps, their values, and how many points there are, read window by window."""
    document = """query ($run: String!, $from: Float!, $to: Float!) {
        series(runs: [$run], metric: "m", maxPoints: 5000, range: {from: $from, to: $to}) {
            x exact pointsTotal lines { mean } } }"""
    steps: list[int] = []
    values: list[Any] = []
    total = 0
    summary = server.summary(RUN, "m")
    for begin in range(0, int(summary.get("lastStep", -1)) + 1, 2000):
        span = {"from": float(begin), "to": float(begin + 1999)}
        window = server.ask(document, run=RUN, **span)["series"]
        assert window["exact"], "a window must hold its points as they were logged"
        steps += window["x"]
        values += window["lines"][0]["mean"]
        total += int(window["pointsTotal"])
    return steps, values, total


def complaints(server: Server) -> Counter[str]:
    """What SQLite finds wrong in its own file; of PostgreSQL we ask nothing here."""
    path = server.home / "runvane.db"
    if not path.exists():
        return Counter()
    connection = sqlite3.connect(path)
    try:
        said = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    finally:
        connection.close()
    return Counter(each for each in said if each != "ok")
