"""`HyperDriveRun`: the parent of a sweep's runs, for reading."""

import json
import time
from collections.abc import Mapping
from typing import Any

from runvane.azureml import _metrics, _places, _reading
from runvane.azureml.core.run import Run
from runvane.azureml.exceptions import TrainingException
from runvane.azureml.train.hyperdrive.exceptions import HyperDriveNotImplementedException

SYSTEM = "_aml_system_"
_CHILDREN = """query Children($run: String!, $column: [CellInput!]!, $after: String) {
  runs(filter: {parent: $run}, first: 200, after: $after) {
    edges { node { runId status metricsPending } } metricCells(columns: $column)
    pageInfo { hasNextPage endCursor } } }"""


class HyperDriveRun(Run):
    """
    A run of type `hyperdrive`.

    Azure's tags say what it is about: `primary_metric_config`, `generator_config`, and
    `_aml_system_{child id}` with a child's parameters as JSON. A sweep that says its primary
    metric by `describe` is read as well.
    """

    RUN_TYPE = "hyperdrive"

    def __init__(
        self, experiment: Any, run_id: str, hyperdrive_config: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(experiment, run_id, **kwargs)
        self._hyperdrive_config = hyperdrive_config

    @property
    def hyperdrive_config(self) -> Any:
        """What it was made with, in the process that made it."""
        return self._hyperdrive_config

    def get_best_run_by_primary_metric(
        self,
        include_failed: bool = True,
        include_canceled: bool = True,
        include_resume_from_runs: bool = True,
    ) -> Any:
        """None where no child has the metric."""
        for child in self.get_children_sorted_by_primary_metric(discard_no_metric=True):
            status = child["status"]
            if (status != "Failed" or include_failed) and (
                status != "Canceled" or include_canceled
            ):
                return Run(self.experiment, child["run_id"])
        return None

    def get_children_sorted_by_primary_metric(
        self, top: int = 0, reverse: bool = False, discard_no_metric: bool = False
    ) -> list[dict[str, Any]]:
        """The best first, by each one's best value; those without the metric last. 0: all."""
        assert top >= 0, "Value of parameter top should be 0 or a positive integer"
        name, maximize = self._primary_metric()
        parameters = self.get_hyperparameters()
        children: list[dict[str, Any]] = [
            {
                "run_id": run["runId"],
                "hyperparameters": parameters.get(run["runId"]),
                "best_primary_metric": value,
                "status": _reading.status(run["status"]),
            }
            for run, value in self._values(name, "MAX" if maximize else "MIN")
        ]
        known = [child for child in children if child["best_primary_metric"] is not None]
        known.sort(key=_best_of, reverse=maximize != reverse)
        if not discard_no_metric:
            known += [child for child in children if child["best_primary_metric"] is None]
        return known[:top] if top else known

    def get_hyperparameters(self) -> dict[str, str]:
        """By child's id, its parameters as JSON."""
        found: dict[str, str] = {}
        for key, value in self.get_tags().items():
            child = key.removeprefix(SYSTEM)
            number = child.removeprefix(f"{self.id}_")
            if number != child and number.isdigit() and (key != child or child not in found):
                found[child] = value or ""
        return found or self._params_of_children()

    def get_metrics(self, *_: Any, **__: Any) -> dict[str, Any]:
        """By child's id, its metrics; children without any are left out."""
        found = _metrics.of_runs(self.id)
        return {run["runId"]: found[run["runId"]] for run in self._all() if run["runId"] in found}

    def fail(self, *_: Any, **__: Any) -> None:
        raise HyperDriveNotImplementedException("Fail is not implemented for HyperDrive run")

    def get_diagnostics(self) -> None:
        raise HyperDriveNotImplementedException(
            "Get diagnostics is not implemented for HyperDrive run"
        )

    def _all(self) -> list[_reading.Record]:
        return list(_reading.runs({"parent": self.id}))

    def _params_of_children(self) -> dict[str, str]:
        """Runs that were logged with `params`."""
        return {run["runId"]: json.dumps(run["params"]) for run in self._all() if run["params"]}

    def _primary_metric(self) -> tuple[str, bool]:
        """Its name, and whether more of it is better."""
        said = self.tags.get("primary_metric_config")
        if said:
            config: Mapping[str, str] = json.loads(said)
            return config["name"], config["goal"].lower() == "maximize"
        name = self._said["primaryMetric"]
        if not name:
            raise TrainingException(
                f"Run {self.id} says no primary metric: neither its tag primary_metric_config "
                "nor its description do"
            )
        return name, self._said["primaryGoal"] == "MAXIMIZE"

    def _values(self, metric: str, stat: str) -> list[tuple[Mapping[str, Any], Any]]:
        """Children with each one's best finite value, once the server has counted what it has."""
        until = time.monotonic() + _metrics.PENDING_S_MAX
        while True:
            found: list[tuple[Mapping[str, Any], Any]] = []
            after, more = None, True
            while more:
                columns = [{"metric": metric, "stat": stat}]
                page = _reading.ask(_CHILDREN, run=self.id, column=columns, after=after)["runs"]
                for edge, (value,) in zip(page["edges"], page["metricCells"], strict=True):
                    found.append((edge["node"], _metrics.number(value)))
                after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
            pending = any(run["metricsPending"] for run, _ in found)
            if not pending or time.monotonic() > until:
                return found
            time.sleep(_metrics.PENDING_PAUSE_S)


def _best_of(child: Mapping[str, Any]) -> float:
    return child["best_primary_metric"]


def made(experiment: Any, record: _reading.Record) -> HyperDriveRun:
    return HyperDriveRun(experiment, record["runId"], _record=record)


_places.PROVIDERS.setdefault(HyperDriveRun.RUN_TYPE, made)
