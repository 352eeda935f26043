"""Every row of the table of answers, as a tool that speaks JSON meets it."""

import base64
import gzip
import json
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from runvane.wire import BATCH_BYTES_MAX
from tests.conftest import Writer, data

RUN = 'query { run(runId: "r1") { status params tags properties warnings facts parentId } }'
SERIES = """query { series(runs: ["r1"], metric: "loss") {
  x pointsTotal lines { mean marks { x kind } } } }"""


def batch(seq: Any = 1, **changed: Any) -> dict[str, Any]:
    metrics = [block()] if "metrics" not in changed else changed.pop("metrics")
    return {"run": "r1", "writer": "w1", "seq": seq, "metrics": metrics, **changed}


def block(**changed: Any) -> dict[str, Any]:
    """`columns` holds what is said of the column `value` where that is all."""
    made = {"name": "loss", "kind": "scalar", "steps": [0], "times": [5], **changed}
    return {"columns": {"value": [0.5]}, **made}


def post(client: TestClient, body: Any, **headers: str) -> Any:
    said = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = {"content-type": "application/json", **headers}
    return client.post("/ingest/v1", content=said, headers=kind)


def series(client: TestClient) -> Any:
    return data(client, SERIES)["series"]


def warnings(client: TestClient) -> list[str]:
    return data(client, RUN)["run"]["warnings"]


def stored(client: TestClient) -> int:
    return int(series(client)["pointsTotal"])


@pytest.mark.usefixtures("writer")
def test_a_repeat_is_the_same_however_it_is_spelled(client: TestClient) -> None:
    first, again = post(client, batch()), post(client, dict(reversed(batch().items())))
    clash = post(client, batch(metrics=[block(columns={"value": [0.7]})]))
    assert [each.status_code for each in (first, again, clash)] == [200, 200, 409]
    assert first.json() == again.json() == {"acked_through": 1}
    assert stored(client) == 1


@pytest.mark.usefixtures("writer")
def test_a_gap_says_which_batch_is_next(client: TestClient) -> None:
    reply = post(client, batch(seq=3))
    assert (reply.status_code, reply.json()["expected"]) == (409, 1)
    assert set(reply.json()) == {"error", "code", "expected"}
    assert stored(client) == 0


def test_a_run_that_nobody_started_is_unknown(client: TestClient) -> None:
    reply = post(client, batch(seq=0))
    assert (reply.status_code, reply.json()["code"]) == (404, "UNKNOWN_RUN")


def test_a_child_is_told_to_come_again(client: TestClient) -> None:
    start = {"type": "start", "at": 1, "experiment": "mnist", "parent": "none"}
    reply = post(client, batch(seq=0, events=[start]))
    assert (reply.status_code, reply.json()["code"]) == (404, "UNKNOWN_PARENT")
    assert int(reply.headers["retry-after"]) > 0


def test_a_run_that_would_be_its_own_parent_is_told_so_for_good(client: TestClient) -> None:
    start = {"type": "start", "at": 1, "experiment": "mnist", "parent": "r1"}
    reply = post(client, batch(seq=0, events=[start]))
    assert (reply.status_code, reply.json()["code"]) == (400, "INVALID")
    assert reply.json()["error"] == "a run cannot be its own parent"


@pytest.mark.usefixtures("writer")
def test_a_deleted_run_is_gone(client: TestClient) -> None:
    data(client, 'mutation { deleteRun(runId: "r1") { run { runId } } }')
    assert post(client, batch()).status_code == 410


@pytest.mark.usefixtures("writer")
def test_a_stranger_is_told_to_show_a_token(client: TestClient, stranger: TestClient) -> None:
    assert post(stranger, batch()).status_code == 401
    assert stored(client) == 0


@pytest.mark.usefixtures("writer")
def test_a_block_holds_as_many_points_as_fit_into_a_body(client: TestClient) -> None:
    steps = list(range(250_000))
    large = block(steps=steps, times=steps, columns={"value": steps})
    assert post(client, batch(metrics=[large])).status_code == 200
    assert (stored(client), warnings(client)) == (250_000, [])


