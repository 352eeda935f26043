"""Where the classes of a run find those that are made of runs, which would be a circle else."""

from collections.abc import Callable
from typing import Any

# A run's type → what makes it, of an experiment and a record.
PROVIDERS: dict[str, Callable[..., Any]] = {}
# How the experiment of a name is made; `core.workspace` puts it there.
EXPERIMENT: list[Callable[[str], Any]] = []
# What a run is where no type says more; `core.run` puts it there.
RUN: list[Callable[..., Any]] = []


def run_of(experiment: Any, record: Any) -> Any:
    make = PROVIDERS.get(record["kind"]) or RUN[0]
    return make(experiment, record)
