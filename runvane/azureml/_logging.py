"""`run.log…`: what Azure takes, refuses and warns of; the native run keeps it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from inspect import isgeneratorfunction
from types import GeneratorType
from typing import Any

from runvane.azureml import _limits, _writers
from runvane.azureml._handle import Handle, logger
from runvane.azureml.exceptions import AzureMLException, UserErrorException

# Azure's word for what takes the place of a column's value.
_VALID = "[<class 'float'>, <class 'str'>, <class 'bool'>, <class 'NoneType'>, <class 'int'>]"


class Logging(Handle):
    """Nothing here waits for the network, but the first call of a run that another process made."""

    def log(self, name: str, value: Any, description: str = "", step: Any = None) -> None:
        """A value that was logged again becomes a vector; all of them have a step, or none."""
        if isinstance(value, list | range | GeneratorType) or isgeneratorfunction(value):
            raise UserErrorException("run.log does not support list type. Use run.log_list instead")
        writer = self._writer(name, "scalar")
        stepped = writer.stepped.setdefault(name, step is not None)
        if stepped != (step is not None):
            _limits.say(
                f"{name}: step is given for some of its values and not for others",
                topic=f"step {self._run_id} {name}",
            )
        writer.run.log(name, _single(value), step)

    def log_list(self, name: str, value: Iterable[Any], description: str = "") -> None:
        values = _column(value) if hasattr(value, "__len__") else _column(list(value))
        if not len(values):
            return
        _limits.rows(name, len(values))
        self._writer(name, "list").run.log_list(name, values)

    def log_row(self, name: str, description: str | None = None, **kwargs: Any) -> None:
        each: Any
        for column, each in kwargs.items():
            kind: type = each.__class__
            if kind is list:
                raise AzureMLException(
                    f"Rows cannot contain list values, column {column} contains a list."
                )
            _check_single(each, kind)
        _limits.columns(name, kwargs)
        if kwargs:
            self._writer(name, "row", kwargs).run.log_row(name, **kwargs)

    def log_table(self, name: str, value: Mapping[str, Any], description: str = "") -> None:
        columns = {key: _column(of) for key, of in value.items()}
        if not columns:
            return
        first, *others = columns
        for other in others:
            if len(columns[other]) != len(columns[first]):
                raise AzureMLException(
                    f"Columns must have the same length, column {first} had length "
                    f"{len(columns[first])}, however, column {other} had length "
                    f"{len(columns[other])}."
                )
        _limits.rows(name, len(columns[first]))
        _limits.columns(name, columns)
        self._writer(name, "table", columns).run.log_table(name, columns)

    def log_confusion_matrix(self, name: str, value: Any, description: str = "") -> None:
        """`{"schema_type", "schema_version", "data": {"class_labels", "matrix"}}`, or its JSON."""
        self._log_chart(name, "confusion_matrix", value)

    def log_accuracy_table(self, name: str, value: Any, description: str = "") -> None:
        """`data` has probability and percentile tables (each `[class, threshold, 4]`)."""
        self._log_chart(name, "accuracy_table", value)

    def log_residuals(self, name: str, value: Any, description: str = "") -> None:
        """`data` has `bin_edges` and `bin_counts`."""
        self._log_chart(name, "residuals", value)

    def log_predictions(self, name: str, value: Any, description: str = "") -> None:
        """`data` has `bin_averages`, `bin_errors`, `bin_counts` and `bin_edges`."""
        self._log_chart(name, "predictions", value)

    def log_image(
        self, name: str, path: str | None = None, plot: Any = None, description: str = ""
    ) -> None:
        if path is not None and plot is not None:
            raise AzureMLException(
                "Invalid parameters, path and plot were both provided, only one at a time is "
                "supported"
            )
        if path is None and plot is None:
            raise AzureMLException("Invalid parameters, one of path and plot is required as input")
        self._writer(name, "image").run.log_image(name, path, plot)

    def _log_chart(self, name: str, kind: str, value: Any) -> None:
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                raise UserErrorException("Invalid JSON provided") from None
        self._writer(name, kind).run.log_chart(name, kind, value)

    def _writer(
        self, name: str, kind: str, columns: Mapping[str, Any] | None = None
    ) -> _writers.Writer:
        writer = _writers.joined(self._experiment.name, self._run_id)
        if name not in writer.known:
            _limits.names(self._run_id, len(writer.known) + 1)
        writer.knows(name, kind, columns)
        return writer


def _single(value: Any) -> Any:
    """What is no single value, not even numpy's, is logged as its text."""
    if value is None or isinstance(value, bool | int | float | str) or hasattr(value, "item"):
        return value
    text = repr(value)
    logger.warning("Converted value %s to %s.", value, text)
    return text


def _check_single(value: Any, of: type) -> None:
    """Raise where a list or a row holds what is no single value."""
    if not (value is None or isinstance(value, bool | int | float | str) or hasattr(value, "item")):
        raise AzureMLException(
            f"Value of type {of} is not supported, supported types include [{_VALID}]"
        )


def _column(values: Any) -> Sequence[Any]:
    """A single value is a column of one row."""
    if isinstance(values, str) or not hasattr(values, "__len__"):
        return [values]
    if not hasattr(values, "dtype"):
        values = list(values)
        for each in values:
            _check_single(each, list)
    return values