@pytest.mark.usefixtures("writer")
def test_a_body_may_be_packed_up_to_a_limit(client: TestClient) -> None:
    def sent(said: bytes) -> int:
        return post(client, said, **{"content-encoding": "gzip"}).status_code

    whole = gzip.compress(json.dumps(batch()).encode())
    bomb = gzip.compress(b" " * (BATCH_BYTES_MAX + 1))
    assert len(bomb) < 10_000
    assert [sent(each) for each in (bomb, whole[:-4], whole + b"x", b"no", whole)] == [
        413,
        400,
        400,
        400,
        200,
    ]
    assert post(client, b" " * (BATCH_BYTES_MAX + 1)).status_code == 413
    assert stored(client) == 1
    assert post(client, whole, **{"content-encoding": " GZIP "}).status_code == 200


@pytest.mark.usefixtures("writer")
def test_another_kind_of_body_is_refused(client: TestClient) -> None:
    said = json.dumps(batch()).encode()
    for headers in (
        {"content-type": "text/plain"},
        {"content-type": ""},
        {"content-encoding": "br"},
        {"content-encoding": "gzip, gzip"},
    ):
        assert post(client, said, **headers).status_code == 415, headers
    assert post(client, said, **{"content-type": "Application/JSON; charset=utf-8"}).is_success


OUTSIDE: list[Any] = [
    b"{",
    b'{"run": "\xff"}',
    [],
    "text",
    batch(run="a/b"),
    batch(run=".."),
    batch(run="r" * 257),
    batch(writer="w" * 65),
    batch(writer=""),
    batch(seq="1"),
    batch(seq=-1),
    batch(seq=True),
    batch(seq=2**64),
    batch(metrics={}),
    batch(metrics=[1]),
    batch(events=["start"]),
    batch(logs=None),
    batch(events=[{"type": "start", "at": 1, "experiment": ""}]),
]


@pytest.mark.usefixtures("writer")
@pytest.mark.parametrize("body", OUTSIDE, ids=range(len(OUTSIDE)))
def test_what_is_outside_the_grammar_is_refused_whole(client: TestClient, body: Any) -> None:
    reply = post(client, body)
    assert (reply.status_code, reply.json()["code"]) == (400, "INVALID")
    assert reply.json()["error"]
    assert (stored(client), warnings(client)) == (0, [])


BROKEN: list[dict[str, Any]] = [
    {"events": [{"type": "dance", "at": 1}]},
    {"events": [{"type": "params", "at": 1}]},
    {"events": [{"type": "status", "at": 1, "status": "Flying"}]},
    {"events": [{"type": "tags", "at": 1, "set": {}, "remove": [1]}]},
    {"events": [{"type": "warn", "at": 1, "text": 5}]},
    {"events": [{"type": "describe", "at": 1, "primary_goal": "win"}]},
    {"events": [{}]},
    {"metrics": [block(), {}]},
    {"metrics": [block(), block(kind="dance")]},
    {"metrics": [block(), block(name="x" * 251)]},
    {"metrics": [block(), block(times=[])]},
    {"metrics": [block(), block(steps=[0.5])]},
    {"metrics": [block(), block(steps=[2**63])]},
    {"metrics": [block(), block(columns={"value": ["warm"]})]},
    {"metrics": [block(), block(columns={"value": [True]})]},
    {"metrics": [block(), block(columns={"value": [2**63]})]},
    {"metrics": [block(), block(columns={"value": [[1]]})]},
    {"metrics": [block(), block(columns={"value": {"f8": "?"}})]},
    {"metrics": [block(), block(columns={"value": {"f4": ""}})]},
    {"metrics": [block(), block(columns={"value": {"s": [1]}})]},
    {"metrics": [block(), block(columns={"value": {"b": ["x"]}})]},
    {"logs": [{"stream": "stdout", "at": 1, "first_byte": -1, "text": "x"}]},
]


