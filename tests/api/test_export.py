"""An export holds every point, exactly, in the order of (step, time)."""

import csv
import io
import logging
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from api.domain import exports
from api.storage.database import execute, writing
from tests.conftest import Writer, data, fold

WHERE = "/export/runs/r1"


def lines(client: TestClient, **asked: str) -> list[dict[str, Any]]:
    reply = client.get(WHERE, params={"metric": "loss", **asked})
    assert reply.status_code == 200
    assert reply.headers["content-disposition"] == 'attachment; filename="r1.ndjson"'
    return [orjson.loads(line) for line in reply.content.splitlines()]


def test_every_point_comes_once_whole_and_in_order(
    client: TestClient, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "POINTS_PER_PAGE", 100)
    for first in (0, 250, 100, 500):
        writer.log("loss", [n / 7 for n in range(first, first + 250)], range(first, first + 250))
        fold(client)
    writer.log("loss", [9.5], [-3])
    found = lines(client)
    assert found[0] == {"step": -3, "time": -3, "value": 9.5}
    expected = sorted(step for first in (0, 250, 100, 500) for step in range(first, first + 250))
    assert [each["step"] for each in found[1:]] == expected
    assert all(each["value"] == each["step"] / 7 for each in found[1:])


def test_nothing_is_lost_of_any_type(client: TestClient, writer: Writer) -> None:
    writer.log("loss", ["NaN", "Infinity", "-Infinity", 0.1], [0, 1, 2, 3])
    writer.log("loss", [2**63 - 1], [4])
    writer.log("loss", {"s": ['a "b"\n,', "NaN"]}, [5, 6])
    writer.log("loss", {"b": [True]}, [7])
    fold(client)
    values = [each.get("value", each.get("text")) for each in lines(client)]
    assert values == ["NaN", "Infinity", "-Infinity", 0.1, 2**63 - 1, 'a "b"\n,', "NaN", True]
    assert [each["step"] for each in lines(client) if "text" in each] == [5, 6]
    text = client.get(WHERE, params={"metric": "loss", "format": "csv"}).text
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["step", "time", "value"]
    assert [row[2] for row in rows[1:]] == [
        "NaN", "Infinity", "-Infinity", "0.1", str(2**63 - 1), 'a "b"\n,', "NaN", "true",
    ]  # fmt: skip
    assert '6,6,"NaN"\r\n' in text
    assert "0,0,NaN\r\n" in text


def test_damage_is_said_or_cuts_the_answer_off(
    client: TestClient,
    writer: Writer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(exports, "POINTS_PER_PAGE", 100)
    for first in (0, 100):
        writer.log("loss", [0.5] * 100, range(first, first + 100))
        fold(client)
    with caplog.at_level(logging.ERROR, "runvane"):
        damage(client, 100)
        for kind, begun in (("ndjson", b'"step":99,'), ("csv", b"99,99,0.5"), ("parquet", b"")):
            body = client.get(WHERE, params={"metric": "loss", "format": kind}).content
            assert begun in body
            # A Parquet file ends as it begins.
            assert not body.endswith(b"PAR1")
            assert b"100," not in body
        assert [each.exc_info for each in caplog.records] == [None] * 3
    damage(client, 0)
    for kind in ("ndjson", "csv", "parquet"):
        reply = client.get(WHERE, params={"metric": "loss", "format": kind})
        assert (reply.status_code, reply.json()["code"]) == (503, "DAMAGED")


def damage(client: TestClient, first_step: int) -> None:
    async def change() -> None:
        async with writing():
            await execute(
                "UPDATE segment SET payload = ? WHERE first_step = ? AND run IS NOT NULL",
                b"changed",
                first_step,
            )

    assert client.portal
    client.portal.call(change)


def test_what_is_wrong_is_said_before_the_answer_begins(
    client: TestClient, stranger: TestClient, writer: Writer
) -> None:
    assert lines(client, column="none") == []
    assert client.get(WHERE, params={"metric": "loss", "format": "xls"}).status_code == 400
    assert client.get("/export/runs/none", params={"metric": "loss"}).status_code == 404
    assert stranger.get(WHERE, params={"metric": "loss"}).status_code == 401


def test_all_that_a_run_and_those_below_it_logged_comes_in_one_answer(
    client: TestClient, writer: Writer
) -> None:
    writer.log("loss", [0.5, "NaN"], [0, 1])
    fold(client)
    # Not folded yet, and in part another kind, of which the first stays.
    writer.log("text", {"s": ["NaN"]}, [0])
    writer.log("loss", [2], [2])
    create = """mutation ($input: CreateRunInput!) { createRun(input: $input) {
      userErrors { message } } }"""
    data(client, create, input={"experiment": "e", "runId": "below", "parentId": "r1"})
    log = """mutation ($input: LogMetricsInput!) { logMetrics(input: $input) {
      userErrors { message } } }"""
    points = [{"metric": "acc", "value": 0.25, "step": 7}]
    data(client, log, input={"runId": "below", "points": points})

    def every(**asked: str) -> list[dict[str, Any]]:
        reply = client.get(WHERE, params=asked)
        assert reply.headers["content-disposition"] == 'attachment; filename="r1.ndjson"'
        return [orjson.loads(line) for line in reply.content.splitlines()]

    def heading(run: str, metric: str) -> dict[str, str]:
        return {"run": run, "metric": metric, "kind": "scalar", "column": "value"}

    own = every()
    assert [each for each in own if "metric" in each] == [
        heading("r1", "loss"), heading("r1", "text"),
    ]  # fmt: skip
    assert [each.get("value", each.get("text")) for each in own if "step" in each] == [
        0.5, "NaN", 2, "NaN",
    ]  # fmt: skip
    tree = every(tree="1")
    assert tree[: len(own)] == own
    assert tree[len(own)] == heading("below", "acc")
    assert [each["value"] for each in tree[len(own) + 1 :]] == [0.25]
    assert client.get(WHERE, params={"format": "csv"}).status_code == 400
    assert client.get("/export/runs/none").status_code == 404
