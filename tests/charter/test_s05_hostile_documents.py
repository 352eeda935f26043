"""S5: no cheap question is dear to the server, or to anybody else who asks it."""

import http.client
import json
import random
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.charter.asking import Outcome, asked
from tests.charter.figures import LONG, Figures
from tests.charter.hostile import KINDS, Question, question
from tests.flows.server import Server

CASES = 10_000 if LONG else 250
CPU_MS_MAX = 250
INNOCENT_MS_MAX = 250
RSS_GROWTH_MB_MAX = 50
# A line in words.
LOG_BYTES_MAX = 300
HEAD_MB = 64
CHANGED = 1000 if LONG else 60
# Half of what a mutation may take.
CHANGE_S_MAX = 5
CHANGES = {"tagRuns": ", setTags: {a: 1}", "cancelRuns": "", "deleteRuns": "", "restoreRuns": ""}
# What the server needs anyhow, once, is not what it loses.
WARM = 500 if LONG else 0
RUNS, POINTS = 200 if LONG else 30, 100
SERIES = '{ series(runs: ["h1", "h2", "h3"], metric: "loss") { x lines { mean } } }'
# A socket's own words for a refusal, and a connection that was not worth an answer.
FAILED = {1011, 0}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def victim(database_url: str | None, tmp_path: Path, log: Path) -> Iterator[Server]:
    """A server with some runs in it, whose log is kept."""
    server = Server(tmp_path, database_url)
    with log.open("wb") as kept:
        server.stderr = kept
        server.start()
        fill(server)
        yield server
        server.stop()


def test_each_hostile_question_is_answered_or_refused_and_costs_little(
    victim: Server, log: Path, figures: Figures, chance: random.Random
) -> None:
    dearest: dict[str, float] = defaultdict(float)
    failed: list[Any] = []
    written, before = 0, memory_mb(victim)
    with innocent(victim) as waited:
        for number in range(CASES):
            if number == WARM:
                before = memory_mb(victim)
            asking = question(chance)
            begun, logged = cpu_s(victim), log.stat().st_size
            outcome = asked(victim, asking, chance)
            dearest[asking.kind] = max(dearest[asking.kind], (cpu_s(victim) - begun) * 1000)
            written = max(written, log.stat().st_size - logged)
            if is_failure(outcome):
                failed.append(
                    (asking.kind, outcome.door, outcome.status, shown(asking), outcome.said[:300])
                )
            assert victim.process.poll() is None, (asking.kind, shown(asking))
    figures.cases = CASES
    figures.record("kinds of them", len(dearest), at_least=len(KINDS))
    figures.record("log bytes, of one question at most", written, at_most=LOG_BYTES_MAX)
    for kind, ms in sorted(dearest.items(), key=lambda each: -each[1])[:5]:
        figures.record(f"CPU ms, dearest {kind}", ms, at_most=CPU_MS_MAX, firm=False)
    waited.sort()
    figures.record("an innocent's requests", len(waited), at_least=10)
    p99 = waited[int(len(waited) * 0.99)] * 1000
    figures.record("an innocent's p99 ms", p99, at_most=INNOCENT_MS_MAX, firm=False)
    print(failed[:3])  # noqa: T201 - pytest shows it when the test fails.
    grown = memory_mb(victim) - before
    figures.record("RSS growth MB", grown, at_most=RSS_GROWTH_MB_MAX, firm=False)
    figures.record("answers that are failures", len(failed), at_most=0)


def is_failure(outcome: Outcome) -> bool:
    """Neither answered nor refused: a bug, or a connection that was given up."""
    words = (b"INTERNAL_SERVER_ERROR", b"Traceback")
    failed = outcome.status in FAILED or 500 <= outcome.status < 600
    return failed or any(each in outcome.said for each in words)


def shown(asking: Question) -> str:
    parts = (asking.query[:150], asking.variables, asking.operation, asking.extensions)
    return " ".join(str(each)[:150] for each in parts)


@contextmanager
def innocent(server: Server) -> Generator[list[float]]:
    """Someone who asks for a chart and for the server's health; how long each took, in s."""
    done, waited = threading.Event(), list[float]()

    def ask() -> None:
        while not done.wait(0.02):
            begun = time.perf_counter()
            assert server.ask(SERIES)
            waited.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            healthy(server)
            waited.append(time.perf_counter() - begun)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield waited
    finally:
        done.set()
        asking.join()


def healthy(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    connection.close()


def fill(server: Server, runs: int = RUNS) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    headers = {**server.headers, "content-type": "application/json"}
    steps = [*range(POINTS)]
    block = {"name": "loss", "kind": "scalar", "steps": steps, "times": steps}
    for number in range(runs):
        parent = {"parent": "h1"} if 1 < number < 20 else {}
        body = {
            "run": f"h{number}",
            "writer": "w",
            "seq": 0,
            "events": [
                {"type": "start", "at": 0, "experiment": "hostile", **parent},
                {"type": "params", "at": 0, "values": {"lr": number / 7, "a": str(number)}},
            ],
            "metrics": [{**block, "columns": {"value": [0.5] * POINTS}}],
        }
        connection.request("POST", "/ingest/v1", json.dumps(body), headers)
        reply = connection.getresponse()
        assert reply.status == 200, reply.read()
        reply.read()
    connection.close()
    server.await_points(f"h{runs - 1}", "loss", POINTS)


def cpu_s(server: Server) -> float:
    """What the process has used, to the nanosecond: Linux has a clock for each."""
    return time.clock_gettime((~server.process.pid << 3) | 2)


def memory_mb(server: Server) -> float:
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def test_a_head_without_end_is_refused_before_it_costs(victim: Server, figures: Figures) -> None:
    """Before anybody has said who they are: the address, one header, or ever more of them."""
    heads = [(b"GET /", b"a" * 65536), (b"GET / HTTP/1.1\r\nx: ", b"a" * 65536)]
    heads += [(b"GET / HTTP/1.1\r\n", b"a: b\r\n" * 10_000)]
    begun = cpu_s(victim)
    taken = [poured(victim, head, more) for head, more in heads]
    figures.cases = len(heads)
    figures.record("MB taken", max(taken) / 2**20, at_most=HEAD_MB / 2)
    cpu_ms = (cpu_s(victim) - begun) * 1000
    figures.record("CPU ms of them all", cpu_ms, at_most=CPU_MS_MAX, firm=False)


def test_a_change_of_a_thousand_runs_is_done_long_before_it_would_be_given_up(
    server: Server, figures: Figures
) -> None:
    fill(server, CHANGED)
    ids = [f"h{number}" for number in range(CHANGED)]
    figures.cases = CHANGED
    for name, more in CHANGES.items():
        document = f"""mutation ($ids: [String!]!) {{ said: {name}(runIds: $ids{more}) {{
            runs {{ runId }} userErrors {{ code }} }} }}"""
        begun = time.monotonic()
        said = server.ask(document, ids=ids)["said"]
        seconds = time.monotonic() - begun
        assert [each["runId"] for each in said["runs"]] == ids, said["userErrors"][:3]
        figures.record(f"{name} s", seconds, at_most=CHANGE_S_MAX, firm=False)


def poured(server: Server, head: bytes, more: bytes) -> int:
    """How much of a long head goes out before the refusal."""
    sent = 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        with suppress(ConnectionError):
            connection.sendall(head)
            while sent < HEAD_MB * 2**20:
                connection.sendall(more)
                sent += len(more)
            connection.sendall(b" HTTP/1.1\r\nhost: localhost\r\n\r\n")
        with suppress(ConnectionError):
            assert b"at most" in connection.recv(1000)
    return sent
