"""Whoever follows gets everything once, however often the connection breaks."""

import asyncio
import http.client
import itertools
import json
import random
import socket
import threading
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport
from starlette.testclient import TestClient

from tests.api.graphql.sockets import answer, connected, subscribe
from tests.conftest import SOCKET_PROTOCOL, Writer, data
from tests.flows.server import Server

APPENDED = """subscription ($run: String!, $after: String) {
  metricsAppended(runs: [{runId: $run, after: $after}]) {
    runId cursor reset blocks { name kind steps times columns { name values } } } }"""
CURSOR = """query ($run: String!) { series(runs: [$run], metric: "loss") { x lines { cursor } } }"""
NAMES = itertools.count()
# Of one batch, and what the event of it weighs on its way.
STEPS = 10_000
EVENT_MB = 0.2


def follow(client: TestClient, after: str | None, *, until: int) -> tuple[list[int], str]:
    """Follow until so many steps came; give them and the cursor behind them."""
    steps: list[int] = []
    cursor = after or ""
    with connected(client) as socket:
        subscribe(socket, APPENDED, run="r1", after=after)
        while len(steps) < until:
            news = answer(socket)["metricsAppended"]
            assert not news["reset"]
            cursor = news["cursor"]
            steps += [step for block in news["blocks"] for step in block["steps"]]
    return steps, cursor


def test_a_cursor_resumes_without_loss_or_repeat_across_writers(
    client: TestClient, writer: Writer
) -> None:
    second = Writer(client, name="w2")
    second.start()
    writer.log("loss", [0.5], [0])
    got: list[int] = [0]
    cursor = data(client, CURSOR, run="r1")["series"]["lines"][0]["cursor"]
    sent, dice = 1, random.Random(3)
    for _ in range(20):
        for _ in range(dice.randint(1, 5)):
            dice.choice([writer, second]).log("loss", [0.5], [sent])
            sent += 1
        steps, cursor = follow(client, cursor, until=sent - len(got))
        got += steps
    assert sorted(got) == list(range(sent))


def test_without_a_cursor_it_begins_now(client: TestClient, writer: Writer) -> None:
    writer.log("loss", [0.5], [0])
    with connected(client) as socket:
        subscribe(socket, APPENDED, run="r1")
        first = answer(socket)["metricsAppended"]
        assert (first["blocks"], first["reset"], bool(first["cursor"])) == ([], False, True)
        writer.log("loss", [0.25, "NaN"], [1, 2])
        news = answer(socket)["metricsAppended"]
    (block,) = news["blocks"]
    assert (block["name"], block["kind"], block["steps"]) == ("loss", "SCALAR", [1, 2])
    assert block["columns"] == [{"name": "value", "values": [0.25, "NaN"]}]


def test_several_runs_are_followed_on_one_subscription(client: TestClient, writer: Writer) -> None:
    other = Writer(client, run="r2", name="w2")
    other.start()
    document = """subscription { metricsAppended(runs: [{runId: "r1"}, {runId: "r2"}],
      columns: [{metric: "loss"}, {metric: "roc", column: "tpr"}]) {
        runId blocks { name columns { name } } } }"""
    with connected(client) as socket:
        subscribe(socket, document)
        begun = {answer(socket)["metricsAppended"]["runId"] for _ in range(2)}
        assert begun == {"r1", "r2"}
        other.log("acc", [1.0])
        other.log_columns("roc", {"tpr": [0.1], "fpr": [0.2]}, [0])
        writer.log("loss", [0.5])
        news = [answer(socket)["metricsAppended"] for _ in range(2)]
    seen = {each["runId"]: each["blocks"] for each in news if each["blocks"]}
    assert seen == {
        "r1": [{"name": "loss", "columns": [{"name": "value"}]}],
        "r2": [{"name": "roc", "columns": [{"name": "tpr"}]}],
    }


def test_a_run_s_state_comes_at_once_and_whenever_it_changed(
    client: TestClient, writer: Writer
) -> None:
    document = 'subscription { runChanged(runId: "r1") { name version childCount } }'
    with connected(client) as socket:
        subscribe(socket, document)
        before = answer(socket)["runChanged"]
        writer.events({"type": "describe", "name": "renamed"})
        after = answer(socket)["runChanged"]
        assert after["name"] == "renamed"
        assert after["version"] > before["version"]


def test_a_list_says_read_again_and_then_what_changed(client: TestClient, writer: Writer) -> None:
    document = """subscription { runsChanged(filter: {experiment: "mnist"}) {
      reset runs { runId name } } }"""
    with connected(client) as socket:
        subscribe(socket, document)
        assert answer(socket)["runsChanged"] == {"reset": True, "runs": []}
        writer.events({"type": "describe", "name": "renamed"})
        changed = answer(socket)["runsChanged"]
    assert changed == {"reset": False, "runs": [{"runId": "r1", "name": "renamed"}]}


