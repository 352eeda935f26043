"""Workers, submissions and compute targets through the door, each with no more than its token."""

from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from tests.conftest import SOCKET, SOCKET_PROTOCOL, Writer, data, visitor

CREATE = "mutation ($input: CreateTokenInput!) { createToken(input: $input) { secret } }"
REGISTER = """mutation ($input: RegisterWorkerInput!) { said: registerWorker(input: $input) {
  claims { runId fence } userErrors { code message path } } }"""
SUBMIT = """mutation ($input: SubmitRunInput!) { said: submitRun(input: $input) {
  run { runId status reason target properties submission { submittedBy definition queuePosition
  slots retryable attempt node } } userErrors { code message path } } }"""
POLL = """mutation ($input: PollWorkInput!) { said: pollWork(input: $input) {
  claims { runId fence attempt experiment name slots definition retryable } cancel revoked
  superseded userErrors { code message path } } }"""
END = """mutation ($run: String!, $fence: Int!, $status: RunEnd!, $lost: Boolean) {
  said: endClaim(runId: $run, fence: $fence, status: $status, reason: "exit code 1", lost: $lost) {
  status userErrors { code message path } } }"""
TARGET = """query ($name: String!) { computeTarget(name: $name) { id name kind state slots
  slotsInUse running queued statusCounts { status count } nodeCount facts
  nodes { name state slots slotsInUse facts }
  runs { totalCount pageInfo { hasNextPage } edges { queuePosition slots nodeName
  node { runId experiment status } } } } }"""
FOLLOW = """subscription { computeTargetsChanged {
  reset targets { name running queued runs { totalCount } } } }"""
WORKER = {"target": "gpu", "node": "n1", "owner": "o1"}
DEFINITION = {"command": ["python", "train.py"]}

TOLD = {
    "id": "Q29tcHV0ZVRhcmdldDpncHU=",
    "name": "gpu",
    "kind": "Workstation",
    "state": "STEADY",
    "slots": 2,
    "slotsInUse": 1,
    "running": 1,
    "queued": 1,
    "statusCounts": [{"status": "QUEUED", "count": 1}, {"status": "PREPARING", "count": 1}],
    "nodeCount": 1,
    "facts": {"at": "lab"},
    "nodes": [
        {"name": "n1", "state": "PREPARING", "slots": 2, "slotsInUse": 1, "facts": {"gpus": 2}}
    ],
    "runs": {
        "totalCount": 2,
        "pageInfo": {"hasNextPage": False},
        "edges": [
            {
                "queuePosition": None,
                "slots": 1,
                "nodeName": "n1",
                "node": {"runId": "a", "experiment": "mnist", "status": "PREPARING"},
            },
            {
                "queuePosition": 1,
                "slots": 2,
                "nodeName": None,
                "node": {"runId": "b", "experiment": "mnist", "status": "QUEUED"},
            },
        ],
    },
}


@pytest.fixture
def app(settings: Settings) -> Starlette:
    return create_app(replace(settings, allow_execution=True))


def bearer(client: TestClient, name: str, *scopes: str) -> TestClient:
    made = data(client, CREATE, input={"name": name, "scopes": scopes})["createToken"]
    return visitor(client, authorization=f"Bearer {made['secret']}")


def said(client: TestClient, document: str, **variables: Any) -> Any:
    return data(client, document, **variables)["said"]


def poll(client: TestClient, free: int, **running: int) -> Any:
    named = [{"runId": run, "fence": fence} for run, fence in running.items()]
    return said(client, POLL, input={**WORKER, "free": free, "running": named})


