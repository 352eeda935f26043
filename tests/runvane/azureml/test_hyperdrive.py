"""Sweeps: what they are made of, and how they are read."""

import json
from typing import Any

import pytest

import runvane
from runvane.azureml.core import Experiment, Run, ScriptRunConfig
from runvane.azureml.exceptions import TrainingException
from runvane.azureml.train import hyperdrive as hd
from runvane.azureml.train.hyperdrive.exceptions import HyperDriveConfigException

LOSSES = {0: [0.9, 0.3], 1: [0.5, 0.6], 2: [0.1], 3: []}


def sweep(experiment: Experiment, goal: str = "minimize") -> Any:
    """As Azure writes one: child `{parent}_{number}`, tags of the parent; 2 failed, 3 is silent."""
    id_ = f"HD_{experiment.name}"
    with runvane.Run(experiment.name, id=id_, kind="hyperdrive") as parent:
        parent.tag("primary_metric_config", json.dumps({"name": "loss", "goal": goal}))
        for number, losses in LOSSES.items():
            settings = json.dumps({"lr": number / 10})
            parent.tag(f"_aml_system_{id_}_{number}", settings)
            child = parent.child_run(id=f"{id_}_{number}")
            for loss in losses:
                child.log("loss", loss)
            if number == 2:
                child.fail("no memory")
            child.complete()
            assert child.flush()
    assert parent.flush()
    (found,) = experiment.get_runs()
    return found


def test_the_best_child_is_found_by_its_best_value(experiment: Experiment) -> None:
    run = sweep(experiment)
    assert isinstance(run, hd.HyperDriveRun)
    assert run.get_best_run_by_primary_metric().id == f"{run.id}_2"
    assert run.get_best_run_by_primary_metric(include_failed=False).id == f"{run.id}_0"
    children = run.get_children_sorted_by_primary_metric()
    assert children[0] == {
        "run_id": f"{run.id}_2",
        "hyperparameters": '{"lr": 0.2}',
        "best_primary_metric": 0.1,
        "status": "Failed",
    }
    assert [each["best_primary_metric"] for each in children] == [0.1, 0.3, 0.5, None]
    worst = run.get_children_sorted_by_primary_metric(top=1, reverse=True)
    assert [each["best_primary_metric"] for each in worst] == [0.5]
    assert len(run.get_children_sorted_by_primary_metric(discard_no_metric=True)) == 3


def test_more_may_be_better(experiment: Experiment) -> None:
    run = sweep(experiment, goal="maximize")
    assert run.get_best_run_by_primary_metric().id == f"{run.id}_0"


def test_parameters_and_metrics_are_by_child(experiment: Experiment) -> None:
    run = sweep(experiment)
    ids = [f"{run.id}_{number}" for number in LOSSES]
    assert run.get_hyperparameters() == {
        id_: json.dumps({"lr": number / 10}) for number, id_ in enumerate(ids)
    }
    assert run.get_metrics() == {
        ids[0]: {"loss": [0.9, 0.3]}, ids[1]: {"loss": [0.5, 0.6]}, ids[2]: {"loss": 0.1},
    }  # fmt: skip
    with pytest.raises(TrainingException, match="is not implemented"):
        run.fail()
    with pytest.raises(TrainingException, match="is not implemented"):
        run.get_diagnostics()


def test_a_sweep_that_was_logged_without_azure_is_read_as_well(experiment: Experiment) -> None:
    with runvane.Run(experiment.name, kind="hyperdrive") as parent:
        parent.describe(primary_metric="loss", primary_goal="minimize")
        with parent.child_run(params={"lr": 0.1}) as child:
            child.log("loss", 1)
    assert parent.flush()
    assert child.flush()
    run = hd.HyperDriveRun(experiment, parent.id)
    assert run.get_best_run_by_primary_metric().id == child.id
    assert run.get_hyperparameters() == {child.id: '{"lr": 0.1}'}


def test_a_run_without_a_primary_metric_says_so(experiment: Experiment) -> None:
    with runvane.Run(experiment.name, kind="hyperdrive") as parent:
        pass
    assert parent.flush()
    run = hd.HyperDriveRun(experiment, parent.id)
    with pytest.raises(TrainingException, match="says no primary metric"):
        run.get_best_run_by_primary_metric()
    assert isinstance(Run.get(experiment.workspace, parent.id), hd.HyperDriveRun)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: hd.choice(1, 2), ["choice", [[1, 2]]]),
        (lambda: hd.choice(range(3)), ["choice", [[0, 1, 2]]]),
        (lambda: hd.choice([16, 32]), ["choice", [[16, 32]]]),
        (lambda: hd.randint(8), ["randint", [8]]),
        (lambda: hd.uniform(0, 1), ["uniform", [0, 1]]),
        (lambda: hd.quniform(0, 10, 2), ["quniform", [0, 10, 2]]),
        (lambda: hd.loguniform(-6, -1), ["loguniform", [-6, -1]]),
        (lambda: hd.qloguniform(0, 1, 1.0), ["qloguniform", [0, 1, 1.0]]),
        (lambda: hd.normal(10, 3), ["normal", [10, 3]]),
        (lambda: hd.qnormal(10, 3, 1), ["qnormal", [10, 3, 1]]),
        (lambda: hd.lognormal(0, 1), ["lognormal", [0, 1]]),
        (lambda: hd.qlognormal(0, 1, 1), ["qlognormal", [0, 1, 1]]),
    ],
)
def test_expressions_are_what_hyperdrive_writes(made: Any, said: Any) -> None:
    assert made() == said


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (hd.choice, "Please specify an input for choice"),
        (lambda: hd.choice([1], 2), "choice expects non-empty single list"),
        (lambda: hd.randint(0), "randint expects a positive number as input"),
        (lambda: hd.uniform(1, 1), "uniform expects min_value < max_value"),
        (lambda: hd.loguniform(2, 1), "loguniform expects min_value <= max_value"),
        (lambda: hd.normal(0, -1), "normal expects sigma to be non negative"),
        (lambda: hd.quniform(0, 1, 0.5), "quniform expects q to be an int"),
        (lambda: hd.GridParameterSampling({"lr": hd.uniform(0, 1)}), "expects only the following"),
        (hd.BanditPolicy, "expects exactly one of slack factor or slack amount"),
        (lambda: hd.PrimaryMetricGoal.from_str("most"), "either 'maximize' or 'minimize'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_hyperdrives_words(made: Any, words: str) -> None:
    with pytest.raises(HyperDriveConfigException, match=words):
        made()


def test_a_configuration_is_a_value() -> None:
    def configured(**more: Any) -> hd.HyperDriveConfig:
        goal = hd.PrimaryMetricGoal.from_str("Maximize")
        return hd.HyperDriveConfig(
            hd.GridParameterSampling({"lr": hd.choice(1, 2)}), "acc", goal, 8, **more
        )

    made = configured(run_config=ScriptRunConfig(".", "t.py"), policy=hd.BanditPolicy(2, 0.1))
    tags = made.to_tags()
    assert tags["primary_metric_config"] == {"name": "acc", "goal": "maximize"}
    assert tags["generator_config"]["name"] == "GRID"
    assert tags["policy_config"]["properties"]["slack_factor"] == 0.1
    for wrong in ({}, {"run_config": made.run_config, "pipeline": 1}):
        with pytest.raises(HyperDriveConfigException, match="one of estimator, run_config"):
            configured(**wrong)
