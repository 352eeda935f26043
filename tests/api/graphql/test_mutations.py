"""What can be done to runs; what a user gets wrong is data, and changes nothing."""

from typing import Any

from starlette.testclient import TestClient

from tests.conftest import Writer, ask, data

CREATE = """mutation ($input: CreateRunInput!) { createRun(input: $input) {
  run { runId name experiment status tags params parentId } userErrors { message code path } } }"""
END = """mutation ($id: String!, $status: RunEnd!) { endRun(runId: $id, status: $status,
  reason: "because") { run { status reason } userErrors { code path } } }"""
UPDATE = """mutation ($id: String!, $input: UpdateRunInput!) {
  updateRun(runId: $id, input: $input) {
    run { name description tags } userErrors { code path } } }"""
BY_ID = """mutation ($id: String!) { %s(runId: $id) {
  run { status deletedAt } userErrors { code path } } }"""
COUNT = "{ runs(filter: {scope: ANY}) { totalCount { value } } }"


def create(client: TestClient, **given: Any) -> Any:
    return data(client, CREATE, input={"experiment": "sweep", **given})["createRun"]


def test_a_run_is_made_with_or_without_an_id_of_one_s_own(client: TestClient) -> None:
    made = create(client, runId="mine", name="first", tags={"a": None}, params={"lr": 0.1})
    assert made["userErrors"] == []
    assert made["run"]["runId"] == "mine"
    assert made["run"]["tags"] == {"a": None}
    assert made["run"]["params"] == {"lr": 0.1}
    other = create(client)["run"]
    child = create(client, parentId=other["runId"])["run"]
    assert child["parentId"] == other["runId"]
    assert data(client, COUNT)["runs"]["totalCount"]["value"] == 3


def test_a_run_may_be_made_ready_before_it_runs(client: TestClient) -> None:
    given = {"kind": "script", "properties": {"p": 1}, "facts": {"host": "here"}}
    create(client, runId="ready", status="PREPARING", **given)
    asked = """{ run(runId: "ready") { status startedAt kind properties facts
      transitions { status } } }"""
    assert data(client, asked)["run"] == {
        "status": "PREPARING",
        "startedAt": None,
        **given,
        "transitions": [{"status": "PREPARING"}],
    }
    create(client, runId="running")
    asked = '{ run(runId: "running") { status startedAt } }'
    assert data(client, asked)["run"]["startedAt"]


def test_a_run_that_cannot_be_made_says_why_and_is_not_there(client: TestClient) -> None:
    create(client, runId="taken")
    for given, code, path in [
        ({"runId": "a/b"}, "BAD_USER_INPUT", ["input"]),
        ({"runId": ".."}, "BAD_USER_INPUT", ["input"]),
        ({"parentId": "none"}, "NOT_FOUND", ["input", "parentId"]),
        ({"tags": [1]}, "BAD_USER_INPUT", ["input"]),
        ({"params": "x"}, "BAD_USER_INPUT", ["input"]),
        ({"facts": 7}, "BAD_USER_INPUT", ["input"]),
    ]:
        refused = create(client, **given)
        assert refused["run"] is None, given
        (error,) = refused["userErrors"]
        assert (error["code"], error["path"]) == (code, path), given
        assert error["message"]
    assert data(client, COUNT)["runs"]["totalCount"]["value"] == 1


def test_a_run_is_described_and_tagged(client: TestClient, writer: Writer) -> None:
    given: dict[str, Any] = {"name": "new", "description": "# Why", "setTags": {"a": 1, "b": "x"}}
    run = data(client, UPDATE, id="r1", input=given)["updateRun"]["run"]
    assert run == {"name": "new", "description": "# Why", "tags": {"a": 1, "b": "x"}}
    run = data(client, UPDATE, id="r1", input={"removeTags": ["a"]})["updateRun"]["run"]
    assert run == {"name": "new", "description": "# Why", "tags": {"b": "x"}}


def test_the_same_end_twice_is_no_error_and_another_is(client: TestClient, writer: Writer) -> None:
    done: Any = {"run": {"status": "COMPLETED", "reason": "because"}, "userErrors": []}
    for _ in range(2):
        assert data(client, END, id="r1", status="COMPLETED")["endRun"] == done
    clash = data(client, END, id="r1", status="FAILED")["endRun"]
    assert clash == {"run": None, "userErrors": [{"code": "CONFLICT", "path": ["runId"]}]}
    assert data(client, '{ run(runId: "r1") { status } }')["run"]["status"] == "COMPLETED"


def test_a_run_is_asked_to_stop(client: TestClient, writer: Writer) -> None:
    done = data(client, BY_ID % "cancelRun", id="r1")["cancelRun"]
    assert done["run"]["status"] == "CANCEL_REQUESTED"


def test_a_deleted_run_leaves_the_list_and_comes_back(client: TestClient, writer: Writer) -> None:
    gone = data(client, BY_ID % "deleteRun", id="r1")["deleteRun"]["run"]
    assert gone["deletedAt"]
    assert data(client, COUNT)["runs"]["totalCount"]["value"] == 0
    back = data(client, BY_ID % "restoreRun", id="r1")["restoreRun"]["run"]
    assert back["deletedAt"] is None
    assert data(client, COUNT)["runs"]["totalCount"]["value"] == 1


def test_what_is_not_there_cannot_be_changed(client: TestClient) -> None:
    for name in ("cancelRun", "deleteRun", "restoreRun"):
        missing = data(client, BY_ID % name, id="none")[name]
        assert missing == {"run": None, "userErrors": [{"code": "NOT_FOUND", "path": ["runId"]}]}
    assert data(client, UPDATE, id="none", input={})["updateRun"]["userErrors"]
    assert data(client, END, id="none", status="FAILED")["endRun"]["userErrors"]


def test_a_run_ends_only_in_one_of_three_ways(client: TestClient, writer: Writer) -> None:
    answer = ask(client, END, id="r1", status="RUNNING")
    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
