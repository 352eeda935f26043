"""Numbers are logged through GraphQL, by tools that have no SDK."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.edge.test_tokens import bearer, made
from tests.conftest import Writer, ask, data, fold

LOG = """mutation ($input: LogMetricsInput!) { logMetrics(input: $input) {
  pointCount userErrors { message code path } } }"""
CREATE = """mutation ($input: CreateRunInput!) { createRun(input: $input) {
  run { runId } userErrors { code path } } }"""
ROWS = """{ run(runId: "r1") { metric(name: "m") { rows { steps times columns { values } } } } }"""


def log(client: TestClient, *points: dict[str, Any], run: str = "r1") -> Any:
    whole = [{"metric": "m", "step": 0, "value": 0.5, **each} for each in points]
    return ask(client, LOG, input={"runId": run, "points": whole})


def rows(client: TestClient) -> Any:
    fold(client)
    return data(client, ROWS)["run"]["metric"]


@pytest.mark.usefixtures("writer")
def test_what_is_logged_is_read_as_it_was_said(client: TestClient) -> None:
    when = "1970-01-01T01:00:01.500+01:00"
    points = [
        {"step": 0, "value": 0.1, "time": when},
        {"step": "9007199254740993", "value": "NaN", "time": when},
        {"step": 7, "value": "-Infinity", "time": when},
    ]
    assert log(client, *points)["data"]["logMetrics"] == {"pointCount": 3, "userErrors": []}
    found = rows(client)["rows"]
    assert found["steps"] == [0, 7, "9007199254740993"]
    assert found["times"] == [1500] * 3
    assert found["columns"] == [{"values": [0.1, "-Infinity", "NaN"]}]


@pytest.mark.usefixtures("writer")
def test_a_literal_may_say_all_of_it(client: TestClient) -> None:
    document = """mutation { logMetrics(input: {runId: "r1", points: [
      {metric: "m", step: 1, value: 3, time: "1970-01-01T00:00:01Z"}
      {metric: "m", step: "2", value: "4", time: "1970-01-01T00:00:01Z"}] }) { pointCount } }"""
    assert data(client, document)["logMetrics"] == {"pointCount": 2}
    assert rows(client)["rows"]["columns"] == [{"values": [3, 4]}]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"value": "many"}, "'many' is no number"),
        ({"value": True}, "'True' is no number"),
        ({"value": None}, "value"),
        ({"value": 2**63}, "at most 64 bits"),
        ({"step": 1.5}, "is no number"),
        ({"step": "1e3"}, "is no number"),
        ({"step": "9" * 20}, "is no number"),
        ({"time": "2026-01-31T12:00:00"}, "with its zone"),
        ({"time": 7}, "with its zone"),
    ],
)
@pytest.mark.usefixtures("writer")
def test_what_is_no_point_is_refused_by_its_place(
    client: TestClient, wrong: dict[str, Any], words: str
) -> None:
    answer = log(client, {}, wrong)
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert words in error["message"]
    assert f"points[1].{next(iter(wrong))}" in error["message"]
    assert rows(client) is None


@pytest.mark.usefixtures("writer")
def test_what_keeps_points_out_is_data(client: TestClient) -> None:
    wrong: list[tuple[list[dict[str, Any]], str, str, list[str]]] = [
        ([{}, {"metric": ""}], "r1", "BAD_USER_INPUT", ["input", "points", "1", "metric"]),
        ([], "r1", "BAD_USER_INPUT", ["input", "points"]),
        ([{}] * 1001, "r1", "TOO_LARGE", ["input", "points"]),
        ([{}], "none", "NOT_FOUND", ["input", "runId"]),
    ]
    for points, run, code, path in wrong:
        said = log(client, *points, run=run)["data"]["logMetrics"]
        (error,) = said["userErrors"]
        assert (said["pointCount"], error["code"], error["path"]) == (0, code, path)
    data(client, 'mutation { deleteRun(runId: "r1") { run { runId } } }')
    (error,) = log(client, {})["data"]["logMetrics"]["userErrors"]
    assert (error["code"], error["path"]) == ("GONE", ["input", "runId"])
    assert rows(client) is None


@pytest.mark.usefixtures("writer")
def test_more_than_can_be_read_is_not_read(client: TestClient) -> None:
    points: list[dict[str, Any]] = [{}] * 5000
    (error,) = log(client, *points)["errors"]
    assert error["message"] == "variables hold at most 10,000 values, not more ($input)"
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    for zeros, fits in ((5900, True), (6000, False)):
        nested: list[Any] = [[[{}] * 4000], [0] * zeros]
        wanted = {"experiment": "mnist", "params": {"a": nested}}
        answer = ask(client, CREATE, input=wanted)
        assert ("errors" not in answer) is fits, answer
    assert rows(client) is None


def test_a_token_that_only_ingests_logs_and_reads_nothing(
    client: TestClient, writer: Writer
) -> None:
    writer.log("m", [1.5])
    script = bearer(client, made(client, "INGEST")["secret"])
    assert log(script, {"step": 1})["data"]["logMetrics"]["pointCount"] == 1
    error = ask(script, ROWS)["errors"][0]
    assert error["extensions"]["code"] == "FORBIDDEN"
    reader = bearer(client, made(client, "READ")["secret"])
    assert log(reader, {"step": 2})["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert rows(client)["rows"]["columns"] == [{"values": [1.5, 0.5]}]


@pytest.mark.usefixtures("writer")
def test_a_key_is_answered_alike_and_stands_for_one_request(client: TestClient) -> None:
    wanted = {"experiment": "mnist", "params": {"lr": 1}, "idempotencyKey": "k1"}
    made = data(client, CREATE, input=wanted)["createRun"]
    assert made["run"]
    assert data(client, CREATE, input=wanted)["createRun"] == made
    taken = {"code": "CONFLICT", "path": ["input", "idempotencyKey"]}
    for other in ({"params": {"lr": 2}}, {"runId": "r1"}):
        refused = data(client, CREATE, input={**wanted, **other})["createRun"]
        assert refused == {"run": None, "userErrors": [taken]}
    points = {"runId": "r1", "points": [{"metric": "m", "step": 0, "value": 1}]}
    for key, count in (("k1", 0), ("k2", 1), ("k2", 1)):
        said = data(client, LOG, input={**points, "idempotencyKey": key})["logMetrics"]
        assert said["pointCount"] == count
    assert rows(client)["rows"]["columns"] == [{"values": [1]}]


def test_a_key_that_is_no_key_is_named(client: TestClient) -> None:
    wanted = {"experiment": "mnist", "idempotencyKey": ""}
    (error,) = data(client, CREATE, input=wanted)["createRun"]["userErrors"]
    assert error == {"code": "BAD_USER_INPUT", "path": ["input", "idempotencyKey"]}
