"""`AutoMLRun`: the parent of an automated search for a model, for reading."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from runvane.azureml import _metrics, _places, _reading
from runvane.azureml.core.run import Run
from runvane.azureml.exceptions import NotSupportedException, TrainingException, UserErrorException

RUN_TYPE = "automl"
SETTINGS = "AMLSettingsJsonString"
CHILD_TEMPLATE = "automl_child"
BEST_CHILD = "automl_best_child_run_id"
NO_MODELS = (
    "Runvane keeps what models did, not the models: get_best_child() is the run, and what your "
    "script wrote is among its files."
)
NO_SEARCH = "Runvane does not search for models: it shows what a script found."


class AutoMLRun(Run):
    """
    A run of type `automl`.

    Its property `AMLSettingsJsonString` holds `primary_metric` and `metric_operation`; those of
    its children are `iteration`, `run_algorithm`, `run_preprocessor` and `runTemplate`.
    """

    def __init__(self, experiment: Any, run_id: str, **kwargs: Any) -> None:
        super().__init__(experiment, run_id, **kwargs)
        self._settings_read: Mapping[str, Any] | None = None

    @property
    def run_id(self) -> str:
        return self.id

    def get_best_child(
        self, metric: str | None = None, onnx_compatible: bool = False, **kwargs: Any
    ) -> Any:
        """By the primary metric, or another one of which more is better as the settings say."""
        if onnx_compatible:
            raise NotSupportedException(NO_MODELS)
        named = self.get_tags().get(BEST_CHILD)
        if named and metric in (None, self._settings["primary_metric"]):
            return Run(self.experiment, named)
        scored = [(run, score) for run, score in self._scores(metric) if not math.isnan(score)]
        if not scored:
            raise TrainingException(f"No child of run {self.id} has the metric")
        best = max if self._maximizes else min
        record, _ = best(scored, key=lambda each: each[1])
        return self._run_of(record)

    def get_output(
        self,
        iteration: int | None = None,
        metric: str | None = None,
        return_onnx_model: bool = False,
        return_split_onnx_model: Any = None,
        **kwargs: Any,
    ) -> NoReturn:
        if iteration is not None and metric is not None:
            raise UserErrorException(
                "Conflicting or duplicate values are provided for arguments: [metric, iteration]"
            )
        raise NotSupportedException(NO_MODELS)

    def summary(self) -> list[list[Any]]:
        """`[algorithm, how many runs, best score]`; a run without an algorithm is `Failed`."""
        found: dict[str, list[Any]] = {}
        better = max if self._maximizes else min
        for run, score in self._scores(None):
            name = run["properties"].get("run_algorithm", "Failed")
            if name not in found:
                found[name] = [name, 1, score]
                continue
            found[name][1] += 1
            known = [each for each in (found[name][2], score) if not math.isnan(each)]
            found[name][2] = better(known) if known else score
        return list(found.values())

    def cancel_iteration(self, iteration: int) -> None:
        """Ask the child of that number to stop."""
        for record in self._iterations():
            if record["properties"].get("iteration") == str(iteration):
                self._run_of(record).cancel()
                return
        raise UserErrorException(f"Run {self.id} has no iteration {iteration}")

    def continue_experiment(self, *_: Any, **__: Any) -> NoReturn:
        raise NotSupportedException(NO_SEARCH)

    pause = resume = retry = continue_experiment

    def get_guardrails(self, to_console: bool = True) -> NoReturn:
        raise NotSupportedException(NO_SEARCH)

    @property
    def _settings(self) -> Mapping[str, Any]:
        if self._settings_read is None:
            said = self.get_properties().get(SETTINGS)
            if said is None:
                raise TrainingException(f"Run {self.id} has no property {SETTINGS}")
            self._settings_read = json.loads(said)
        assert self._settings_read is not None
        return self._settings_read

    @property
    def _maximizes(self) -> bool:
        return self._settings.get("metric_operation", "maximize") == "maximize"

    def _iterations(self) -> list[_reading.Record]:
        """The oldest first: of equals it is the best."""
        wanted = {"runTemplate": CHILD_TEMPLATE}
        found = _reading.runs({"scope": "ANY"}, below=self.id, properties=wanted)
        return sorted(found, key=lambda record: record["number"])

    def _scores(self, metric: str | None) -> Iterator[tuple[_reading.Record, float]]:
        """Of each iteration its last value of the metric; NaN without one."""
        name = metric or self._settings["primary_metric"]
        found = _metrics.of_runs(self.id, name)
        for record in self._iterations():
            score = found.get(record["runId"], {}).get(name, math.nan)
            yield record, score[-1] if isinstance(score, list) else score


def made(experiment: Any, record: _reading.Record) -> AutoMLRun:
    return AutoMLRun(experiment, record["runId"], _record=record)


_places.PROVIDERS.setdefault(RUN_TYPE, made)
