"""A log is written, merged, followed, searched and taken away at once, and the server is killed."""

import http.client
import itertools
import json
import os
import random
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import empty_database
from tests.flows.server import Server
from tests.flows.streams import LogFollower, LogSocketFollower

LONG = "RUNVANE_CHARTER" in os.environ
LINES = 1_000_000 if LONG else 12_000
KILLS = 40 if LONG else 2
DROPS = 40 if LONG else 2
LINES_PER_BLOCK = (1, 2_000 if LONG else 40)
WAIT_S_MAX = 600 if LONG else 60
RUN = "printing"
# A server that merges chunks all the time, so that every kill meets it.
MERGING = """if 1:
    from api.domain import background, chunks
    from runvane.cli import main
    background.LOOK_EVERY_S, chunks.SHARE = 0.001, 1000
    main()
"""
FOUND = """query ($after: String) { run(runId: "printing") {
  searchLogs(text: "line \\\\d*77 ", pattern: true, first: 1000, after: $after) {
    matches { number } pageInfo { endCursor } bytesLeft } } }"""
TAIL = """{ run(runId: "printing") { log(name: "out") { lines bytes
  logLines(last: 3) { lines { number text } } } } }"""


class Printer(threading.Thread):
    """A writer that sends each batch until it is acknowledged."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._numbers = itertools.count()
        self._dice = random.Random(4)
        self._texts: list[str] = []
        self._count = 0
        self.repeats = 0
        self.began = threading.Event()

    @property
    def text(self) -> str:
        return "".join(self._texts)

    def run(self) -> None:
        self._send(events=[{"type": "start", "at": 0, "experiment": "logs"}])
        self.began.set()
        said = 0
        while said < LINES:
            count = min(self._dice.randint(*LINES_PER_BLOCK), LINES - said)
            text = "".join(f"line {said + n} of many\n" for n in range(count))
            # Blocks end anywhere in a line.
            cut = self._dice.randint(0, len(text) - 1)
            first = self._count
            blocks = [(first, text[:cut]), (first + cut, text[cut:])]
            self._send(
                logs=[
                    {"stream": "out", "at": said, "first_byte": place, "text": part}
                    for place, part in blocks
                    if part
                ]
            )
            self._texts.append(text)
            self._count += len(text)
            said += count
        self._send(events=[{"type": "status", "at": 0, "status": "Completed"}])

    def _send(self, **content: Any) -> None:
        seq = next(self._numbers)
        body = json.dumps({"run": RUN, "writer": "w1", "seq": seq, **content}).encode()
        while True:
            headers = {**self._server.headers, "content-type": "application/json"}
            asked = urllib.request.Request(f"{self._server.url}/ingest/v1", body, headers)
            try:
                with urllib.request.urlopen(asked, timeout=30):
                    return
            except (OSError, http.client.HTTPException):
                self.repeats += 1
                time.sleep(0.02)


@pytest.fixture(params=["sqlite", "postgres"])
def merging(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    url = None
    if request.param == "postgres":
        url = empty_database(request.getfixturevalue("postgres_url"))
    server = Server(tmp_path, url)
    server.program = ["-c", MERGING]
    # For the doctor, who is asked beside it.
    server.env["DATABASE_URL"] = url or ""
    server.start()
    yield server
    server.stop()


def test_a_killed_server_loses_and_doubles_nothing_of_a_log_that_two_follow(
    merging: Server,
) -> None:
    printer, dice = Printer(merging), random.Random(8)
    followers: list[LogFollower] = [
        LogFollower([merging], RUN, "e30"),
        LogSocketFollower([merging], RUN, "e30"),
    ]
    printer.start()
    assert printer.began.wait(WAIT_S_MAX)
    for each in followers:
        each.start()
    for _ in range(KILLS):
        time.sleep(dice.uniform(0.3, 0.8))
        merging.kill()
        merging.start()
        for _ in range(DROPS // KILLS):
            time.sleep(dice.uniform(0, 0.2))
            dice.choice(followers).drop()
    printer.join(WAIT_S_MAX)
    assert not printer.is_alive()
    assert printer.repeats > 0, "no kill met the writer"
    whole = printer.text
    _await(followers, len(whole))
    for each in followers:
        each.stop()
        assert each.resets == 0
        assert each.text == whole
    asked = urllib.request.Request(
        f"{merging.url}/logs/runs/{RUN}/out", headers=dict(merging.headers)
    )
    with urllib.request.urlopen(asked, timeout=60) as reply:
        assert reply.read().decode() == whole
    log = merging.ask(TAIL)["run"]["log"]
    assert (log["lines"], log["bytes"]) == (LINES, len(whole))
    assert [each["number"] for each in log["logLines"]["lines"]] == [LINES - 2, LINES - 1, LINES]
    assert _found(merging) == [n + 1 for n in range(77, LINES, 100)]
    assert "damage" not in merging.command("doctor")


def _await(followers: list[LogFollower], count: int) -> None:
    until = time.monotonic() + WAIT_S_MAX
    while any(each.count < count and not each.trouble for each in followers):
        assert time.monotonic() < until, [each.count for each in followers]
        time.sleep(0.05)


def _found(server: Server) -> list[int]:
    numbers: list[int] = []
    after: str | None = None
    while True:
        found = server.ask(FOUND, after=after)["run"]["searchLogs"]
        numbers += [each["number"] for each in found["matches"]]
        after = found["pageInfo"]["endCursor"]
        if after is None:
            assert found["bytesLeft"] == 0
            return numbers
