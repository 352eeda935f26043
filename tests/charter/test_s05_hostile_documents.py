"""S5: no cheap question is dear to the server, or to anybody else who asks it."""

import http.client
import json
import random
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.charter import asking, hostile, innocents
from tests.charter.asking import Outcome
from tests.charter.figures import LONG, Figures
from tests.charter.hostile import Question
from tests.flows import test_tokens as tokens
from tests.flows.server import Server

CASES = 10_000 if LONG else 250
CPU_MS_MAX = 250
INNOCENT_MS_MAX = 250
RSS_GROWTH_MB_MAX = 50
# A question that was dear beside others is asked so often alone.
ALONE = 5
RESTORED_EACH = 50
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
        fill(server, [*ids_of(RUNS), *innocents.RUNS])
        yield server
        server.stop()


def test_each_hostile_question_is_answered_or_refused_and_costs_little(
    victim: Server, log: Path, figures: Figures, chance: random.Random
) -> None:
    dearest, suspects = defaultdict[str, float](float), list[Asked]()
    failed: list[Any] = []
    written, before, last = 0, memory_mb(victim), list[Asked]()
    with innocents.innocent(victim, tokens.made(victim)) as waited:
        for number in range(CASES):
            if number == WARM:
                before = memory_mb(victim)
            if number % RESTORED_EACH == 0:
                restore(victim)
            question = hostile.question(chance)
            case = Asked(question, chance.getrandbits(64))
            ask = case.ready(victim)
            begun, logged = cpu_s(victim), log.stat().st_size
            outcome = ask()
            ms = (cpu_s(victim) - begun) * 1000
            if ms > CPU_MS_MAX:
                # What the one before left to be done is counted to this one.
                suspects += [*last, case]
            else:
                dearest[question.kind] = max(dearest[question.kind], ms)
            last = [case]
            written = max(written, log.stat().st_size - logged)
            if is_failure(outcome):
                failed.append(
                    (question.kind, outcome.door, outcome.status, case.shown(), outcome.said[:300])
                )
            assert victim.process.poll() is None, (question.kind, case.shown())
    grown = memory_mb(victim) - before
    for case in suspects:
        kind = case.question.kind
        dearest[kind] = max(dearest[kind], alone_ms(victim, case))
    figures.cases = CASES
    figures.record("kinds of them", len(dearest), at_least=len(hostile.KINDS))
    figures.record("log bytes, of one question at most", written, at_most=LOG_BYTES_MAX)
    figures.record("asked again alone", len(suspects))
    for kind, ms in sorted(dearest.items(), key=lambda each: -each[1])[:5]:
        figures.record(f"CPU ms, dearest {kind}", ms, at_most=CPU_MS_MAX, firm=False)
    waited.sort()
    figures.record("an innocent's requests", len(waited), at_least=10)
    p99 = waited[int(len(waited) * 0.99)] * 1000
    figures.record("an innocent's p99 ms", p99, at_most=INNOCENT_MS_MAX, firm=False)
    print(failed[:3])  # noqa: T201 - pytest shows it when the test fails.
    figures.record("RSS growth MB", grown, at_most=RSS_GROWTH_MB_MAX, firm=False)
    figures.record("answers that are failures", len(failed), at_most=0)


@dataclass(frozen=True, slots=True)
class Asked:
    question: Question
    # Which door it goes through, and what it does there.
    seed: int

    def ready(self, server: Server) -> Callable[[], Outcome]:
        return asking.ready(server, self.question, random.Random(self.seed))

    def again(self, number: int) -> "Asked":
        """The same in other words: a document that the server has read costs less."""
        words = f"{self.question.query}#{number}"
        return Asked(replace(self.question, query=words), self.seed)

    def shown(self) -> str:
        asked = self.question
        parts = (asked.query[:150], asked.variables, asked.operation, asked.extensions)
        return " ".join(str(each)[:150] for each in parts)


