"""The metrics of a run in the forms that `get_metrics` gives."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from runvane import _asking, wire
from runvane.azureml import _reading, _writers
from runvane.azureml.exceptions import ServiceException

_ONE = """query Metric($run: String!, $name: String!) { run(runId: $run) {
    metricsPending metric(name: $name) { kind columns { column } } } }"""
# What Runvane logs by itself, and Azure does not have: it is there for who names it.
SYSTEM = "system/"
# A run that logs all the time is never at rest.
PENDING_S_MAX = 3.0
PENDING_PAUSE_S = 0.1
# These are a value where there is one, and a list else.
_VALUES = ("scalar", "list", "text", "histogram")
_TABLES = ("row", "table")


_NOTHING = object()
# Of each column the steps and the values, each as it was logged.
Points: TypeAlias = Mapping[str, Sequence[tuple[int, Any]]]


def of_run(run_id: str, name: str | None = None, *, populate: bool = False) -> dict[str, Any]:
    """By name, in the order in which they were first logged; of one name only that."""
    if name is None:
        return of_runs(run_id, tree=False, populate=populate).get(run_id, {})
    kind, columns = _summary(run_id, name)
    points = {each: list(_points(run_id, name, each)) for each in columns}
    value = _value(run_id, name, kind, points, populate=populate)
    return {} if value is _NOTHING else {name: value}


def of_runs(
    run_id: str, name: str | None = None, *, tree: bool = True, populate: bool = False
) -> dict[str, dict[str, Any]]:
    """By run, of this one and of those below it that have any; they come in one answer."""
    found: dict[tuple[str, str], tuple[str, dict[str, list[tuple[int, Any]]]]] = {}
    for heading, points in _every_column(run_id, tree=tree):
        metric = heading["metric"]
        if name == metric or (name is None and not metric.startswith(SYSTEM)):
            _, columns = found.setdefault((heading["run"], metric), (heading["kind"], {}))
            columns[heading["column"]] = points
    metrics: dict[str, dict[str, Any]] = {}
    for (run, metric), (kind, columns) in found.items():
        value = _value(run, metric, kind, columns, populate=populate)
        if value is not _NOTHING:
            metrics.setdefault(run, {})[metric] = value
    return metrics


def _summary(run_id: str, name: str) -> tuple[str, Sequence[str]]:
    """Kind and columns; what this process did not log itself is waited for a little."""
    until = time.monotonic() + PENDING_S_MAX
    while True:
        run = _reading.ask(_ONE, run=run_id, name=name)["run"]
        own = _writers.find(run_id) is not None
        if run is None or own or not run["metricsPending"] or time.monotonic() > until:
            break
        time.sleep(PENDING_PAUSE_S)
    # The server's lists learn of a new one within a second or two.
    kind, known = _writers.known(run_id).get(name, ("scalar", []))
    metric = run["metric"] if run else None
    if metric is None:
        return kind, known
    columns = [each["column"] for each in metric["columns"]]
    return metric["kind"].lower(), list(dict.fromkeys([*columns, *known]))


def _value(run_id: str, name: str, kind: str, points: Points, *, populate: bool) -> Any:
    """As Azure gives it: repeated values as a list, a table of one row as its values."""
    if kind in _TABLES:
        return _rows(_table(points))
    values = [value for _, value in points.get("value", ())]
    if not values:
        return _NOTHING
    if kind not in _VALUES:
        return _artifact(run_id, name, kind, values[0], populate=populate)
    return values[0] if len(values) == 1 else values


@dataclass(frozen=True, slots=True)
class Artifact:
    """A metric that Azure keeps as a file, with its content."""

    data_location: str
    metric_type: str
    data: bytes

    def convert_to_object(self) -> Any:
        return json.loads(self.data)


def _artifact(run_id: str, name: str, kind: str, value: Any, *, populate: bool) -> Any:
    """It is referred to, unless it is asked for itself."""
    path = value if kind == "image" else name
    location = f"aml://artifactId/ExperimentRun/dcid.{run_id}/{path}"
    if populate and kind != "image":
        return Artifact(location, f"azureml.v2.{kind}", value.encode())
    return location


def _rows(columns: Mapping[str, Sequence[Any]]) -> Any:
    if not columns:
        return _NOTHING
    if max(map(len, columns.values())) == 1:
        return {name: values[0] for name, values in columns.items()}
    return {name: list(values) for name, values in columns.items()}


def _table(points: Points) -> Mapping[str, Sequence[Any]]:
    """Side by side: a row is what has one step; a column that is not there holds None."""
    found = {each: of for each, of in points.items() if of}
    steps = [[step for step, _ in of] for of in found.values()]
    if all(each == steps[0] for each in steps):
        return {each: [value for _, value in of] for each, of in found.items()}
    every = sorted({step for each in steps for step in each})
    by_step = {each: dict(of) for each, of in found.items()}
    return {each: [by_step[each].get(step) for step in every] for each in found}


def _every_column(
    run_id: str, *, tree: bool
) -> Iterator[tuple[Mapping[str, Any], list[tuple[int, Any]]]]:
    _writers.settle()
    points: list[tuple[int, Any]] = []
    try:
        for line in _asking.every_point(run_id, tree=tree):
            if "metric" in line:
                points = []
                yield line, points
            else:
                points.append(_point(line))
    except _asking.Refused as error:
        raise ServiceException(str(error), error) from None


def _points(run_id: str, name: str, column: str) -> Iterator[tuple[int, Any]]:
    try:
        for line in _asking.points(run_id, name, column):
            yield _point(line)
    except _asking.Refused as error:
        raise ServiceException(str(error), error) from None


def _point(line: Mapping[str, Any]) -> tuple[int, Any]:
    return line["step"], line["text"] if "text" in line else number(line["value"])


def number(said: Any) -> Any:
    """What JSON has no number for comes by name, and what is too long for it in digits."""
    if not isinstance(said, str):
        return said
    return wire.NONFINITE[said] if said in wire.NONFINITE else int(said)
