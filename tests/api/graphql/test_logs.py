"""Logs as clients see them: which there are, lines of them, and what comes."""

import json
import os
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient

from tests.api.graphql.sockets import answer, connected, subscribe
from tests.conftest import Writer, ask, data
from tests.flows.server import Server

LOGS = """{ run(runId: "r1") { activeLog { name } logs {
  name bytes lines firstAt lastAt writers { writer firstByte bytes lines } } } }"""
LINES = """query ($name: String!, $first: Int, $after: String, $last: Int, $before: String,
    $place: LogPlaceInput, $writer: String, $raw: Boolean! = false) {
  run(runId: "r1") { log(name: $name) { logLines(first: $first, after: $after, last: $last,
      before: $before, place: $place, writer: $writer, raw: $raw) {
    lines { writer number firstByte at text cut open }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } } }"""
APPENDED = """subscription ($after: String) {
  logAppended(runId: "r1", stream: "out", after: $after) {
  runId stream cursor reset blocks { writer firstByte firstLine at text } } }"""


class Printer:
    """A script that prints to one log."""

    def __init__(self, writer: Writer, stream: str = "out") -> None:
        self._writer = writer
        self._stream = stream
        self._place = 0

    def say(self, text: str, at: int = 1000) -> None:
        self._writer.send(
            logs=[{"stream": self._stream, "at": at, "first_byte": self._place, "text": text}]
        )
        self._place += len(text.encode())


@pytest.fixture
def printer(writer: Writer) -> Printer:
    return Printer(writer)


def lines(client: TestClient, name: str = "out", **asked: Any) -> Any:
    return data(client, LINES, name=name, **asked)["run"]["log"]["logLines"]


def texts(page: Any) -> list[str]:
    return [each["text"] for each in page["lines"]]


def test_a_run_says_its_logs(client: TestClient, writer: Writer, printer: Printer) -> None:
    printer.say("häl\nlo", 1000)
    Printer(writer, "user_logs/std_log.txt").say("x\n", 500)
    second = Writer(client, name="w2")
    second.start()
    Printer(second).say("y\n", 2000)
    run = data(client, LOGS)["run"]
    assert run["activeLog"] == {"name": "user_logs/std_log.txt"}
    assert run["logs"][0] == {
        "name": "out",
        "bytes": 9,
        "lines": 2,
        "firstAt": "1970-01-01T00:00:01.000Z",
        "lastAt": "1970-01-01T00:00:02.000Z",
        "writers": [
            {"writer": "w1", "firstByte": 0, "bytes": 7, "lines": 1},
            {"writer": "w2", "firstByte": 0, "bytes": 2, "lines": 1},
        ],
    }
    some = '{ run(runId: "r1") { log(name: "none") { name } logs(prefix: "user") { name } } }'
    assert data(client, some)["run"] == {"log": None, "logs": [{"name": "user_logs/std_log.txt"}]}


def test_lines_come_in_pages_from_the_end_and_from_anywhere(
    client: TestClient, printer: Printer
) -> None:
    for n in range(1, 31):
        printer.say(f"line {n}\n", n * 1000)
    printer.say("50%\r100%", 31_000)
    newest = lines(client, last=3)
    assert texts(newest) == ["line 29", "line 30", "100%"]
    assert newest["lines"][-1] == {
        "writer": "w1",
        "number": 31,
        "firstByte": 231,
        "at": "1970-01-01T00:00:31.000Z",
        "text": "100%",
        "cut": False,
        "open": True,
    }
    assert newest["pageInfo"]["hasPreviousPage"]
    assert not newest["pageInfo"]["hasNextPage"]
    older = lines(client, last=2, before=newest["pageInfo"]["startCursor"])
    assert texts(older) == ["line 27", "line 28"]
    again = lines(client, first=2, after=older["pageInfo"]["startCursor"])
    assert texts(again) == texts(older)
    assert texts(lines(client, last=1, raw=True)) == ["50%\r100%"]
    assert texts(lines(client, first=1, place={"line": 7})) == ["line 7"]
    assert texts(lines(client, first=1, place={"byte": 230})) == ["line 30"]
    assert texts(lines(client, first=1, place={"at": "1970-01-01T00:00:05Z"})) == ["line 5"]
    assert len(lines(client)["lines"]) == 31


FOUND = """query ($text: String!, $pattern: Boolean, $after: String, $first: Int) {
  run(runId: "r1") { searchLogs(text: $text, pattern: $pattern, first: $first, after: $after) {
    matches { stream writer number firstByte at before match after }
    pageInfo { hasNextPage hasPreviousPage endCursor } bytesSearched bytesLeft } } }"""