def alone_ms(server: Server, case: Asked) -> float:
    """
    What a question costs while nobody else asks: CPU of the server, to its end.

    The first time the innocent's questions were counted with it, and what the machine does
    elsewhere, which makes anything take longer and nothing shorter. So it is asked some times,
    each time with all its runs there and in words that are new, and the least counts.
    """
    costs: list[float] = []
    for number in range(ALONE):
        restore(server)
        ask = case.again(number).ready(server)
        begun = settled_s(server)
        ask()
        costs.append((settled_s(server) - begun) * 1000)
    return min(costs)


def settled_s(server: Server) -> float:
    """What the process has used as soon as it rests."""
    used = cpu_s(server)
    while True:
        time.sleep(0.02)
        before, used = used, cpu_s(server)
        if used - before < 0.001:
            return used


def restore(server: Server) -> None:
    """Have back what hostile questions deleted: where nothing is, nothing is dear."""
    document = """mutation ($ids: [String!]!) { restoreRuns(runIds: $ids) {
        userErrors { code } } }"""
    said = server.ask(document, ids=ids_of(RUNS))["restoreRuns"]
    assert not said["userErrors"], said


def is_failure(outcome: Outcome) -> bool:
    """Neither answered nor refused: a bug, or a connection that was given up."""
    words = (b"INTERNAL_SERVER_ERROR", b"Traceback")
    failed = outcome.status in FAILED or 500 <= outcome.status < 600
    return failed or any(each in outcome.said for each in words)


def ids_of(runs: int) -> list[str]:
    return [f"h{number}" for number in range(runs)]


def fill(server: Server, runs: Sequence[str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    headers = {**server.headers, "content-type": "application/json"}
    steps = [*range(POINTS)]
    block = {"name": "loss", "kind": "scalar", "steps": steps, "times": steps}
    for number, run in enumerate(runs):
        parent = {"parent": "h1"} if 1 < number < 20 else {}
        body = {
            "run": run,
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
    server.await_points(runs[-1], "loss", POINTS)


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


def test_a_body_without_end_is_refused_and_not_taken_in(victim: Server, figures: Figures) -> None:
    """Of whoever may ask and of whoever may not, also where nothing says how long it is."""
    head = "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    mine = f"{head}authorization: {victim.headers['authorization']}\r\n"
    length, blanks = f"content-length: {2**40}\r\n\r\n", b" " * 65536
    pieces, piece = "transfer-encoding: chunked\r\n\r\n", b"10000\r\n%b\r\n" % blanks
    bodies = [(mine + length, blanks), (head + length, blanks), (mine + pieces, piece)]
    begun = cpu_s(victim)
    taken = [poured(victim, head.encode(), more, b"HTTP/1.1 4") for head, more in bodies]
    figures.cases = len(bodies)
    figures.record("MB taken", max(taken) / 2**20, at_most=HEAD_MB / 2)
    cpu_ms = (cpu_s(victim) - begun) * 1000
    figures.record("CPU ms of them all", cpu_ms, at_most=CPU_MS_MAX, firm=False)


def test_a_change_of_a_thousand_runs_is_done_long_before_it_would_be_given_up(
    server: Server, figures: Figures
) -> None:
    ids = ids_of(CHANGED)
    fill(server, ids)
    figures.cases = CHANGED
    for name, more in CHANGES.items():
        document = f"""mutation ($ids: [String!]!) {{ said: {name}(runIds: $ids{more}) {{
            runs {{ runId }} userErrors {{ code }} }} }}"""
        begun = time.monotonic()
        said = server.ask(document, ids=ids)["said"]
        seconds = time.monotonic() - begun
        assert [each["runId"] for each in said["runs"]] == ids, said["userErrors"][:3]
        figures.record(f"{name} s", seconds, at_most=CHANGE_S_MAX, firm=False)


def poured(server: Server, head: bytes, more: bytes, refusal: bytes = b"at most") -> int:
    """How much of a request goes out before it is refused, in such words, and closed."""
    sent = 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        with suppress(ConnectionError):
            connection.sendall(head)
            while sent < HEAD_MB * 2**20:
                connection.sendall(more)
                sent += len(more)
            connection.sendall(b" HTTP/1.1\r\nhost: localhost\r\n\r\n")
        with suppress(ConnectionError):
            assert refusal in connection.recv(1000)
    return sent
