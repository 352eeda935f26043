"""`run.log…` and `get_metrics`: what was logged reads back as Azure gives it."""

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import runvane
from runvane.azureml import _limits
from runvane.azureml.core import Experiment, Run
from runvane.azureml.exceptions import AzureMLException, UserErrorException
from tests.flows.server import Server
from tests.runvane.proxy import standing_before

MATRIX = {
    "schema_type": "confusion_matrix",
    "schema_version": "1.0.0",
    "data": {"class_labels": ["a", "b"], "matrix": [[3, 1], [0, 4]]},
}


@pytest.fixture
def run(experiment: Experiment) -> Iterator[Any]:
    with experiment.start_logging(snapshot_directory=None) as run:
        yield run


def test_a_value_is_itself_and_repeated_it_is_a_vector(run: Any) -> None:
    run.log("once", 0.5)
    run.log("word", "vision")
    run.log("flag", value=True)
    for value in (1, 2.5, 4):
        run.log("loss", value)
    assert run.get_metrics() == {"once": 0.5, "word": "vision", "flag": True, "loss": [1, 2.5, 4]}
    assert run.get_metrics("loss") == {"loss": [1, 2.5, 4]}
    assert run.get_metrics("nothing") == {}


def test_numbers_come_back_as_they_were_logged(run: Any) -> None:
    for value in (math.nan, math.inf, -math.inf):
        run.log("strange", value)
    run.log("large", 2**63 - 1)
    run.log("numpy", np.float32(0.25))
    run.log("whole", np.int64(7))
    found = run.get_metrics()
    assert math.isnan(found["strange"][0])
    assert found["strange"][1:] == [math.inf, -math.inf]
    assert (found["large"], found["numpy"], found["whole"]) == (2**63 - 1, 0.25, 7)


def test_more_than_64_bits_are_refused_on_the_run_and_do_not_raise(run: Any) -> None:
    run.log("huge", 2**64)
    run.log("loss", 1)
    assert run.get_metrics() == {"loss": 1}
    assert "at most 64 bits" in run.get_details()["warnings"][0]["message"]


@pytest.mark.parametrize("value", [[1, 2], range(3), (n for n in "ab")])
def test_log_takes_no_lists(run: Any, value: Any) -> None:
    with pytest.raises(UserErrorException, match=r"Use run[.]log_list instead"):
        run.log("list", value)


def test_what_is_no_value_is_logged_as_its_text(run: Any) -> None:
    run.log("settings", {"lr": 0.1})
    assert run.get_metrics() == {"settings": "{'lr': 0.1}"}


def test_log_list_takes_what_can_be_gone_through(run: Any) -> None:
    run.log_list("squares", (n * n for n in range(4)))
    run.log_list("array", np.array([0.5, 1.5]))
    run.log_list("one", [7])
    run.log_list("none", [])
    assert run.get_metrics() == {"squares": [0, 1, 4, 9], "array": [0.5, 1.5], "one": 7}
    with pytest.raises(AzureMLException, match="is not supported, supported types include"):
        run.log_list("bad", [1, [2]])


def test_rows_and_tables_are_columns_and_of_one_row_values(run: Any) -> None:
    run.log_row("one row", x=1, y="a")
    for angle in (0.5, 1.5):
        run.log_row("Cosine Wave", angle=angle, cos=angle / 2)
    run.log_table("Sine Wave", {"angle": [1, 2], "sine": [0.5, 0.25]})
    run.log_table("one", {"x": [1], "y": [2]})
    run.log_table("single", {"x": 1, "y": "text"})
    assert run.get_metrics() == {
        "one row": {"x": 1, "y": "a"},
        "Cosine Wave": {"angle": [0.5, 1.5], "cos": [0.25, 0.75]},
        "Sine Wave": {"angle": [1, 2], "sine": [0.5, 0.25]},
        "one": {"x": 1, "y": 2},
        "single": {"x": 1, "y": "text"},
    }


def test_a_column_that_comes_later_has_none_before(run: Any) -> None:
    run.log_row("row", x=1)
    run.log_row("row", x=2, y=3)
    assert run.get_metrics() == {"row": {"x": [1, 2], "y": [None, 3]}}


def test_rows_hold_values_and_columns_are_of_one_length(run: Any) -> None:
    with pytest.raises(AzureMLException, match="column x contains a list"):
        run.log_row("row", x=[1])
    words = "column x had length 2, however, column y had length 1"
    with pytest.raises(AzureMLException, match=words):
        run.log_table("table", {"x": [1, 2], "y": [1]})


