"""The metrics of a run in the forms that `get_metrics` gives."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runvane import _asking, wire
from runvane.azureml import _reading, _writers
from runvane.azureml.exceptions import ServiceException

_LIST = """query Metrics($run: String!) { run(runId: $run) {
    metricsPending metricList(first: 1000) {
    name kind columns { column } } } }"""
_ONE = """query Metric($run: String!, $name: String!) { run(runId: $run) {
    metricsPending metric(name: $name) {
    name kind columns { column } } } }"""
# What Runvane logs by itself, and Azure does not have: it is there for who names it.
SYSTEM = "system/"
# A run that logs all the time is never at rest.
PENDING_S_MAX = 3.0
PENDING_PAUSE_S = 0.1
# These are a value where there is one, and a list else.
_VALUES = ("scalar", "list", "text", "histogram")
_TABLES = ("row", "table")


def of_run(run_id: str, name: str | None = None, *, populate: bool = False) -> dict[str, Any]:
    """By name, in the order in which they were first logged; of one name only that."""
    found: dict[str, tuple[str, list[str]]] = {}
    for metric in _summaries(run_id, name):
        columns = [each["column"] for each in metric["columns"]]
        found[metric["name"]] = metric["kind"].lower(), columns
    for each, (kind, columns) in _writers.known(run_id).items():
        if name in (None, each):
            # The server's lists learn of a new one within a second or two.
            known_kind, known = found.get(each, (kind, []))
            found[each] = known_kind, list(dict.fromkeys([*known, *columns]))
    metrics: dict[str, Any] = {}
    for each, (kind, columns) in found.items():
        if name is None and each.startswith(SYSTEM):
            continue
        value = _value(run_id, each, kind, columns, populate=populate)
        if value is not _NOTHING:
            metrics[each] = value
    return metrics


_NOTHING = object()


def _summaries(run_id: str, name: str | None) -> Sequence[Mapping[str, Any]]:
    """What this process did not log itself is waited for, where the server is just at it."""
    until = time.monotonic() + PENDING_S_MAX
    while True:
        if name is None:
            run = _reading.ask(_LIST, run=run_id)["run"]
        else:
            run = _reading.ask(_ONE, run=run_id, name=name)["run"]
        own = _writers.find(run_id) is not None
        if run is None or own or not run["metricsPending"] or time.monotonic() > until:
            break
        time.sleep(PENDING_PAUSE_S)
    if run is None:
        return []
    found: Sequence[Mapping[str, Any] | None] = [run["metric"]] if name else run["metricList"]
    return [each for each in found if each]


def _value(run_id: str, name: str, kind: str, columns: Sequence[str], *, populate: bool) -> Any:
    """As Azure gives it: repeated values as a list, a table of one row as its values."""
    if kind in _TABLES:
        return _rows(_table(run_id, name, columns))
    values = [value for _, value in _points(run_id, name, "value")]
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


def _table(run_id: str, name: str, columns: Sequence[str]) -> Mapping[str, Sequence[Any]]:
    """Side by side: a row is what has one step; a column that is not there holds None."""
    found = {each: list(_points(run_id, name, each)) for each in columns}
    found = {each: points for each, points in found.items() if points}
    steps = [[step for step, _ in points] for points in found.values()]
    if all(each == steps[0] for each in steps):
        return {each: [value for _, value in points] for each, points in found.items()}
    every = sorted({step for each in steps for step in each})
    by_step = {each: dict(points) for each, points in found.items()}
    return {each: [by_step[each].get(step) for step in every] for each in found}


def _points(run_id: str, name: str, column: str) -> Iterator[tuple[int, Any]]:
    """Steps and values, each as it was logged."""
    try:
        for point in _asking.points(run_id, name, column):
            value = point["text"] if "text" in point else number(point["value"])
            yield point["step"], value
    except _asking.Refused as error:
        raise ServiceException(str(error), error) from None


def number(said: Any) -> Any:
    """What JSON has no number for comes by name, and what is too long for it in digits."""
    if not isinstance(said, str):
        return said
    return wire.NONFINITE[said] if said in wire.NONFINITE else int(said)
