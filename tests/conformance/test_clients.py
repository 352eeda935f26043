"""Clients that know nothing of ours ask, change, follow, and come back with their cursor."""

import asyncio
import json
import subprocess
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from gql import Client, GraphQLRequest
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from gql.transport.exceptions import TransportQueryError, TransportServerError
from gql.transport.httpx import HTTPXAsyncTransport, HTTPXTransport
from gql.transport.requests import RequestsHTTPTransport
from gql.transport.websockets import WebsocketsTransport

from tests.conformance.conftest import environment
from tests.flows.server import Server

HERE = Path(__file__).parent
MADE = """mutation ($run: String!) { createRun(input: {experiment: "clients", runId: $run}) {
    run { runId } userErrors { code } } }"""
SEEN = "query ($run: String!) { run(runId: $run) { experiment } }"
UNKNOWN = '{ runDiff(runs: ["none", "neither"]) { capped } }'
FOLLOW = """subscription ($run: String!, $after: String) {
    metricsAppended(runs: [{runId: $run, after: $after}]) { cursor blocks { steps } } }"""
# So many points are there before it is followed, in between, and at last.
PARTS = (range(3), range(3, 5), range(5, 9))
SCRIPT = """
import runvane, sys
run = runvane.Run("clients", id=sys.argv[1], resume=True)
for step in range(int(sys.argv[2]), int(sys.argv[3])):
    run.log("loss", 0.5, step=step)
assert run.flush(30)
"""

Making = Callable[[str, dict[str, str]], Any]
BY_HTTP: dict[str, Making] = {
    "aiohttp": lambda url, headers: AIOHTTPTransport(url, headers=headers),
    "httpx": lambda url, headers: HTTPXAsyncTransport(url, headers=headers),
}
# For programs that do not wait in an event loop.
AT_ONCE: dict[str, Making] = {
    "httpx-sync": lambda url, headers: HTTPXTransport(url, headers=headers),
    "requests": lambda url, headers: RequestsHTTPTransport(url, headers=headers),
}
BY_SOCKET: dict[str, Making] = {
    "websockets": lambda url, headers: WebsocketsTransport(_socket(url), headers=headers),
    "aiohttp-websockets": lambda url, headers: AIOHTTPWebsocketsTransport(
        _socket(url), headers=headers
    ),
}


def _socket(url: str) -> str:
    return url.replace("http", "ws", 1)


def made(name: str, server: Server) -> Any:
    making = {**BY_HTTP, **AT_ONCE, **BY_SOCKET}[name]
    return making(f"{server.url}/graphql", server.headers)


def refusals(told: TransportQueryError) -> list[tuple[str, list[str]]]:
    return [(each["extensions"]["code"], each["path"]) for each in told.errors or []]


def log(server: Server, run: str, steps: range) -> None:
    words = (run, str(steps.start), str(steps.stop))
    with server.python("-c", SCRIPT, *words, stderr=subprocess.PIPE) as script:
        assert script.wait(60) == 0, script.stderr and script.stderr.read()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
@pytest.mark.parametrize("name", [*BY_HTTP, *BY_SOCKET])
async def test_every_transport_of_gql_asks_and_changes(server: Server, name: str) -> None:
    asked = {"run": f"gql-{name}"}
    client = Client(transport=made(name, server), fetch_schema_from_transport=True)
    async with client as session:
        said = await session.execute(GraphQLRequest(MADE, variable_values=asked))
        assert said["createRun"] == {"run": {"runId": asked["run"]}, "userErrors": []}
        said = await session.execute(GraphQLRequest(SEEN, variable_values=asked))
        assert said == {"run": {"experiment": "clients"}}
        with pytest.raises(TransportQueryError) as told:
            await session.execute(GraphQLRequest(UNKNOWN))
        assert refusals(told.value) == [("NOT_FOUND", ["runDiff"])]