def test_a_step_for_some_values_and_not_for_others_is_warned_of_once(
    run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    run.log("loss", 1, step=5)
    run.log("loss", 2, step=7)
    assert not caplog.messages
    run.log("loss", 3)
    run.log("loss", 4)
    assert len(caplog.messages) == 1
    assert run.get_metrics() == {"loss": [1, 2, 3, 4]}


@pytest.mark.parametrize("given", [MATRIX, json.dumps(MATRIX)])
def test_structured_metrics_are_referred_to_or_populated(run: Any, given: Any) -> None:
    run.log_confusion_matrix("matrix", given)
    run.log_accuracy_table("accuracy", {"data": {"class_labels": ["a"]}})
    run.log_residuals("residuals", {"data": {"bin_edges": np.array([0, 1, 2])}})
    run.log_predictions("predictions", {"data": {}})
    place = f"aml://artifactId/ExperimentRun/dcid.{run.id}/"
    names = ("matrix", "accuracy", "residuals", "predictions")
    assert run.get_metrics() == {name: place + name for name in names}
    found = run.get_metrics(populate=True)
    assert found["matrix"].convert_to_object() == MATRIX
    assert found["residuals"].convert_to_object() == {"data": {"bin_edges": [0, 1, 2]}}
    with pytest.raises(UserErrorException, match="Invalid JSON provided"):
        run.log_residuals("bad", "{")


def test_metrics_of_a_tree_are_by_run(run: Any) -> None:
    with run.child_run("child") as child:
        child.log("loss", 1)
        with child.child_run("grandchild") as grandchild:
            grandchild.log("loss", 2)
    silent = run.child_run("silent")
    silent.complete()
    run.log("best", 1)
    found = {child.id: {"loss": 1}, grandchild.id: {"loss": 2}, run.id: {"best": 1}}
    assert run.get_metrics(recursive=True) == found
    assert run.get_metrics("best", recursive=True) == {run.id: {"best": 1}}
    assert run.get_metrics(recursive=True, run_type="hyperdrive") == {run.id: {"best": 1}}


def test_metrics_of_many_runs_are_asked_for_in_few_requests(
    server: Server, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    with runvane.Run(experiment.name) as parent:
        for number in range(25):
            with parent.child_run() as child:
                child.log({f"metric {each}": number for each in range(4)})
                child.log_table("table", {"x": [1, 2], "y": ["a", "nan"]})
            assert child.flush()
    run = Run(experiment, parent.id)
    with standing_before(server) as proxy:
        monkeypatch.setenv("RUNVANE_URL", proxy.url)
        found = run.get_metrics(recursive=True)
    assert [each for each in proxy.asked if "ingest" not in each] == [
        f"GET /export/runs/{run.id}?format=ndjson&tree=1"
    ]
    assert sorted(each["metric 3"] for each in found.values()) == list(range(25))
    assert all(each["table"] == {"x": [1, 2], "y": ["a", "nan"]} for each in found.values())
    assert all(len(each) == 5 for each in found.values())


def test_texts_that_look_like_numbers_stay_texts(run: Any) -> None:
    for value in ("NaN", "17", "-3", "word"):
        run.log("text", value)
    run.log("number", math.inf)
    again = Run(run.experiment, run.id)
    found = again.get_metrics()
    assert (found["text"], found["number"]) == (["NaN", "17", "-3", "word"], math.inf)


def test_metrics_of_a_run_are_there_for_another_handle_at_once(experiment: Experiment) -> None:
    with experiment.start_logging() as run:
        for step in range(1500):
            run.log("loss", step)
    again = Run(experiment, run.id)
    assert again.get_metrics()["loss"] == list(range(1500))


def test_azures_limits_are_warned_of_and_all_is_kept(
    run: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.log_list("list", list(range(251)))
    run.log_row("row", **{f"c{n}": n for n in range(16)})
    for name in range(50):
        run.log(f"metric {name}", name)
    run.set_tags({f"tag {name}": "" for name in range(51)})
    run.tag("long", "x" * 1001)
    assert [each.split("; ")[0] for each in caplog.messages] == [
        "Azure takes 250 rows per call",
        "Azure keeps 15 columns per row",
        "Azure keeps 50 metric names per run",
        "Azure keeps 50 tags per run",
        "Azure keeps 1,000 characters of the value of long",
    ]
    found = run.get_metrics()
    assert len(found) == 52
    assert len(found["list"]) == 251
    caplog.clear()
    monkeypatch.setenv(_limits.VARIABLE, "ignore")
    run.log_list("more", list(range(251)))
    assert not caplog.messages