def test_tokens_for_submitting_and_for_working_are_enough_for_it(client: TestClient) -> None:
    worker, person = bearer(client, "box", "WORKER"), bearer(client, "ada", "EXECUTE")
    about = {"slots": 2, "kind": "Workstation", "facts": {"gpus": 2}, "targetFacts": {"at": "lab"}}
    assert said(worker, REGISTER, input={**WORKER, **about}) == {"claims": [], "userErrors": []}
    order = {"experiment": "mnist", "target": "gpu", "definition": DEFINITION, "runId": "a"}
    made = said(person, SUBMIT, input={**order, "properties": {"p": 1}})
    assert made["userErrors"] == []
    assert made["run"] == {
        "runId": "a",
        "status": "QUEUED",
        "reason": "waits for a slot of gpu",
        "target": "gpu",
        "properties": {"p": 1},
        "submission": {
            "submittedBy": "token ada",
            "definition": DEFINITION,
            "queuePosition": 1,
            "slots": 1,
            "retryable": False,
            "attempt": 1,
            "node": None,
        },
    }
    said(person, SUBMIT, input={**order, "runId": "b", "slots": 2})
    work = poll(worker, 2)
    assert work == {
        "claims": [
            {
                "runId": "a",
                "fence": 1,
                "attempt": 1,
                "experiment": "mnist",
                "name": "mnist 1",
                "slots": 1,
                "definition": DEFINITION,
                "retryable": False,
            }
        ],
        "cancel": [],
        "revoked": [],
        "superseded": False,
        "userErrors": [],
    }
    assert data(person, TARGET, name="gpu")["computeTarget"] == TOLD
    part = """{ executionAllowed computeTarget(name: "gpu") {
      waiting: runs(waiting: true) { totalCount edges { node { runId } } }
      active: runs(waiting: false) { totalCount edges { node { runId } } } } }"""
    told = data(person, part)
    assert told["executionAllowed"] is True
    for name, run in (("active", "a"), ("waiting", "b")):
        assert told["computeTarget"][name] == {
            "totalCount": 1,
            "edges": [{"node": {"runId": run}}],
        }
    ended = said(worker, END, run="a", fence=1, status="FAILED")
    assert ended == {"status": "FAILED", "userErrors": []}
    late = said(worker, END, run="a", fence=2, status="COMPLETED")
    assert late["status"] is None
    assert [(each["code"], each["path"]) for each in late["userErrors"]] == [
        ("CONFLICT", ["fence"])
    ]
    node = '{ node(id: "Q29tcHV0ZVRhcmdldDpncHU=") { ... on ComputeTarget { name queued } } }'
    assert data(client, node)["node"] == {"name": "gpu", "queued": 1}
    assert data(client, TARGET, name="none")["computeTarget"] is None


@pytest.mark.parametrize(
    ("order", "code", "path"),
    [
        ({"target": "none"}, "NOT_FOUND", ["input", "target"]),
        ({"target": "local"}, "BAD_USER_INPUT", ["input", "target"]),
        ({"definition": []}, "BAD_USER_INPUT", ["input"]),
        ({"definition": {"command": "rm -rf"}}, "BAD_USER_INPUT", ["input", "definition"]),
        ({"slots": -1}, "BAD_USER_INPUT", ["input", "slots"]),
        ({"runId": "r1"}, "CONFLICT", ["input", "runId"]),
        ({"parentId": "none"}, "NOT_FOUND", ["input", "parentId"]),
    ],
)
def test_a_wrong_order_is_data_and_says_where(
    client: TestClient, writer: Writer, order: dict[str, Any], code: str, path: list[str]
) -> None:
    said(client, REGISTER, input=WORKER)
    right = {"experiment": "mnist", "target": "gpu", "definition": DEFINITION}
    refused = said(client, SUBMIT, input={**right, **order})
    assert refused["run"] is None
    assert [(each["code"], each["path"]) for each in refused["userErrors"]] == [(code, path)]


def test_a_wrong_worker_is_data_and_says_where(client: TestClient) -> None:
    for wrong, place in (
        ({"target": "local"}, "target"),
        ({"node": ""}, "node"),
        ({"owner": "o" * 65}, "owner"),
        ({"slots": 0}, "slots"),
    ):
        refused = said(client, REGISTER, input={**WORKER, **wrong})
        assert refused["claims"] is None
        assert [each["path"] for each in refused["userErrors"]] == [["input", place]]
    refused = poll(client, 1)
    assert [(each["code"], each["path"]) for each in refused["userErrors"]] == [
        ("NOT_FOUND", ["input", "node"])
    ]


def test_targets_are_followed_as_states(client: TestClient) -> None:
    said(client, REGISTER, input=WORKER)
    with client.websocket_connect(SOCKET, [SOCKET_PROTOCOL]) as socket:
        socket.send_json({"type": "connection_init"})
        socket.receive_json()
        socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": FOLLOW}})

        def heard() -> Any:
            return socket.receive_json()["payload"]["data"]["computeTargetsChanged"]

        assert heard() == {"reset": True, "targets": []}
        said(
            client,
            SUBMIT,
            input={"experiment": "mnist", "target": "gpu", "definition": DEFINITION, "runId": "a"},
        )
        told = {"name": "gpu", "running": 0, "queued": 1, "runs": {"totalCount": 1}}
        assert heard() == {"reset": False, "targets": [told]}
