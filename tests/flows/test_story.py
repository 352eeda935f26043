"""One story through every door: a script trains, tools follow it, the pages show it."""

import asyncio
import json
import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport

from tests.flows.server import Server, finished

STEPS = 240
# It waits for the followers to be there, and is slow enough to be left and found again.
SCRIPT = f"""
import sys, time, runvane
with runvane.Run("story", id="followed") as run:
    run.log("loss", 0)
    sys.stdin.readline()
    for step in range(1, {STEPS}):
        run.log("loss", step / 4)
        time.sleep(0.01)
"""
SWEEP = ("-m", "examples.digits_sweep", "--settings=5", "--pace=0")
LISTED = """{ experiments(first: 5) { edges { node { name runs(first: 5) { edges { node {
    runId status childCount children(first: 20) { edges { node { runId status params error
        metrics(columns: [{metric: "val/accuracy"}, {metric: "train/loss", stat: MIN}])
    } } } } } } } } } }"""
SUBSCRIPTION = """subscription ($run: String!, $after: String) {
    metricsAppended(runs: [{runId: $run, after: $after}], columns: [{metric: "loss"}]) {
        runId cursor reset blocks { name steps columns { name values } } } }"""
CURSOR = '{ series(runs: ["followed"], metric: "loss") { x lines { mean cursor } } }'


class Follower:
    """What a tool holds: the points it saw and where it stopped."""

    def __init__(self, steps: Sequence[int], values: Sequence[float], cursor: str) -> None:
        self.steps = list(steps)
        self.values = list(values)
        self.cursor = cursor
        self.connections = 0

    @property
    def variables(self) -> dict[str, Any]:
        return {"run": "followed", "after": self.cursor}

    @property
    def done(self) -> bool:
        return bool(self.steps) and self.steps[-1] == STEPS - 1

    def take(self, event: Any) -> None:
        appended = event["metricsAppended"]
        assert not appended["reset"]
        assert appended["runId"] == "followed"
        self.cursor = appended["cursor"]
        for block in appended["blocks"]:
            assert block["name"] == "loss"
            self.steps += block["steps"]
            self.values += block["columns"][0]["values"]


async def follow_by_socket(server: Server, follower: Follower) -> None:
    """Python's gql, which leaves after some events and comes back with its cursor."""
    url = f"ws://127.0.0.1:{server.port}/graphql"
    while not follower.done:
        follower.connections += 1
        transport = WebsocketsTransport(url, headers=server.headers)
        async with Client(transport=transport) as session:
            request = gql(SUBSCRIPTION)
            request.variable_values = follower.variables
            seen = 0
            async for event in session.subscribe(request):
                follower.take(event)
                seen += 1
                if follower.done or seen == 5:
                    break


async def follow_by_curl(server: Server, follower: Follower) -> None:
    """curl, killed after some events and started again with the cursor it saw last."""
    while not follower.done:
        follower.connections += 1
        query = {"query": SUBSCRIPTION, "variables": json.dumps(follower.variables)}
        url = f"{server.url}/graphql?{urlencode(query)}"
        headers = {**server.headers, "accept": "text/event-stream"}
        words = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
        curl = await asyncio.create_subprocess_exec(
            "curl", "--silent", "--no-buffer", *words, url, stdout=subprocess.PIPE
        )
        assert curl.stdout
        seen = 0
        while not follower.done and seen < 5:
            line = (await asyncio.wait_for(curl.stdout.readline(), 30)).decode()
            assert line, "the stream ended by itself"
            if line.startswith("data:") and line.strip() != "data:":
                follower.take(json.loads(line[5:])["data"])
                seen += 1
        curl.kill()
        await curl.communicate()


def test_tools_follow_a_run_across_dropped_connections(server: Server) -> None:
    with server.python("-c", SCRIPT, stdin=subprocess.PIPE) as script:
        assert script.stdin
        series = first_series(server)
        start = (series["x"], series["lines"][0]["mean"], series["lines"][0]["cursor"])
        by_socket, by_curl = Follower(*start), Follower(*start)

        async def follow() -> None:
            both = (follow_by_socket(server, by_socket), follow_by_curl(server, by_curl))
            await asyncio.wait_for(asyncio.gather(*both), 60)

        script.stdin.write("go\n")
        script.stdin.flush()
        asyncio.run(follow())
        assert script.wait(30) == 0

    for follower in (by_socket, by_curl):
        assert follower.connections > 2
        assert follower.steps == list(range(STEPS))
        assert follower.values == [step / 4 for step in range(STEPS)]


def first_series(server: Server) -> Any:
    """The series with the first point in it, and so the cursor to go on from."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if server.summary("followed", "loss"):
            return server.ask(CURSOR)["series"]
        time.sleep(0.05)
    raise TimeoutError("the first point did not arrive")


@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
def test_a_sweep_is_logged_queried_and_shown(server: Server) -> None:
    with server.python(*SWEEP, stdout=subprocess.PIPE) as sweep:
        finished(sweep)

    listed = server.ask(LISTED)
    experiment = listed["experiments"]["edges"][0]["node"]
    parent = experiment["runs"]["edges"][0]["node"]
    children = [edge["node"] for edge in parent["children"]["edges"]]
    assert parent["status"] == "COMPLETED"
    assert parent["childCount"] == len(children) > 3
    failed = [child for child in children if child["status"] == "FAILED"]
    assert len(failed) == 1
    assert failed[0]["error"]
    for child in children:
        assert child["params"]
        if child["status"] == "COMPLETED":
            accuracy, loss = child["metrics"]
            assert 0 < accuracy <= 1
            assert loss > 0

    assert experiment["name"] in server.page("/")
    runs = server.page(f"/experiments/{experiment['name']}")
    assert f"/runs/{parent['runId']}" in runs
    page = server.page(f"/runs/{parent['runId']}?tab=children")
    assert all(f"/runs/{child['runId']}" in page for child in children)


@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
def test_a_script_needs_no_server_to_begin(server: Server, tmp_path: Path) -> None:
    server.kill()
    script = 'import runvane\nwith runvane.Run("away", id="alone") as run: run.log("loss", 0.5)'
    with server.python("-c", script, stdout=subprocess.PIPE) as process:
        finished(process)
    server.start()
    server.command("sync")

    server.await_points("alone", "loss", 1)
    assert server.points("alone", "loss") == ([0], [0.5])
    assert server.ask('{ run(runId: "alone") { status } }')["run"]["status"] == "COMPLETED"


def test_links_honour_the_sub_path(tmp_path: Path) -> None:
    """Whether the proxy passes the sub-path on or takes it away."""
    server = Server(tmp_path, None, "--root-path=/ml")
    server.start()
    try:
        for path in ("/", "/ml/"):
            page = server.page(path)
            links = re.findall(r'(?:href|src|action|hx-get)="(/[^"]*)"', page)
            assert len(links) > 3
            assert all(link.startswith("/ml/") for link in links), links
            scripts = re.findall(r'<script type="module" src="([^"]+)"', page)
            assert all(server.page(script) for script in scripts)
        # A saved view keeps its page's path without it.
        said = 'saveView(input: {name: "v", document: "{ alarm }", page: "/runs?q=vit"})'
        id_ = server.ask(f"mutation {{ {said} {{ view {{ id }} }} }}")["saveView"]["view"]["id"]
        page = server.page(f"/views/{quote(id_)}")
        assert 'value="vit"' in page
        assert f'href="/ml/views/{quote(id_)}"' in page
    finally:
        server.stop()
