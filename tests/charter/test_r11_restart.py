"""R11: a server that is told to stop, and comes again."""

import json
import socket
import time
import urllib.request
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from tests.charter.figures import LONG, Figures
from tests.charter.writers import RUN, Writer, judge, writing
from tests.flows.server import Server
from tests.flows.streams import Follower, SocketFollower

STOPS = 10 if LONG else 1
ROLLS = 50 if LONG else 2
WRITERS = 8
STREAMS = 50 if LONG else 10
# Each keeps all it is told, and the rolling restarts take minutes.
STREAMS_WHILE_ROLLING = 10
EXIT_S_MAX = 10
EXIT_AT_ONCE_S_MAX = 2
RETURN_S_MAX = 5
WAIT_S_MAX = 60


def test_a_server_that_is_told_to_stop_loses_nothing_and_is_followed_on_when_it_is_back(
    server: Server, figures: Figures
) -> None:
    exits: list[float] = []
    returns: list[float] = []
    with following([server], STREAMS) as followers:
        with writing(server, WRITERS) as writers:
            for _ in range(STOPS):
                time.sleep(0.5)
                exits.append(told_to_stop(server))
                # By now each stream was ended; a server that is coming begins others.
                ended = [len(each.begins) for each in followers]
                server.start()
                up = time.monotonic()
                await_streams(followers, ended)
                latest = max(
                    each.begins[count] for each, count in zip(followers, ended, strict=True)
                )
                returns.append(latest - up)
        await_points(followers, writers)
    figures.cases = STOPS
    judge(server, writers, figures)
    judge_streams(followers, writers, figures)
    figures.record("exit, longest s", max(exits), at_most=EXIT_S_MAX, firm=False)
    figures.record("streams are back, longest s", max(returns), at_most=RETURN_S_MAX, firm=False)


def test_a_server_that_is_told_twice_ends_at_once_and_loses_nothing(
    server: Server, figures: Figures
) -> None:
    with writing(server, WRITERS) as writers:
        time.sleep(0.5)
        with unfinished(server):
            server.process.terminate()
            time.sleep(0.5)
            assert server.process.poll() is None, "it does not wait for what was begun"
            seconds = told_to_stop(server)
        server.start()
        time.sleep(0.3)
    judge(server, writers, figures)
    figures.record("exit, told twice, s", seconds, at_most=EXIT_AT_ONCE_S_MAX, firm=False)


def test_servers_that_restart_in_turn_are_one_server_to_writers_and_streams(
    pair: Sequence[Server], figures: Figures
) -> None:
    one, other = pair
    exits: list[float] = []
    with following(pair, STREAMS_WHILE_ROLLING) as followers:
        with writing(one, WRITERS, other) as writers:
            for number in range(ROLLS):
                server = pair[number % 2]
                time.sleep(0.3)
                exits.append(told_to_stop(server))
                time.sleep(0.3)
                server.start()
            time.sleep(0.3)
        await_points(followers, writers)
    figures.cases = ROLLS
    judge(one, writers, figures)
    judge_streams(followers, writers, figures)
    figures.record("exit, longest s", max(exits), at_most=EXIT_S_MAX, firm=False)


@contextmanager
def following(servers: Sequence[Server], count: int) -> Generator[Sequence[Follower]]:
    """So many streams of the run from its start on, one in five over a socket."""
    events = [{"type": "start", "at": 0, "experiment": "charter"}]
    body = json.dumps({"run": RUN, "writer": "opener", "seq": 0, "events": events}).encode()
    headers = {**servers[0].headers, "content-type": "application/json"}
    asked = urllib.request.Request(f"{servers[0].url}/ingest/v1", body, headers)
    with urllib.request.urlopen(asked, timeout=30):
        pass
    kinds = [SocketFollower if number % 5 == 0 else Follower for number in range(count)]
    turns = [[*servers[number % 2 :], *servers[: number % 2]] for number in range(count)]
    followers = [kind(turn, RUN) for kind, turn in zip(kinds, turns, strict=True)]
    for follower in followers:
        follower.start()
    try:
        for follower in followers:
            assert follower.began.wait(WAIT_S_MAX), "a stream does not begin"
        yield followers
    finally:
        for follower in followers:
            follower.stop()


@contextmanager
def unfinished(server: Server) -> Generator[None]:
    """A request of which the server waits for the rest."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        lines = [
            "POST /ingest/v1 HTTP/1.1",
            f"host: 127.0.0.1:{server.port}",
            "content-length: 1000",
            "content-type: application/json",
            # It says so when it begins to read.
            "expect: 100-continue",
        ]
        lines += [f"{name}: {value}" for name, value in server.headers.items()]
        connection.settimeout(WAIT_S_MAX)
        connection.sendall("\r\n".join([*lines, "", "{"]).encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        yield


def told_to_stop(server: Server) -> float:
    """How many seconds it takes to end, which must be well."""
    begun = time.monotonic()
    server.process.terminate()
    code = server.process.wait(WAIT_S_MAX)
    assert code == 0, f"it ended with code {code}"
    return time.monotonic() - begun


def await_streams(followers: Sequence[Follower], ended: Sequence[int]) -> None:
    until = time.monotonic() + WAIT_S_MAX
    while not all(len(each.begins) > count for each, count in zip(followers, ended, strict=True)):
        assert time.monotonic() < until, "a stream did not come back"
        time.sleep(0.02)


def await_points(followers: Sequence[Follower], writers: Sequence[Writer]) -> None:
    """Until each follower has as many as were acknowledged; longer, for what comes twice."""
    count = sum(len(writer.acknowledged) for writer in writers)
    until = time.monotonic() + WAIT_S_MAX
    while time.monotonic() < until and any(len(each.seen) < count for each in followers):
        time.sleep(0.05)
    time.sleep(0.3)


def judge_streams(
    followers: Sequence[Follower], writers: Sequence[Writer], figures: Figures
) -> None:
    """Compare what each stream told with what was acknowledged."""
    acknowledged = {step for writer in writers for step in writer.acknowledged}
    told = [Counter(step for _, step in each.seen) for each in followers]
    # The last one was ended by its client.
    ends = Counter(end for each in followers for end in each.ends[:-1])
    figures.record("streams ended whole", ends["whole"], at_least=1)
    figures.record("streams torn", ends["torn"], at_most=0)
    figures.record("streams begun anew", sum(each.resets for each in followers), at_most=0)
    missed = sum(len(acknowledged - set(each)) for each in told)
    figures.record("points not told", missed, at_most=0)
    twice = sum(each.total() - len(each) for each in told)
    figures.record("points told twice", twice, at_most=0)
