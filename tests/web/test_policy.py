"""Who may see which page: a matrix written by hand, with which every route is compared."""

import http.client
import json
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Mount, Route

from api import app
from api.edge.routes import leaves
from tests.conftest import settings_in
from tests.flows.server import Server
from web.app import create_app

CALLERS: Mapping[str, list[str]] = {
    "nobody": [],
    "owner": [],
    "read": ["READ"],
    "write": ["WRITE"],
    "ingest": ["INGEST"],
    # It reads too, but is limited to an experiment in which nothing of these pages is.
    "elsewhere": ["READ"],
}
MAKE = "mutation ($input: CreateTokenInput!) { createToken(input: $input) { secret } }"
MADE = """mutation { createRun(input: {experiment: "pages", runId: "page"}) { run { runId } }
  other: createExperiment(name: "elsewhere") { experiment { name } } }"""
CHANGE = """mutation ($text: String!) { updateRun(runId: "page", input: {name: $text}) {
  run { version } } }"""
HEARD_S = 2
STATE = """{ runs { totalCount { value } edges { node { version } } }
  experiments { totalCount } tokens { id } views { edges { node { id } } } }"""
READERS = {
    "nobody": 401, "owner": 200, "read": 200, "write": 200, "ingest": 403, "elsewhere": 200
}  # fmt: skip
OF_A_RUN = {**READERS, "elsewhere": 404}
EVERYBODY = dict.fromkeys(CALLERS, 200)
# Whoever adds a page adds a line: a path of this kind, and what each caller is answered.
MATRIX: Mapping[str, tuple[str, Mapping[str, int]]] = {
    "/": ("/", READERS),
    "/experiments/{name:path}": ("/experiments/pages", OF_A_RUN),
    "/runs": ("/runs", READERS),
    # Of what one does not see there is nothing below the heading.
    "/csv/runs": ("/csv/runs?experiment=pages", READERS),
    "/runs/{run_id}": ("/runs/page", OF_A_RUN),
    "/compare": ("/compare?runs=page", OF_A_RUN),
    "/csv/compare": ("/csv/compare?runs=page", OF_A_RUN),
    "/compute": ("/compute", READERS),
    # No worker serves it: there it is only by a run of an experiment.
    "/compute/{target:path}": ("/compute/pages-gpu", OF_A_RUN),
    "/documents/{name}": ("/documents/run?variables=%7B%22runId%22%3A%22page%22%7D", READERS),
    "/queries/{name}": ("/queries/run", READERS),
    "/query": ("/query", READERS),
    "/views": ("/views", READERS),
    "/views/new": ("/views/new", READERS),
    # One that there is, is opened in test_views.
    "/views/{id}": (
        "/views/none",
        {**READERS, "owner": 404, "read": 404, "write": 404, "elsewhere": 404},
    ),
    "/settings": ("/settings", READERS),
    # Of a run that one does not see there is never any news.
    "/events": ("/events?run=page", READERS),
    "/sign-in": ("/sign-in", EVERYBODY),
    "/static/{path:path}": ("/static/none", dict.fromkeys(CALLERS, 404)),
}
# Those of the doors are compared in tests/api/edge/test_routes.py.
DOORS = {
    "/graphql", "/ingest/v1", "/export/runs/{run}", "/sign-in/links", "/healthz",
    "/files/runs/{run}/{path:path}", "/files/archives/{run}", "/files/uploads/{run}/{path:path}",
    "/logs/runs/{run}/{stream:path}",
}  # fmt: skip


def test_every_route_of_the_whole_server_is_in_a_matrix(tmp_path: Path) -> None:
    every = create_app(settings_in(tmp_path)).routes
    assert {path for path, _ in leaves(every)} == set(MATRIX) | DOORS


def put_on_a_target(server: Server) -> None:
    """A run that says which target it is on."""
    start = {"type": "start", "experiment": "pages", "target": "pages-gpu", "at": 0}
    batch = {"run": "placed", "writer": "w", "seq": 0, "events": [start]}
    headers = {**server.headers, "content-type": "application/json"}
    told = json.dumps(batch).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{server.url}/ingest/v1", told, headers)):
        pass


@pytest.fixture(scope="module")
def credentials(server: Server) -> Mapping[str, Mapping[str, str]]:
    server.ask(MADE)
    put_on_a_target(server)
    found: dict[str, Mapping[str, str]] = {"nobody": {}, "owner": server.headers}
    for caller, scopes in CALLERS.items():
        if scopes:
            place = caller if caller == "elsewhere" else None
            wanted = {"name": caller, "scopes": scopes, "experiment": place}
            secret = server.ask(MAKE, input=wanted)["createToken"]["secret"]
            found[caller] = {"authorization": f"Bearer {secret}"}
    return found


@pytest.mark.parametrize("route", MATRIX)
def test_a_page_is_for_those_of_the_matrix_and_changes_nothing(
    server: Server, credentials: Mapping[str, Mapping[str, str]], route: str
) -> None:
    path, wanted = MATRIX[route]
    before = server.ask(STATE)
    for method in ("GET", "POST", "DELETE"):
        said = {who: status(server, method, path, headers) for who, headers in credentials.items()}
        if method == "GET":
            assert said == wanted
        else:
            # A sign-in is posted to, and this one has no code.
            assert all(each >= 400 for each in said.values()), (method, said)
    assert server.ask(STATE) == before


def test_a_stream_tells_whoever_is_elsewhere_nothing_of_the_run(
    server: Server, credentials: Mapping[str, Mapping[str, str]]
) -> None:
    heard: dict[str, bytes] = {}
    for who in ("read", "elsewhere"):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=HEARD_S)
        connection.request("GET", "/events?run=page", headers=credentials[who])
        reply = connection.getresponse()
        server.ask(CHANGE, text=f"told to {who}")
        heard[who] = b""
        with suppress(TimeoutError):
            while more := reply.read1(65536):
                heard[who] += more
        reply.close()
        connection.close()
    assert b"told to read" in heard["read"]
    assert not any(word in heard["elsewhere"] for word in (b"told", b"pages"))


def test_a_page_that_does_not_say_who_may_see_it_stops_the_start(tmp_path: Path) -> None:
    async def page(_: Any) -> None: ...

    forgotten = Mount("/", routes=[Route("/forgotten", page)])
    with pytest.raises(RuntimeError, match="do not say who may use them: /forgotten"):
        app.create_app(settings_in(tmp_path), also=[forgotten])


def status(server: Server, method: str, path: str, headers: Mapping[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    body = json.dumps({}) if method == "POST" else None
    connection.request(method, path, body, {"content-type": "application/json", **headers})
    reply = connection.getresponse()
    found = reply.status
    # A stream has no end.
    reply.close()
    connection.close()
    return found
