"""Many runs, and experiments, are changed as one says; what cannot be done is data."""

from typing import Any

from starlette.testclient import TestClient

from tests.conftest import Writer, data

TAG = """mutation ($ids: [String!]!, $set: JSON, $remove: [String!]) {
  tagRuns(runIds: $ids, setTags: $set, removeTags: $remove) {
    runs { runId tags } userErrors { code path } } }"""
LISTED = "{ experiments { totalCount edges { node { name } } } }"


def bulk(client: TestClient, field: str, *ids: str) -> Any:
    document = f"""mutation ($ids: [String!]!) {{ {field}(runIds: $ids) {{
      runs {{ runId status deletedAt }} userErrors {{ code path }} }} }}"""
    return data(client, document, ids=ids)[field]


def changed(client: TestClient, field: str, name: str, more: str = "") -> Any:
    document = f"""mutation ($name: String!) {{ {field}(name: $name{more}) {{
      experiment {{ name description tags archivedAt }} userErrors {{ code path }} }} }}"""
    return data(client, document, name=name)[field]


def started(client: TestClient, *ids: str) -> None:
    for run in ids:
        Writer(client, run).start()


def test_what_cannot_be_done_to_one_run_keeps_no_other_back(client: TestClient) -> None:
    started(client, "a", "b")
    found = bulk(client, "deleteRuns", "a", "none", "b")
    assert [each and each["runId"] for each in found["runs"]] == ["a", None, "b"]
    assert found["userErrors"] == [{"code": "NOT_FOUND", "path": ["runIds", "1"]}]
    assert all(each["deletedAt"] for each in found["runs"] if each)
    refused = bulk(client, "cancelRuns", "a")
    assert refused["userErrors"] == [{"code": "GONE", "path": ["runIds", "0"]}]
    back = bulk(client, "restoreRuns", "a", "b")
    assert ([each["deletedAt"] for each in back["runs"]], back["userErrors"]) == ([None, None], [])
    asked = bulk(client, "cancelRuns", "b", "a", "a")
    assert [each["runId"] for each in asked["runs"]] == ["b", "a", "a"]
    assert {each["status"] for each in asked["runs"]} == {"CANCEL_REQUESTED"}


def test_runs_are_tagged_together(client: TestClient) -> None:
    started(client, "a", "b")
    data(client, TAG, ids=["a"], set={"old": 1})
    found = data(client, TAG, ids=["a", "b"], set={"team": "x"}, remove=["old"])["tagRuns"]
    assert [each["tags"] for each in found["runs"]] == [{"team": "x"}, {"team": "x"}]
    wrong = data(client, TAG, ids=["a", "b"], set=[1])["tagRuns"]
    assert wrong == {"runs": [], "userErrors": [{"code": "BAD_USER_INPUT", "path": ["runIds"]}]}


def test_more_than_a_thousand_runs_are_refused_whole(client: TestClient) -> None:
    started(client, "a")
    found = bulk(client, "deleteRuns", *["a"] * 1001)
    assert found == {"runs": [], "userErrors": [{"code": "BAD_USER_INPUT", "path": ["runIds"]}]}
    assert data(client, '{ run(runId: "a") { deletedAt } }')["run"]["deletedAt"] is None


def test_an_experiment_is_made_described_archived_and_listed_again(client: TestClient) -> None:
    made = changed(client, "createExperiment", "e", ', description: "*why*"')
    assert made["experiment"]["description"] == "*why*"
    again = changed(client, "createExperiment", "e")
    assert again == {"experiment": None, "userErrors": [{"code": "CONFLICT", "path": ["name"]}]}
    more = ', input: {setTags: {a: 1, b: null}, removeTags: ["c"]}'
    assert changed(client, "updateExperiment", "e", more)["experiment"] == {
        "name": "e", "description": "*why*", "tags": {"a": 1, "b": None}, "archivedAt": None
    }  # fmt: skip
    first = changed(client, "archiveExperiment", "e")["experiment"]["archivedAt"]
    assert first
    assert changed(client, "archiveExperiment", "e")["experiment"]["archivedAt"] == first
    assert data(client, LISTED)["experiments"] == {"totalCount": 0, "edges": []}
    started(client, "a")
    listed = "{ experiments(archived: %s) { totalCount edges { node { name } } } }"
    for archived, names in (("true", ["e"]), ("false", ["mnist"]), ("null", ["mnist", "e"])):
        found = data(client, listed % archived)["experiments"]
        assert [edge["node"]["name"] for edge in found["edges"]] == names
        assert found["totalCount"] == len(names)
    assert changed(client, "unarchiveExperiment", "e")["experiment"]["archivedAt"] is None
    assert data(client, LISTED)["experiments"]["totalCount"] == 2


def test_an_experiment_that_is_not_there_is_not_changed(client: TestClient) -> None:
    fields = {
        "updateExperiment": ", input: {}", "archiveExperiment": "", "unarchiveExperiment": ""
    }  # fmt: skip
    for field, more in fields.items():
        refused = changed(client, field, "none", more)
        assert refused["userErrors"] == [{"code": "NOT_FOUND", "path": ["name"]}]
    wrong = changed(client, "createExperiment", "n" * 251)["userErrors"]
    assert wrong == [{"code": "BAD_USER_INPUT", "path": ["name"]}]
    assert data(client, LISTED)["experiments"]["totalCount"] == 0
