"""What the table of a search says of a trial beside its values: which one it was, and of what."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from web.trials import Trial


class Beside(NamedTuple):
    """Further columns of a run table: the words of their headings, and cells by the run's id."""

    heads: Sequence[str] = ()
    cells: Mapping[str, Sequence[Any]] = {}

    def of(self, run: str) -> Sequence[Any]:
        return self.cells.get(run) or [None] * len(self.heads)


def leaderboard(trials: Sequence[Trial], *, highest: bool) -> Beside:
    """Of trials as they were tried; where none says its pipeline there is no such column."""
    pipelines = [_pipeline(trial.run["properties"]) for trial in trials]
    heads = ["iteration", "pipeline", "best"] if any(pipelines) else ["iteration", "best"]
    choose, best = max if highest else min, None
    cells: dict[str, Sequence[Any]] = {}
    for n, (trial, pipeline) in enumerate(zip(trials, pipelines, strict=True), 1):
        if trial.value is not None:
            best = trial.value if best is None else choose(best, trial.value)
        said = {
            "iteration": _iteration(trial.run["properties"], n),
            "pipeline": pipeline,
            "best": best,
        }
        cells[trial.run["runId"]] = [said[head] for head in heads]
    return Beside(heads, cells)


def _iteration(properties: Mapping[str, Any], place: int) -> int:
    """As the search counts, from 0 in Azure's AutoML; by itself from 1."""
    said = str(properties.get("iteration", ""))
    return int(said) if said.isdecimal() else place


def _pipeline(properties: Mapping[str, Any]) -> str | None:
    """As Azure's AutoML says it of a child."""
    steps = [properties.get("run_preprocessor"), properties.get("run_algorithm")]
    return ", ".join(str(step) for step in steps if step) or None
