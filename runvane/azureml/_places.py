"""Where the classes of a run find those that are made of runs, which would be a circle else."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from runvane.azureml.exceptions import NotSupportedException

# A run's type → what makes it, of an experiment and a record.
PROVIDERS: dict[str, Callable[..., Any]] = {}
# These put theirs there once somebody meets such a run.
LATER = {
    "azureml.scriptrun": "runvane.azureml.core.script_run",
    "hyperdrive": "runvane.azureml.train.hyperdrive",
    "automl": "runvane.azureml.train.automl.run",
}
# How the experiment of a name is made; `core.workspace` puts it there.
EXPERIMENT: list[Callable[[str], Any]] = []
# What a run is where no type says more; `core.run` puts it there.
RUN: list[Callable[..., Any]] = []
# The class of a configuration → how it is submitted; whoever has the class puts it there.
SUBMITTERS: dict[type, Callable[..., Any]] = {}


def run_of(experiment: Any, record: Any) -> Any:
    kind = record["kind"]
    if kind in LATER and kind not in PROVIDERS:
        importlib.import_module(LATER[kind])
    return PROVIDERS.get(kind, RUN[0])(experiment, record)


def submitted(experiment: Any, config: Any, tags: Mapping[str, Any] | None, **more: Any) -> Any:
    """The run that a configuration became; `more`: its `parent` and its `run_id`."""
    for kind in type(config).__mro__:
        if kind in SUBMITTERS:
            return SUBMITTERS[kind](experiment, config, tags, **more)
    raise NotSupportedException(
        f"Runvane submits ScriptRunConfig and HyperDriveConfig, no {type(config).__name__}"
    )
