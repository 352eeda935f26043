"""What many runs' values say together, and at what cost."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.graphql.test_queries import statements
from tests.conftest import Writer, ask, data, fold

SERIES = """query ($runs: [String!]!, $by: [RunGroupKey!], $smoothing: Smoothing) {
  series(runs: $runs, metric: "loss", groupBy: $by, smoothing: $smoothing) {
    x lines { runId mean smoothed }
    groups { values runIds n mean median min max std stderr smoothed } } }"""


@pytest.fixture
def sweep(client: TestClient, writer: Writer) -> list[str]:
    """Thirty children of r1 with three learning rates; each logs its number."""
    for n in range(30):
        child = Writer(client, f"c{n:02}", f"w{n}")
        child.start(parent="r1")
        child.events({"type": "params", "values": {"lr": n % 3 / 10}})
        child.events({"type": "tags", "set": {"fold": str(n % 2)}, "remove": []})
        child.log("loss", [float(n), n + 1.0], range(2))
    writer.events({"type": "tags", "set": {"team": "vision"}, "remove": []})
    fold(client)
    return [f"c{n:02}" for n in range(30)]


def test_groups_are_asked_for_beside_lines(client: TestClient, sweep: list[str]) -> None:
    by = [{"param": "lr"}, {"attribute": "KIND"}]
    found = data(client, SERIES, runs=sweep, by=by, smoothing={"ema": 0.5})["series"]
    assert found["x"] == [0, 1]
    first, second, third = found["groups"]
    assert [each["values"] for each in (first, second, third)] == [[0, ""], [0.1, ""], [0.2, ""]]
    assert first["runIds"] == sweep[::3]
    assert (first["n"], first["mean"], first["median"]) == ([10, 10], [13.5, 14.5], [13.5, 14.5])
    assert (first["min"], first["max"]) == ([0, 1], [27, 28])
    assert first["std"] == pytest.approx([9.0829510, 9.0829510])
    assert first["stderr"] == pytest.approx([2.8722813, 2.8722813])
    # (0.25 · 13.5 + 0.5 · 14.5) / 0.75
    assert first["smoothed"] == pytest.approx([13.5, 14.1666667])
    assert found["lines"][0]["smoothed"] == pytest.approx([0, 2 / 3])
    plain = data(client, SERIES, runs=sweep)["series"]
    assert (plain["groups"], plain["lines"][0]["smoothed"]) == ([], None)


def test_groups_cost_the_same_statements_whatever_their_runs(
    client: TestClient, sweep: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    few = statements(client, caplog, SERIES, runs=sweep[:2], by=[{"param": "lr"}])
    assert statements(client, caplog, SERIES, runs=sweep, by=[{"tag": "fold"}]) == few
    assert few <= 8


WRONG: list[dict[str, Any]] = [
    {"by": [{"param": "lr", "tag": "fold"}]},
    {"by": [{}]},
    {"by": [{"param": None}]},
    {"by": [{"attribute": "DURATION"}]},
    {"smoothing": {"ema": 0.5, "mean": 3}},
    {"smoothing": {"ema": 1}},
    {"smoothing": {"mean": 4}},
]


@pytest.mark.parametrize("said", WRONG)
def test_what_is_asked_for_wrongly_is_named(client: TestClient, said: dict[str, Any]) -> None:
    (error, *_) = ask(client, SERIES, runs=["r1"], **said)["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT", error