@pytest.mark.parametrize("name", AT_ONCE)
def test_the_transports_of_gql_without_a_loop_ask_and_change(server: Server, name: str) -> None:
    asked = {"run": f"gql-{name}"}
    with Client(transport=made(name, server), fetch_schema_from_transport=True) as session:
        said = session.execute(GraphQLRequest(MADE, variable_values=asked))
        assert said["createRun"] == {"run": {"runId": asked["run"]}, "userErrors": []}
        said = session.execute(GraphQLRequest(SEEN, variable_values=asked))
        assert said == {"run": {"experiment": "clients"}}
        with pytest.raises(TransportQueryError) as told:
            session.execute(GraphQLRequest(UNKNOWN))
        assert refusals(told.value) == [("NOT_FOUND", ["runDiff"])]


@pytest.mark.parametrize("name", AT_ONCE)
def test_the_transports_of_gql_say_who_is_not_let_in(server: Server, name: str) -> None:
    stranger = AT_ONCE[name](f"{server.url}/graphql", {"authorization": "Bearer wrong"})
    with Client(transport=stranger) as session, pytest.raises(TransportServerError) as told:
        session.execute(GraphQLRequest(SEEN, variable_values={"run": "none"}))
    assert told.value.code == 401


@pytest.mark.anyio
@pytest.mark.parametrize("name", BY_SOCKET)
async def test_every_socket_of_gql_comes_back_with_its_cursor(server: Server, name: str) -> None:
    run = f"followed-{name}"
    after: str | None = None
    seen: list[int] = []
    for part in PARTS:
        log(server, run, part)
        # What does not come is red, not waited for.
        async with asyncio.timeout(30), Client(transport=made(name, server)) as session:
            asked = {"run": run, "after": after}
            request = GraphQLRequest(FOLLOW, variable_values=asked)
            # Left early, it says so to the server at once.
            async with aclosing(session.subscribe(request)) as following:
                async for event in following:
                    news = event["metricsAppended"]
                    after = news["cursor"]
                    seen += [step for each in news["blocks"] for step in each["steps"]]
                    # The first connection begins behind what is there.
                    if part is PARTS[0] or (seen and seen[-1] == part[-1]):
                        break
    assert seen == [*PARTS[1], *PARTS[2]]


@pytest.mark.parametrize("name", ["graphql-ws", "graphql-sse", "eventsource"])
def test_the_packages_of_npm_ask_change_follow_and_come_back(
    server: Server, node_modules: Path, name: str
) -> None:
    run = f"npm-{name}"
    log(server, run, PARTS[0])

    def tried(after: str | None, last: int | None) -> Any:
        told = {"name": name, "run": run, "after": after, "last": last}
        said = subprocess.run(
            ["node", "clients.mjs", json.dumps(told)],
            check=False, cwd=HERE, env=environment(server), capture_output=True, text=True,
            timeout=60,
        )  # fmt: skip
        assert said.returncode == 0, said.stderr
        return json.loads(said.stdout)

    first = tried(None, None)
    assert first["steps"] == []
    assert first["experiment"] == "clients"
    # What may change the server goes by no stream that a page of another site can open.
    assert first["tagged"] == (name == "graphql-ws")
    cursor, seen = first["cursor"], list[int]()
    for part in PARTS[1:]:
        log(server, run, part)
        told = tried(cursor, part[-1])
        cursor = told["cursor"]
        seen += told["steps"]
    assert seen == [*PARTS[1], *PARTS[2]]


def test_graphql_ws_asks_and_follows_by_hash(server: Server, node_modules: Path) -> None:
    run = "by-hash"
    server.ask(MADE, run=run)
    said = subprocess.run(
        ["node", "persisted.mjs", json.dumps({"run": run})],
        check=False, cwd=HERE, env=environment(server), capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    unknown = [["PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND"]]
    for told, field in zip(json.loads(said.stdout), ("run", "runChanged"), strict=True):
        assert told == [unknown, {field: {"runId": run}}, {field: {"runId": run}}]
