"""W1: nothing is executed for who may not submit, by who may not execute, or where it is off."""

import itertools
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.charter.figures import Figures
from tests.flows.server import Server
from tests.flows.workers import TARGET, await_status, processes_of, python, serving

SCOPES = ("READ", "WRITE", "INGEST", "EXECUTE", "WORKER")
EVERY: list[set[str]] = [
    set(some) for n in range(len(SCOPES) + 1) for some in itertools.combinations(SCOPES, n)
]
NODE = {"target": TARGET, "node": "n1", "owner": "o1"}
OTHER_NODE = {"target": TARGET, "node": "n2", "owner": "o2"}
CREATE = """mutation ($input: CreateTokenInput!) { createToken(input: $input) {
    secret userErrors { message } } }"""
# Each with what it takes beside execution being on, and what is asked.
FIELDS: Mapping[str, tuple[set[str], str, dict[str, Any]]] = {
    "submitRun": (
        {"EXECUTE"},
        """mutation ($input: SubmitRunInput!) { said: submitRun(input: $input) {
            userErrors { code } } }""",
        {"input": {"experiment": "jobs", "target": TARGET, "definition": {"command": ["true"]}}},
    ),
    "registerWorker": (
        {"WORKER"},
        """mutation ($input: RegisterWorkerInput!) { said: registerWorker(input: $input) {
            claims { runId } userErrors { code } } }""",
        {"input": {**NODE, "slots": 2}},
    ),
    "pollWork": (
        {"WORKER"},
        """mutation ($input: PollWorkInput!) { said: pollWork(input: $input) {
            claims { runId } userErrors { code } } }""",
        {"input": {**OTHER_NODE, "free": 2, "running": []}},
    ),
    "endClaim": (
        {"WORKER"},
        """mutation { said: endClaim(runId: "held", fence: 1, status: FAILED, lost: true) {
            status userErrors { code } } }""",
        {},
    ),
}
# What runs are said to be that wait, or are executed.
WAYS = ("Queued", "NotStarted", "Preparing", "Starting", "Running")
RUN = "status version submission { attempt node queuePosition } transitions { status }"
STATE = f"""{{ runs {{ totalCount {{ value }} }} held: run(runId: "held") {{ {RUN} }}
    waits: run(runId: "waits") {{ {RUN} }} computeTargets {{ edges {{ node {{ name kind queued
    running nodes {{ name slots slotsInUse }} }} }} }} }}"""


class Callers:
    """Whoever there may be: tokens of all kinds, for everywhere and for another experiment."""

    def __init__(self, server: Server) -> None:
        self._server = server
        owner = (server.home / "token").read_text().strip()
        self.every: list[tuple[set[str], str | None, str]] = [
            (set(), None, ""), (set(), None, "runvane_guessed"), (set(SCOPES), None, owner)
        ]  # fmt: skip
        for place, scopes in itertools.product((None, "other"), EVERY):
            if scopes:
                self.every.append((scopes, place, self._token(scopes, place)))

    def _token(self, scopes: set[str], place: str | None) -> str:
        wanted = {"name": "t", "scopes": sorted(scopes), "experiment": place}
        return str(self._server.ask(CREATE, input=wanted)["createToken"]["secret"])

    def does(self, token: str, field: str) -> bool:
        """Whether it was done."""
        _, document, variables = FIELDS[field]
        body = json.dumps({"query": document, "variables": variables}).encode()
        headers = {"content-type": "application/json"}
        headers |= {"authorization": f"Bearer {token}"} if token else {}
        asked = urllib.request.Request(f"{self._server.url}/graphql", body, headers)
        try:
            with urllib.request.urlopen(asked) as reply:
                answer = json.load(reply)
        except urllib.error.HTTPError:
            return False
        if "errors" in answer:
            return False
        said = answer["data"]["said"]
        return not said["userErrors"] and (field != "pollWork" or bool(said["claims"]))


def test_each_caller_does_what_its_scopes_allow_where_execution_is_on_and_nothing_else(
    executing: Server, figures: Figures
) -> None:
    executing.ask('mutation { createExperiment(name: "other") { experiment { name } } }')
    # One run that a node has, and one that waits for another node.
    for node in (NODE, OTHER_NODE):
        _ask_as_owner(executing, "registerWorker", **node)
    _ask_as_owner(executing, "submitRun", runId="held")
    _ask_as_owner(executing, "pollWork", **NODE)
    _ask_as_owner(executing, "submitRun", runId="waits")
    callers = Callers(executing)
    wrong = refused = 0
    before = executing.ask(STATE)
    for scopes, place, token in callers.every:
        for field, (needs, _, _) in FIELDS.items():
            # A node may be everybody's who executes something; runs elsewhere are not there.
            if not needs <= scopes or (place and field != "registerWorker"):
                refused += 1
                wrong += callers.does(token, field)
    figures.cases = refused
    figures.record("done without the right", wrong, at_most=0)
    figures.record("changed by them", executing.ask(STATE) != before, at_most=0)
    able = [token for scopes, place, token in callers.every if scopes == set(SCOPES) and not place]
    kept = [callers.does(token, field) for token in able for field in FIELDS]
    # What is refused to all proves nothing.
    figures.record("not done with the right", kept.count(False), at_most=0)
    executing.stop()
    executing.options.remove("--allow-execution")
    executing.start()
    off = sum(callers.does(token, field) for _, _, token in callers.every for field in FIELDS)
    figures.cases += len(callers.every) * len(FIELDS)
    figures.record("done where execution is off", off, at_most=0)


def _ask_as_owner(server: Server, field: str, **more: str) -> None:
    _, document, variables = FIELDS[field]
    said = server.ask(document, input={**variables["input"], **more})["said"]
    assert not said["userErrors"], said


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_worker_executes_what_was_not_submitted(
    executing: Server, tmp_path: Path, figures: Figures
) -> None:
    """Runs that say they wait for a target, of who may log and change what it likes."""
    executed = tmp_path / "executed"
    definition = {"command": python(f"open({str(executed)!r}, 'w')")}
    with serving(executing, tmp_path, "n1") as (worker,):
        _go_around(executing, definition)
        # One that was submitted, which they would have gone before.
        _ask_as_owner(executing, "submitRun", runId="true")
        await_status(executing, "true", "COMPLETED")
        said = worker.said.read_text()
    figures.cases = len(WAYS)
    figures.record("executed", executed.exists(), at_most=0)
    figures.record("begun", said.count("begins"), at_least=1, at_most=1)
    figures.record("processes left", len(processes_of(tmp_path / "work")), at_most=0)


def _go_around(server: Server, definition: Any) -> None:
    """Who may log and change what it likes says that its runs wait."""
    scopes = ("--scope=ingest", "--scope=write", "--scope=read")
    token = server.command("token", "create", "t", *scopes).strip()
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    said = {"type": "start", "at": 1, "experiment": "jobs", "target": TARGET}
    start = {**said, "facts": definition, "definition": definition, "slots": 1}
    properties = {"type": "properties", "at": 1, "values": {"definition": definition}}
    for number, status in enumerate(WAYS):
        moved = {"type": "status", "at": 1, "status": status, "reason": ""}
        batch = {"run": f"r{number}", "writer": "w", "seq": 0, "events": [start, properties, moved]}
        body = json.dumps(batch).encode()
        with urllib.request.urlopen(
            urllib.request.Request(f"{server.url}/ingest/v1", body, headers)
        ) as reply:
            assert reply.status == 200