@pytest.mark.parametrize("after", ["?", "bm9wZQ==", "W10=", "eyJ3MSI6IngifQ=="])
def test_what_is_not_a_cursor_is_named_an_error(
    client: TestClient, writer: Writer, after: str
) -> None:
    with connected(client) as socket:
        subscribe(socket, APPENDED, run="r1", after=after)
        (error,) = socket.receive_json()["payload"]["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}


def test_a_run_that_is_not_there_cannot_be_followed(client: TestClient) -> None:
    for document in (
        'subscription { metricsAppended(runs: [{runId: "none"}]) { runId } }',
        'subscription { runChanged(runId: "none") { name } }',
    ):
        with connected(client) as socket:
            subscribe(socket, document)
            (error,) = socket.receive_json()["payload"]["errors"]
        assert error["extensions"] == {"code": "NOT_FOUND"}


def test_two_hundred_runs_are_followed_and_no_more(client: TestClient) -> None:
    document = "subscription ($r: [RunCursor!]!) { metricsAppended(runs: $r) { runId } }"
    with connected(client) as socket:
        subscribe(socket, document, r=[{"runId": f"r{n}"} for n in range(201)])
        (error,) = socket.receive_json()["payload"]["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}


class Script:
    """A writer at a real server."""

    def __init__(self, server: Server) -> None:
        self.run = f"followed-{next(NAMES)}"
        self._server = server
        self._seq = itertools.count()
        self.send(events=[{"type": "start", "experiment": "streams", "at": 1}])

    def log(self, *steps: int) -> None:
        block = {"name": "loss", "kind": "scalar", "steps": steps, "times": steps}
        self.send(metrics=[{**block, "columns": {"value": steps}}])

    def send(self, **fields: Any) -> None:
        body = {"run": self.run, "writer": "w", "seq": next(self._seq), **fields}
        headers = {**self._server.headers, "content-type": "application/json"}
        asked = urllib.request.Request(
            f"{self._server.url}/ingest/v1", json.dumps(body).encode(), headers
        )
        urllib.request.urlopen(asked).close()


def over_sse(server: Server, variables: dict[str, Any], *, by_post: bool) -> Generator[Any]:
    """Events of one connection, read line by line as they come."""
    headers = {**server.headers, "accept": "text/event-stream"}
    asked = urllib.request.Request(f"{server.url}/graphql", headers=headers)
    if by_post:
        asked.add_header("content-type", "application/json")
        asked.data = json.dumps({"query": APPENDED, "variables": variables}).encode()
    else:
        query = urlencode({"query": APPENDED, "variables": json.dumps(variables)})
        asked.full_url = f"{server.url}/graphql?{query}"
    with urllib.request.urlopen(asked) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream:
            if line.startswith(b"data: {"):
                yield json.loads(line[6:])["data"]["metricsAppended"]


async def over_socket(server: Server, variables: dict[str, Any], wanted: int) -> list[Any]:
    transport = WebsocketsTransport(
        f"ws://127.0.0.1:{server.port}/graphql",
        headers=server.headers,
        subprotocols=[SOCKET_PROTOCOL],
    )
    document = gql(APPENDED)
    document.variable_values = variables
    news: list[Any] = []
    async with (
        Client(transport=transport) as session,
        aclosing(session.subscribe(document)) as events,
    ):
        async for event in events:
            news.append(event["metricsAppended"])
            if len(steps_of(news)) >= wanted:
                break
    return news


def heard(server: Server, way: str, variables: dict[str, Any], wanted: int) -> list[Any]:
    """What one connection brings until it is broken off, after so many steps."""
    if way == "a socket":
        return asyncio.run(over_socket(server, variables, wanted))
    news: list[Any] = []
    with closing(over_sse(server, variables, by_post=way == "sse by post")) as events:
        for event in events:
            news.append(event)
            if len(steps_of(news)) >= wanted:
                break
    return news


def steps_of(news: list[Any]) -> list[int]:
    return [step for each in news for block in each["blocks"] for step in block["steps"]]


@pytest.mark.parametrize("way", ["sse by get", "sse by post", "a socket"])
def test_a_tool_that_loses_its_connection_goes_on_from_its_cursor(server: Server, way: str) -> None:
    script = Script(server)
    script.log(0)
    line = server.ask(CURSOR, run=script.run)["series"]["lines"][0]
    got, cursor, sent, dice = [0], line["cursor"], 1, random.Random(5)
    while sent < 40:
        # Some while nobody listens, some while somebody does.
        script.log(*range(sent, sent := sent + dice.randint(1, 3)))
        soon = threading.Timer(0.05, script.log, range(sent, sent := sent + dice.randint(1, 3)))
        soon.start()
        news = heard(server, way, {"run": script.run, "after": cursor}, sent - len(got))
        soon.join()
        assert not any(each["reset"] for each in news)
        got += steps_of(news)
        cursor = news[-1]["cursor"]
    assert got == list(range(sent))


BOTH = """subscription ($runs: [RunCursor!]!) {
  metricsAppended(runs: $runs) { runId blocks { steps } } }"""


def told(
    server: Server, runs: Sequence[str], place: str, wanted: int
) -> tuple[list[tuple[str, int]], str]:
    """What a reader is told that comes back with `place`, whose variables say to begin at 0."""
    variables = json.dumps({"runs": [{"runId": run, "after": "e30"} for run in runs]})
    query = urlencode({"query": BOTH, "variables": variables})
    headers = {**server.headers, "accept": "text/event-stream"}
    asked = urllib.request.Request(f"{server.url}/graphql?{query}", headers=headers)
    if place:
        asked.add_header("last-event-id", place)
    got: list[tuple[str, int]] = []
    with urllib.request.urlopen(asked, timeout=10) as stream:
        for line in stream:
            if line.startswith(b"id: "):
                place = line[4:].strip().decode()
            elif line.startswith(b"data: {"):
                news = json.loads(line[6:])["data"]["metricsAppended"]
                got += [(news["runId"], step) for step in steps_of([news])]
                if len(got) >= wanted:
                    break
    return got, place


def test_a_reader_that_comes_back_with_the_last_id_goes_on_behind_it_in_all_its_runs(
    server: Server,
) -> None:
    scripts = [Script(server), Script(server)]
    runs = [each.run for each in scripts]
    got, place, dice, sent = list[tuple[str, int]](), "", random.Random(7), 0
    while sent < 40:
        for _ in range(dice.randint(1, 4)):
            dice.choice(scripts).log(sent)
            sent += 1
        # Sometimes it leaves before it has seen everything.
        wanted = dice.randint(1, sent - len(got))
        more, place = told(server, runs, place, wanted)
        got += more
    while len(got) < sent:
        more, place = told(server, runs, place, 1)
        got += more
    assert sorted(step for _, step in got) == list(range(sent))
    assert {run for run, _ in got} == set(runs)


def test_a_place_among_other_runs_is_named_an_error(server: Server) -> None:
    script, other = Script(server), Script(server)
    script.log(0)
    _, place = told(server, [script.run], "", 1)
    for runs, given in (([other.run], place), ([script.run, other.run], place), ([other.run], "?")):
        headers = {**server.headers, "accept": "text/event-stream", "last-event-id": given}
        variables = json.dumps({"runs": [{"runId": run} for run in runs]})
        query = urlencode({"query": BOTH, "variables": variables})
        asked = urllib.request.Request(f"{server.url}/graphql?{query}", headers=headers)
        with urllib.request.urlopen(asked, timeout=10) as stream:
            assert b"Last-Event-ID" in stream.read()


def test_what_cannot_be_followed_is_said_in_the_stream(server: Server) -> None:
    headers = {**server.headers, "accept": "text/event-stream"}
    query = urlencode({"query": 'subscription { runChanged(runId: "none") { name } }'})
    asked = urllib.request.Request(f"{server.url}/graphql?{query}", headers=headers)
    with urllib.request.urlopen(asked) as stream:
        said = stream.read().decode()
    assert "NOT_FOUND" in said
    assert said.rstrip().endswith("event: complete\r\ndata:")


def unread(server: Server, run: str) -> http.client.HTTPConnection:
    """Begin to follow, and do not read on."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.connect()
    # The kernel's part in what waits for the reader is small and fixed.
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    headers = {**server.headers, "content-type": "application/json", "accept": "text/event-stream"}
    asked = json.dumps({"query": APPENDED, "variables": {"run": run, "after": None}})
    connection.request("POST", "/graphql", asked, headers)
    return connection


def memory_mb(server: Server) -> float:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def test_readers_that_never_read_cost_no_memory_and_miss_nothing(server: Server) -> None:
    """Forty events for each of twenty come meanwhile: four times what the server may grow by."""
    script, sent = Script(server), itertools.count()

    def log() -> None:
        script.log(*(next(sent) for _ in range(STEPS)))

    connections = [unread(server, script.run) for _ in range(20)]
    replies = [each.getresponse() for each in connections]
    for reply in replies:
        while b"cursor" not in reply.readline():
            pass
    # Until each of them has as much before it as it is given.
    for _ in range(10):
        log()
    before = memory_mb(server)
    for _ in range(40):
        log()
    grew = memory_mb(server) - before
    for reply in replies[:2]:
        assert steps_in(reply, 50 * STEPS) == list(range(50 * STEPS))
    for each in connections:
        each.close()
    assert grew < 40 * 20 * EVENT_MB / 4


def steps_in(reply: http.client.HTTPResponse, wanted: int) -> list[int]:
    steps: list[int] = []
    while len(steps) < wanted:
        line = reply.readline()
        if line.startswith(b"data: {"):
            steps += steps_of([json.loads(line[6:])["data"]["metricsAppended"]])
    return steps
