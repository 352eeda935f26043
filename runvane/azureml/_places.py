"""Where the classes of a run find those that are made of runs, which would be a circle else."""

import importlib
from collections.abc import Callable
from typing import Any

# A run's type → what makes it, of an experiment and a record.
PROVIDERS: dict[str, Callable[..., Any]] = {}
# These put theirs there once somebody meets such a run.
LATER = {
    "hyperdrive": "runvane.azureml.train.hyperdrive",
    "automl": "runvane.azureml.train.automl.run",
}
# How the experiment of a name is made; `core.workspace` puts it there.
EXPERIMENT: list[Callable[[str], Any]] = []
# What a run is where no type says more; `core.run` puts it there.
RUN: list[Callable[..., Any]] = []


def run_of(experiment: Any, record: Any) -> Any:
    kind = record["kind"]
    if kind in LATER and kind not in PROVIDERS:
        importlib.import_module(LATER[kind])
    return PROVIDERS.get(kind, RUN[0])(experiment, record)
