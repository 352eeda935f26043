"""How a sweep is submitted: its run, and a process that goes on and submits its children."""

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from runvane import _detached, _files, _local, _source, _submission
from runvane._submission import LOCAL, Order
from runvane.azureml import _writers
from runvane.azureml.core.script_run import order_of, said_by_azure
from runvane.azureml.core.script_run_config import ScriptRunConfig
from runvane.azureml.exceptions import ComputeTargetException, NotSupportedException
from runvane.azureml.train.hyperdrive.run import HyperDriveRun
from runvane.azureml.train.hyperdrive.runconfig import HyperDriveConfig

# What lies in its folder: what was submitted, and the code.
TOLD, CODE = "sweep.json", "code"


def submit(
    experiment: Any,
    config: HyperDriveConfig,
    tags: Mapping[str, Any] | None = None,
    *,
    parent: str | None = None,
    run_id: str | None = None,
) -> HyperDriveRun:
    """
    The parent of a run for each setting, by their order.

    A process of this machine submits them, as many at once as the configuration says, and goes
    on when this one ends. On the target `local` there are no more than processors.
    """
    script = _script_of(config)
    id_ = run_id or config.custom_run_id or f"HD_{uuid.uuid4()}"
    order = order_of(experiment.name, script, tags, parent=parent, run_id=id_)
    if order.target != LOCAL and order.target not in experiment.workspace.compute_targets:
        there = ", ".join(experiment.workspace.compute_targets) or "none"
        raise ComputeTargetException(f"no compute target {order.target}: there are {there}")
    _writers.settle()
    said_by_azure(lambda: _begin(order, config, Path(script.source_directory)))
    return HyperDriveRun(experiment, id_, hyperdrive_config=config)


def _script_of(config: HyperDriveConfig) -> ScriptRunConfig:
    if not isinstance(config.run_config, ScriptRunConfig):
        raise NotSupportedException("Runvane sweeps over a ScriptRunConfig: give it as run_config.")
    if config.resume_from or config.resume_child_runs:
        raise NotSupportedException(
            "A sweep does not go on from another one here: begin it anew, without resume_from and "
            "resume_child_runs."
        )
    return config.run_config


def _begin(order: Order, config: HyperDriveConfig, folder: Path) -> None:
    at_once = config.max_concurrent_runs
    if order.target == LOCAL:
        at_once = min(at_once, os.cpu_count() or 1)
    place = _local.folder_of_own("sweep-")
    try:
        snapshot = _source.copied(folder, _source.code_in(folder), place / CODE)
        said = {key: json.dumps(of, default=_plain) for key, of in config.to_tags().items()}
        parent = replace(order, kind=HyperDriveRun.RUN_TYPE, tags={**order.tags, **said})
        told = {
            "run": order.run_id,
            "experiment": order.experiment,
            "target": order.target,
            "definition": order.definition,
            "code": snapshot.names_in(place / CODE),
            "properties": _submission.git_properties(folder),
            "points": list(config.hyperparameter_sampling.points(config.max_total_runs)),
            "at_once": at_once,
            "seconds": 60 * config.max_duration_minutes,
            "primary_metric": config.primary_metric_name,
            "primary_goal": config.primary_metric_goal.name.lower(),
        }
        _files.write_all(place / TOLD, json.dumps(told, default=_plain).encode())
        _submission.create(parent, snapshot, folder)
        _detached.start("runvane.azureml.train.hyperdrive._driver", place)
    except BaseException:  # also Ctrl-C: half of it is none
        shutil.rmtree(place, ignore_errors=True)
        raise


def _plain(value: Any) -> Any:
    """A number of numpy's as Python's, anything else as its text."""
    return value.item() if hasattr(value, "item") else str(value)