@pytest.mark.usefixtures("writer")
@pytest.mark.parametrize("broken", BROKEN, ids=range(len(BROKEN)))
def test_what_makes_no_sense_is_a_warning_and_the_rest_is_kept(
    client: TestClient, broken: dict[str, Any]
) -> None:
    assert post(client, batch(**broken)).status_code == 200
    assert (stored(client), len(warnings(client))) == (1, 1)


@pytest.mark.usefixtures("writer")
def test_every_event_of_the_grammar_is_understood(client: TestClient) -> None:
    said: list[dict[str, Any]] = [
        {"type": "params", "values": {"lr": 0.1}},
        {"type": "tags", "set": {"a": None, "b": 1}, "remove": []},
        {"type": "tags", "remove": ["b"]},
        {"type": "properties", "values": {"data": "digits"}},
        {"type": "describe", "name": "n", "description": "d", "primary_metric": "loss"},
        {"type": "describe", "primary_goal": "minimize"},
        {"type": "warn", "text": "careful"},
        {"type": "error", "error": {"message": "oh"}},
        {"type": "heartbeat"},
        {"type": "status", "status": "Completed", "reason": "done"},
    ]
    events = [{"at": 7, **event} for event in said]
    log = {"stream": "stdout", "at": 7, "first_byte": 0, "text": "hi\n"}
    assert post(client, batch(events=events, logs=[log])).status_code == 200
    run = data(client, RUN)["run"]
    assert (run["params"], run["tags"], run["properties"]) == (
        {"lr": 0.1},
        {"a": None},
        {"data": "digits"},
    )
    assert (run["status"], run["warnings"]) == ("COMPLETED", ["careful"])


def columns() -> list[tuple[Any, list[Any]]]:
    packed = base64.b64encode(np.array([0.5, np.nan, -np.inf], "<f8").tobytes()).decode()
    whole = base64.b64encode(np.array([1, -2, 2**53 + 1], "<i8").tobytes()).decode()
    return [
        ([1.5, "NaN", "Infinity"], [1.5, None, None]),
        ([1, None, 3], [1, 3]),
        ([2**63 - 1, 0.5, 1], [str(2**63 - 1), 0.5, 1]),
        ({"f8": packed}, [0.5, None, None]),
        ({"i8": whole}, [1, -2, str(2**53 + 1)]),
        ({"s": ["a", None, ""]}, []),
        ({"b": [True, None, False]}, []),
    ]


@pytest.mark.parametrize(("said", "shown"), columns(), ids=range(len(columns())))
def test_a_column_comes_back_as_it_was_said(
    client: TestClient, writer: Writer, said: Any, shown: list[Any]
) -> None:
    writer.log("loss", said, range(3))
    assert series(client)["lines"][0]["mean"] == shown
    assert warnings(client) == []


def nested(levels: int) -> Any:
    return json.loads("[" * levels + "]" * levels)


@pytest.mark.usefixtures("writer")
def test_what_nests_too_deeply_is_left_out_and_not_tried_for_ever(client: TestClient) -> None:
    deep = {"type": "params", "values": {"a": nested(200)}}
    assert post(client, batch(events=[deep])).status_code == 200
    assert stored(client) == 1
    assert warnings(client) == ["events[0] was left out: an event is at most 32 levels deep"]
    assert post(client, batch(seq=2, events=[nested(300)])).status_code == 400
    assert data(client, RUN)["run"]["params"] == {}


@pytest.mark.usefixtures("writer")
def test_a_log_of_a_name_that_may_lead_elsewhere_is_left_out(client: TestClient) -> None:
    good = ["a", "user_logs/std_log.txt", "a/.hidden", "ein Name", "…", "a..b"]
    bad = ["/a", "a/", "a//b", "..", "a/../b", "./a", "a/. ./b", "a\\b", "C:a", "a\nb", "a\0", "."]
    blocks = [{"stream": name, "at": 1, "first_byte": 0, "text": "x"} for name in [*good, *bad]]
    assert post(client, batch(logs=blocks)).status_code == 200
    assert [each.partition(" was left out: stream ")[0] for each in warnings(client)] == [
        f"logs[{n}]" for n in range(len(good), len(good) + len(bad))
    ]
