"""Several server processes on one PostgreSQL are one server to whoever writes and follows."""

import asyncio
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from api.domain import wakeups
from api.live import Live
from tests.flows.server import Server
from tests.flows.streams import Follower

LONG = "RUNVANE_CHARTER" in os.environ
EVENTS = 2000 if LONG else 240
DISCONNECTS = 135 if LONG else 18
LINES_LOST = 15 if LONG else 3
WRITERS = 4
RUN = "shared"
CHANCE = random.Random()
WAIT_S_MAX = 60
WAKE_UP_S_MAX = 0.5


@pytest.fixture
def team(shared: str, tmp_path: Path) -> Iterator[Server]:
    """One server of three processes."""
    server = Server(tmp_path, shared, "--workers=3")
    server.start()
    yield server
    server.stop()


def send(server: Server, writer: str, seq: int, **content: Any) -> None:
    body = json.dumps({"run": RUN, "writer": writer, "seq": seq, **content}).encode()
    headers = {**server.headers, "content-type": "application/json"}
    asked = urllib.request.Request(f"{server.url}/ingest/v1", body, headers)
    with urllib.request.urlopen(asked, timeout=30) as reply:
        assert json.load(reply)["acked_through"] >= seq


def start(server: Server, writer: str) -> None:
    send(server, writer, 0, events=[{"type": "start", "at": 0, "experiment": "processes"}])


def point(name: str, step: int) -> dict[str, Any]:
    columns = {"value": [step]}
    return {"name": name, "kind": "scalar", "steps": [step], "times": [step], "columns": columns}


def statement(place: str, words: str) -> str:
    done = subprocess.run(
        ["psql", place, "-Atc", words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def lose_lines(place: str) -> None:
    """End the connections over which the servers wake each other."""
    named = "application_name = 'runvane wake-ups' AND datname = current_database()"
    assert statement(
        place, f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {named}"
    )


def workers_of(server: Server) -> set[int]:
    done = subprocess.run(
        ["pgrep", "-P", str(server.process.pid)], check=False, capture_output=True, text=True
    )
    return {int(each) for each in done.stdout.split()}


def until(true: Any, words: str) -> None:
    end = time.monotonic() + WAIT_S_MAX
    while not true():
        assert time.monotonic() < end, words
        time.sleep(0.02)


def test_a_point_written_through_one_server_wakes_a_follower_of_another(
    pair: Sequence[Server],
) -> None:
    one, other = pair
    start(one, "w")
    follower = Follower([other], RUN)
    follower.start()
    assert follower.began.wait(WAIT_S_MAX)
    delays: list[float] = []
    for seq in range(1, 10):
        # Not in step with whatever the servers do every second.
        time.sleep(CHANCE.uniform(0.3, 0.6))
        sent = time.monotonic()
        send(one, "w", seq, metrics=[point("m", seq)])
        until(lambda seq=seq: seq in follower.arrived, f"point {seq} did not arrive")
        delays.append(follower.arrived[seq] - sent)
    follower.stop()
    assert statistics.median(delays) < WAKE_UP_S_MAX, delays
    assert follower.seen == [("m", seq) for seq in range(1, 10)]


def test_a_follower_that_is_cut_off_again_and_again_sees_everything_once_and_in_order(
    pair: Sequence[Server], shared: str
) -> None:
    for number in range(WRITERS):
        start(pair[number % 2], f"w{number}")
    follower = Follower(pair, RUN)
    follower.start()
    assert follower.began.wait(WAIT_S_MAX)
    each = EVENTS // WRITERS

    def write(number: int) -> None:
        for seq in range(1, each + 1):
            send(CHANCE.choice(pair), f"w{number}", seq, metrics=[point(f"m{number}", seq)])

    writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for number in range(DISCONNECTS):
        seen = len(follower.seen)
        until(lambda seen=seen: len(follower.seen) > seen or seen >= EVENTS, "nothing came")
        until(follower.drop, "it did not come back")
        if number % (DISCONNECTS // LINES_LOST) == 0:
            lose_lines(shared)
    for writer in writers:
        writer.join()
    until(lambda: len(follower.seen) >= EVENTS, "some did not arrive")
    time.sleep(0.3)
    follower.stop()

    assert follower.ends.count("torn") >= DISCONNECTS
    assert follower.resets == 0
    for number in range(WRITERS):
        came = [step for name, step in follower.seen if name == f"m{number}"]
        assert came == list(range(1, each + 1))


def test_what_was_announced_while_no_line_was_there_is_seen_when_it_is_back(
    pair: Sequence[Server], shared: str
) -> None:
    one, other = pair
    start(one, "w")
    follower = Follower([other], RUN)
    follower.start()
    assert follower.began.wait(WAIT_S_MAX)
    lose_lines(shared)
    send(one, "w", 1, metrics=[point("m", 1)])
    until(lambda: 1 in follower.arrived, "the point did not arrive")
    follower.stop()


def test_a_process_that_did_not_hear_for_a_while_wakes_everybody_when_it_hears_again(
    shared: str,
) -> None:
    async def lose_and_wait() -> None:
        live = Live()
        with live.listening(RUN) as moved:
            async with asyncio.timeout(WAIT_S_MAX), wakeups.shared(live, shared):
                await moved.wait()
                moved.clear()
                await asyncio.to_thread(lose_lines, shared)
                # Nobody tells of anything; but somebody may have meanwhile.
                await moved.wait()

    asyncio.run(lose_and_wait())


def test_a_link_made_by_one_worker_is_good_at_every_other(team: Server) -> None:
    for _ in range(12):
        asked = urllib.request.Request(f"{team.url}/sign-in/links", b"", team.headers)
        with urllib.request.urlopen(asked) as reply:
            code = json.load(reply)["path"].partition("#")[2]
        entered = urllib.request.Request(f"{team.url}/sign-in", json.dumps({"code": code}).encode())
        with urllib.request.urlopen(entered) as reply:
            assert reply.status == 204


def test_a_worker_that_dies_is_followed_by_another(team: Server) -> None:
    until(lambda: len(workers_of(team)) == 3, "there are no three workers")
    before = workers_of(team)
    os.kill(CHANCE.choice(sorted(before)), signal.SIGKILL)
    until(lambda: len(workers_of(team) - before) == 1, "nobody took its place")
    start(team, "w")


def test_workers_do_not_outlive_a_parent_that_was_killed(team: Server) -> None:
    until(lambda: len(workers_of(team)) == 3, "there are no three workers")
    team.kill()
    until(lambda: _is_free(team.port), "somebody still holds the port")
    team.start()
    start(team, "w")


def test_a_team_that_is_told_to_stop_ends_with_code_0(team: Server) -> None:
    until(lambda: len(workers_of(team)) == 3, "there are no three workers")
    team.process.terminate()
    assert team.process.wait(WAIT_S_MAX) == 0


def test_a_database_that_is_not_there_is_said_once_and_ends_the_start(tmp_path: Path) -> None:
    server = Server(tmp_path, "postgres://127.0.0.1:1/none", "--workers=3")
    said = server.python(
        "-m", "runvane", "serve", f"--port={server.port}", "--workers=3",
        "--database-url=postgres://127.0.0.1:1/none", stderr=subprocess.PIPE,
    )  # fmt: skip
    _, words = said.communicate(timeout=WAIT_S_MAX)
    assert said.returncode
    assert words.count("no database answers at") == 1
    assert "Traceback" not in words


def _is_free(port: int) -> bool:
    with socket.socket() as free:
        return free.connect_ex(("127.0.0.1", port)) != 0
