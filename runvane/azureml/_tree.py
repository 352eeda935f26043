"""What is above a run and below it, and its metrics with theirs."""

from collections.abc import Iterator, Sequence
from typing import Any

from runvane.azureml import _metrics, _places, _reading, _writers
from runvane.azureml._handle import Handle
from runvane.azureml.exceptions import UserErrorException
from runvane.run import Run as NativeRun

CHILDREN_MAX = 100
BATCH_TAG = "azureml.batch_child_number"


class Tree(Handle):
    """Children have a status of their own, whatever becomes of their parent."""

    @property
    def parent(self) -> Any:
        above = self._said["parentId"]
        return self._run_of(_reading.run(above)) if above else None

    def get_children(
        self,
        recursive: bool = False,
        tags: Any = None,
        properties: Any = None,
        type: str | None = None,
        status: str | None = None,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Any]:
        """The newest first; `recursive`: also those below them."""
        for record in self._children(
            recursive=recursive, tags=tags, properties=properties, kind=type, status=status
        ):
            yield (
                self._run_of(record)
                if _rehydrate_runs
                else _places.RUN[0](self._experiment, record)
            )

    def child_run(
        self, name: str | None = None, run_id: str | None = None, outputs: Any = None
    ) -> Any:
        """A run that has begun, and is ended by itself."""
        native = NativeRun(self._experiment.name, name=name or "", id=run_id, parent=self._run_id)
        _writers.begun(native)
        return _places.RUN[0](self._experiment, native.id)

    def create_children(
        self,
        count: int | None = None,
        tag_key: str | None = None,
        tag_values: Sequence[Any] | None = None,
    ) -> list[Any]:
        """That many, or one for each value of a tag; all have begun."""
        if tag_key is None and tag_values is None and count is None:
            raise UserErrorException("Either count or tag_key and tag_values must be set")
        if tag_key is not None or tag_values is not None:
            if tag_key is None:
                raise UserErrorException("tag_key must not be null when tag_values is set")
            if tag_values is None:
                raise UserErrorException("tag_values must not be null when tag_key is set")
            if count is not None:
                raise UserErrorException("count can not be set when tag_key and tag_values are set")
        values = range(count or 0) if tag_values is None else tag_values
        if len(values) > CHILDREN_MAX:
            raise UserErrorException("create_children can not create more than 100 runs")
        return [self._tagged(tag_key or BATCH_TAG, str(value)) for value in values]

    def submit_child(self, config: Any, tags: Any = None, **kwargs: Any) -> Any:
        """A run below this one; as `Experiment.submit`."""
        run_id: str | None = kwargs.get("run_id")
        return _places.submitted(self._experiment, config, tags, parent=self._run_id, run_id=run_id)

    def get_metrics(
        self,
        name: str | None = None,
        recursive: bool = False,
        run_type: str | None = None,
        populate: bool = False,
    ) -> dict[str, Any]:
        """By name; `recursive`: by run id, of all below it and itself that have any."""
        if not recursive:
            return _metrics.of_run(self._run_id, name, populate=populate)
        found = _metrics.of_runs(self._run_id, name, populate=populate)
        if run_type is None:
            return found
        meant = {run["runId"] for run in self._children(recursive=True, kind=run_type)}
        return {run: of for run, of in found.items() if run in meant or run == self._run_id}

    def _tagged(self, key: str, value: str) -> Any:
        native = NativeRun(self._experiment.name, parent=self._run_id)
        native.tags({key: value})
        _writers.begun(native)
        return _places.RUN[0](self._experiment, native.id)

    def _children(self, *, recursive: bool, **wanted: Any) -> Iterator[_reading.Record]:
        if recursive:
            return _reading.runs({"scope": "ANY"}, below=self._run_id, **wanted)
        return _reading.runs({"parent": self._run_id}, **wanted)