def test_lines_are_found(client: TestClient, printer: Printer) -> None:
    for n in range(5):
        printer.say(f"line {n} of five\n", n * 1000)
    first = data(client, FOUND, text=r"\d of", pattern=True, first=2)["run"]["searchLogs"]
    assert first["matches"][1] == {
        "stream": "out",
        "writer": "w1",
        "number": 2,
        "firstByte": 15,
        "at": "1970-01-01T00:00:01.000Z",
        "before": "line ",
        "match": "1 of",
        "after": " five",
    }
    assert (first["bytesSearched"], first["bytesLeft"]) == (30, 45)
    after = first["pageInfo"]["endCursor"]
    rest = data(client, FOUND, text=r"\d of", pattern=True, after=after)["run"]["searchLogs"]
    assert [each["number"] for each in rest["matches"]] == [3, 4, 5]
    assert rest["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": True, "endCursor": None}
    assert data(client, FOUND, text=r"\d of")["run"]["searchLogs"]["matches"] == []
    for wrong in ({"text": "(", "pattern": True}, {"text": "x", "after": "e30"}):
        (error,) = ask(client, FOUND, **wrong)["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
    many = " ".join(f'f{n}: searchLogs(text: "x") {{ bytesLeft }}' for n in range(3))
    (error,) = ask(client, f'{{ run(runId: "r1") {{ {many} }} }}')["errors"]
    assert "at most 50,000 fields" in error["message"]


def test_what_is_no_place_is_refused(client: TestClient, printer: Printer) -> None:
    printer.say("x\n")
    for wrong in ("?", "WzFd", "eyJ3MSI6LTF9"):
        (error,) = ask(client, LINES, name="out", first=1, after=wrong)["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
    (error,) = ask(client, LINES, name="out", place={})["errors"]
    assert "a place is a line, a byte or a time" in error["message"]


def test_a_page_of_lines_counts_what_it_reads(client: TestClient, printer: Printer) -> None:
    printer.say("x\n")
    few = '{ run(runId: "r1") { log(name: "out") { logLines(last: 10) { lines { text } } } } }'
    assert 1_000 < ask(client, few)["extensions"]["cost"]["spent"] < 1_100
    every = '{ run(runId: "r1") { logs(first: 1000) { logLines(last: 1000) { lines { text } } } } }'
    (error,) = ask(client, every)["errors"]
    assert "at most 50,000 fields" in error["message"]


def test_a_follower_hears_what_comes_and_goes_on_where_it_was(
    client: TestClient, writer: Writer, printer: Printer
) -> None:
    printer.say("before\n")
    with connected(client) as socket:
        subscribe(socket, APPENDED)
        begun = answer(socket)["logAppended"]
        assert begun["blocks"] == []
        # Points are no news of a log.
        writer.log("loss", [0.5])
        printer.say("now", 2000)
        news = answer(socket)["logAppended"]
        assert news["blocks"] == [
            {
                "writer": "w1",
                "firstByte": 7,
                "firstLine": 2,
                "at": "1970-01-01T00:00:02.000Z",
                "text": "now",
            }
        ]
        assert (news["runId"], news["stream"], news["reset"]) == ("r1", "out", False)
    printer.say("and\n")
    with connected(client) as socket:
        subscribe(socket, APPENDED, after=news["cursor"])
        assert [each["text"] for each in answer(socket)["logAppended"]["blocks"]] == ["and\n"]
    tail = lines(client, last=1)["pageInfo"]
    with connected(client) as socket:
        # A page's cursor is a place as well; of a log that was longer once all is read again.
        subscribe(socket, APPENDED, after=tail["startCursor"])
        assert answer(socket)["logAppended"]["blocks"][0]["firstByte"] == 7
        subscribe(socket, APPENDED, key="2", after="eyJ3MSI6MTAwMH0")
        assert answer(socket, "2")["logAppended"] == {
            "runId": "r1",
            "stream": "out",
            "cursor": tail["endCursor"],
            "reset": True,
            "blocks": [],
        }


def test_a_log_can_be_followed_before_it_is_there(client: TestClient, writer: Writer) -> None:
    with connected(client) as socket:
        subscribe(socket, APPENDED)
        assert answer(socket)["logAppended"]["blocks"] == []
        Printer(writer, "other").say("no\n")
        Printer(writer).say("yes\n")
        assert [each["text"] for each in answer(socket)["logAppended"]["blocks"]] == ["yes\n"]


def test_events_have_an_id_with_which_a_reader_comes_back(server: Server) -> None:
    run, place = f"log-{os.getpid()}", 0
    send(server, run, 0, events=[{"type": "start", "at": 0, "experiment": "e"}])
    for n in range(1, 5):
        block = {"stream": "out", "at": n, "first_byte": place, "text": f"{n}\n"}
        send(server, run, n, logs=[block])
        place += 2
    start = "e30"
    (mark, first), *_ = events(server, run, start)
    assert told(first) == "1\n2\n3\n4\n"
    block = {"stream": "out", "at": 5, "first_byte": place, "text": "5\n"}
    send(server, run, 5, logs=[block])
    (_, second), *_ = events(server, run, start, **{"last-event-id": mark})
    assert told(second) == "5\n"
    (_, wrong), *_ = events(server, run, start, **{"last-event-id": "?"})
    assert wrong["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def told(event: Any) -> str:
    return "".join(each["text"] for each in event["data"]["logAppended"]["blocks"])


def send(server: Server, run: str, seq: int, **said: Any) -> None:
    body = json.dumps({"run": run, "writer": "w1", "seq": seq, **said}).encode()
    headers = {**server.headers, "content-type": "application/json"}
    asked = urllib.request.Request(f"{server.url}/ingest/v1", body, headers)
    with urllib.request.urlopen(asked, timeout=10) as reply:
        assert reply.status == 200


def events(
    server: Server, run: str, after: str, **headers: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The ids and the data of events."""
    variables = json.dumps({"after": after})
    query = urlencode({"query": APPENDED.replace('"r1"', f'"{run}"'), "variables": variables})
    headers = {**server.headers, "accept": "text/event-stream", **headers}
    asked = urllib.request.Request(f"{server.url}/graphql?{query}", headers=headers)
    mark = ""
    with urllib.request.urlopen(asked, timeout=10) as stream:
        for line in stream:
            if line.startswith(b"id: "):
                mark = line[4:].strip().decode()
            elif line.startswith(b"data: {"):
                yield mark, json.loads(line[6:])
                return
