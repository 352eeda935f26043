"""A sweep that is submitted: a child for each setting, so many at once, and how it ends."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from runvane.azureml.core import Experiment, ScriptRunConfig
from runvane.azureml.exceptions import ComputeTargetException, NotSupportedException
from runvane.azureml.train import hyperdrive as hd
from tests.flows.server import Server
from tests.runvane.azureml.submitted import ended, script

TRAIN = """
import argparse
from runvane.azureml.core import Run
words = argparse.ArgumentParser()
words.add_argument("--lr", type=float)
words.add_argument("--layers", type=int)
words.add_argument("--epochs", type=int)
said = words.parse_args()
run = Run.get_context()
for epoch in range(said.epochs):
    run.log("loss", said.lr * said.layers / (epoch + 1))
"""


def configured(code: Path, space: Any, **more: Any) -> hd.HyperDriveConfig:
    script_config = ScriptRunConfig(str(code), "train.py", ["--epochs", 2])
    given: dict[str, Any] = {"max_total_runs": 10, "run_config": script_config, **more}
    goal = hd.PrimaryMetricGoal.MINIMIZE
    return hd.HyperDriveConfig(space, "loss", goal, **given)


def test_a_grid_is_trained_and_its_best_run_is_found(
    experiment: Experiment, tmp_path: Path
) -> None:
    code = script(tmp_path / "code", TRAIN)
    space = {"lr": hd.choice(0.5, 0.1), "--layers": hd.choice(2, 3)}
    config = configured(code, hd.GridParameterSampling(space), max_total_runs=3)
    run = experiment.submit(config, tags={"why": "a test"})
    assert isinstance(run, hd.HyperDriveRun)
    assert (run.hyperdrive_config, run.type) == (config, "hyperdrive")
    assert run.wait_for_completion(show_output=True)["status"] == "Completed"
    ids = [f"{run.id}_{number}" for number in range(3)]
    points = [{"lr": 0.5, "--layers": 2}, {"lr": 0.5, "--layers": 3}, {"lr": 0.1, "--layers": 2}]
    assert {id_: json.loads(of) for id_, of in run.get_hyperparameters().items()} == dict(
        zip(ids, points, strict=True)
    )
    assert run.get_best_run_by_primary_metric().id == ids[2]
    found = run.get_children_sorted_by_primary_metric()
    assert [(each["run_id"], each["best_primary_metric"]) for each in found] == [
        (ids[2], 0.1), (ids[0], 0.5), (ids[1], 0.75),
    ]  # fmt: skip
    assert run.get_metrics()[ids[1]] == {"loss": [1.5, 0.75]}
    assert (run.tags["why"], run.tags["max_total_jobs"]) == ("a test", "3")
    assert run.get_details()["runDefinition"]["script"] == "train.py"
    assert all(each.get_snapshot_id() == run.get_snapshot_id() for each in run.get_children())


def test_canceling_a_sweep_cancels_what_goes_on(
    server: Server, experiment: Experiment, tmp_path: Path
) -> None:
    code = script(tmp_path / "code", "import time; time.sleep(60)")
    space = hd.RandomParameterSampling({"lr": hd.uniform(0, 1)})
    run = experiment.submit(configured(code, space, max_concurrent_runs=1))
    while not list(run.get_children(status="Running")):
        pass
    run.cancel()
    assert ended(run) == "Canceled"
    assert [each.status for each in run.get_children()] == ["Canceled"]


def test_a_sweep_of_which_nothing_is_completed_has_failed(
    experiment: Experiment, tmp_path: Path
) -> None:
    code = script(tmp_path / "code", "raise SystemExit(2)")
    space = hd.GridParameterSampling({"lr": hd.choice(1, 2)})
    run = experiment.submit(configured(code, space))
    assert ended(run) == "Failed"
    assert run.get_detailed_status()["details"] == "None of its 2 runs was completed"


def test_a_sweep_that_makes_no_sense_is_refused(experiment: Experiment, tmp_path: Path) -> None:
    code = script(tmp_path / "code", "print()")
    space = hd.GridParameterSampling({"lr": hd.choice(1, 2)})
    elsewhere = ScriptRunConfig(str(code), "train.py", compute_target="none")
    with pytest.raises(ComputeTargetException, match="no compute target none: there are"):
        experiment.submit(configured(code, space, run_config=elsewhere))
    with pytest.raises(NotSupportedException, match="does not go on from another one"):
        experiment.submit(configured(code, space, resume_from=[1]))
    with pytest.raises(NotSupportedException, match="sweeps over a ScriptRunConfig"):
        experiment.submit(configured(code, space, run_config=None, estimator=object()))
    assert list(experiment.get_runs()) == []


def test_settings_are_drawn_as_their_expressions_say() -> None:
    space = {
        "choice": hd.choice(["a", "b"]),
        "randint": hd.randint(4),
        "uniform": hd.uniform(2, 3),
        "quniform": hd.quniform(0, 10, 5),
        "loguniform": hd.loguniform(-6, -1),
        "qloguniform": hd.qloguniform(1, 3, 2),
        "normal": hd.normal(10, 1),
        "qnormal": hd.qnormal(0, 10, 4),
        "lognormal": hd.lognormal(0, 1),
        "qlognormal": hd.qlognormal(0, 1, 1),
    }
    sampling = hd.RandomParameterSampling(space, properties={"seed": 7})
    points = list(sampling.points(200))
    assert points == list(sampling.points(200))
    assert points != list(hd.RandomParameterSampling(space, {"seed": 8}).points(200))
    every = {name: [point[name] for point in points] for name in space}
    assert set(every["choice"]) == {"a", "b"}
    assert set(every["randint"]) == {0, 1, 2, 3}
    assert all(2 <= value <= 3 for value in every["uniform"])
    assert set(every["quniform"]) == {0, 5, 10}
    assert all(math.exp(-6) <= value <= math.exp(-1) for value in every["loguniform"])
    assert all(value % 2 == 0 for value in every["qloguniform"])
    assert 9 < sum(every["normal"]) / 200 < 11
    assert all(value % 4 == 0 for value in every["qnormal"])
    assert all(value > 0 for value in every["lognormal"])
    assert all(value % 1 == 0 for value in every["qlognormal"])


def test_a_grid_is_gone_through_in_its_order() -> None:
    space = {"a": hd.choice(1, 2), "b": hd.choice("x", "y")}
    assert list(hd.GridParameterSampling(space).points(3)) == [
        {"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"},
    ]  # fmt: skip
