"""An automated search for a model, made by the example and read by `AutoMLRun`."""

import subprocess
import sys
from typing import Any

import pytest

from runvane.azureml.core import Experiment, Run, Workspace
from runvane.azureml.exceptions import (
    NotSupportedException,
    TrainingException,
    UserErrorException,
)
from runvane.azureml.train.automl.run import AutoMLRun
from tests.flows.server import Server
from tests.runvane.conftest import ROOT


@pytest.fixture(scope="module")
def searches(server: Server) -> list[str]:
    """Ids of what `examples/automl_like.py` made."""
    done = subprocess.run(
        [sys.executable, "-m", "examples.automl_like", "--iterations=2"],
        check=False, cwd=ROOT, env=server.env, text=True, capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if " " not in line]


def test_a_search_is_read_by_its_class(experiment: Experiment, searches: list[str]) -> None:
    for id_, kinds in zip(
        searches,
        (("confusion_matrix", "accuracy_table"), ("residuals", "predictions")),
        strict=True,
    ):
        run = Run.get(Workspace(), id_)
        assert isinstance(run, AutoMLRun)
        summary = run.summary()
        assert [count for _, count, _ in summary] == [1, 1]
        best = run.get_best_child()
        scores = {name: score for name, _, score in summary}
        better = max if run.properties["primary_metric"] == "accuracy" else min
        algorithm = better(scores, key=lambda name: scores[name])
        assert best.properties["run_algorithm"] == algorithm
        metrics = best.get_metrics(populate=True)
        for kind in kinds:
            assert metrics[kind].convert_to_object()["schema_type"] == kind


def test_charts_have_the_shapes_of_azures_schema(
    experiment: Experiment, searches: list[str]
) -> None:
    found = Run.get(Workspace(), searches[0]).get_best_child().get_metrics(populate=True)
    table: Any = found["accuracy_table"].convert_to_object()
    data = table["data"]
    assert table["schema_version"] == "1.0.1"
    for name in ("probability", "percentile"):
        classes = data[f"{name}_tables"]
        assert len(classes) == len(data["class_labels"]) == 10
        assert {len(each) for each in classes} == {len(data[f"{name}_thresholds"])}
        # True and false positives and negatives are all there is.
        assert {sum(counts) for each in classes for counts in each} == {450}
    matrix = found["confusion_matrix"].convert_to_object()["data"]["matrix"]
    assert sum(map(sum, matrix)) == 450


def test_the_best_child_by_another_metric_and_without_a_tag(
    experiment: Experiment, searches: list[str]
) -> None:
    run = Run.get(Workspace(), searches[1])
    named = run.get_best_child()
    run.remove_tags("automl_best_child_run_id")
    assert run.get_best_child().id == named.id
    scores = {child.id: child.get_metrics("r2_score")["r2_score"] for child in run.get_children()}
    # The search minimizes.
    worst = min(scores, key=lambda each: scores[each])
    assert run.get_best_child(metric="r2_score").id == worst


def test_what_a_search_does_not_keep_is_said(experiment: Experiment, searches: list[str]) -> None:
    run = Run.get(Workspace(), searches[0])
    for refused in (run.get_output, run.pause, run.continue_experiment, run.get_guardrails):
        with pytest.raises(NotSupportedException):
            refused()
    with pytest.raises(UserErrorException, match="has no iteration 99"):
        run.cancel_iteration(99)
    with experiment.start_logging() as other, pytest.raises(TrainingException, match="no property"):
        AutoMLRun(experiment, other.id).summary()
