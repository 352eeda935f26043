"""`Run`: one execution of a script, as Azure ML SDK v1 has it."""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

from runvane import home
from runvane.azureml import _places, _reading, _writers
from runvane.azureml._artifacts import Artifacts
from runvane.azureml._handle import logger
from runvane.azureml._labels import Labels
from runvane.azureml._life import Life
from runvane.azureml._logging import Logging
from runvane.azureml._tree import Tree
from runvane.azureml.core._offline import OfflineRun
from runvane.azureml.exceptions import RunEnvironmentException, UserErrorException
from runvane.run import start


class Run(Logging, Artifacts, Labels, Tree, Life):
    """A run that is there: made by `Experiment.start_logging`, or known by its id."""

    @classmethod
    def get_context(
        cls, allow_offline: bool = True, used_for_context_manager: bool = False, **kwargs: Any
    ) -> Any:
        """The run that this script is; else one that only prints, or RunEnvironmentException."""
        run_id = home.run_to_join()
        if run_id:
            experiment = home.experiment("") or _reading.run(run_id)["experiment"]
            return SubmittedRun(_places.EXPERIMENT[0](experiment), run_id)
        if not allow_offline:
            raise RunEnvironmentException
        logger.info("Could not load the run context. Logging offline")
        return OfflineRun()

    @classmethod
    def get_submitted_run(cls, **kwargs: Any) -> Any:
        logger.warning("Run.get_submitted_run() is deprecated, use Run.get_context() instead")
        return cls.get_context(allow_offline=False, **kwargs)

    @staticmethod
    def get(workspace: Any, run_id: str) -> Any:
        record = _reading.run(run_id)
        return _places.run_of(_places.EXPERIMENT[0](record["experiment"]), record)

    @staticmethod
    def list(
        experiment: Any,
        type: str | None = None,
        tags: Any = None,
        properties: Any = None,
        status: str | None = None,
        include_children: bool = False,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Any]:
        """The newest first."""
        where = {"experiment": experiment.name, "scope": "ANY" if include_children else "ROOTS"}
        found = _reading.runs(where, kind=type, tags=tags, properties=properties, status=status)
        for record in found:
            yield (
                _places.run_of(experiment, record) if _rehydrate_runs else made(experiment, record)
            )

    @staticmethod
    def list_by_compute(
        compute: Any,
        type: str | None = None,
        tags: Any = None,
        properties: Any = None,
        status: str | None = None,
    ) -> Iterator[Any]:
        """Runs that are queued or running there, children among them; not those that ended."""
        if status not in (None, "Running", "Queued"):
            raise UserErrorException("status must be Running or Queued")
        name = compute if isinstance(compute, str) else compute.name
        active = [status] if status else ["Running", "Queued"]
        test = {"subject": {"attribute": "TARGET"}, "value": name}
        where = {
            "scope": "ANY",
            "where": {"test": test},
            "statuses": [_reading.graphql_status(each) for each in active],
        }
        for record in _reading.runs(where, kind=type, tags=tags, properties=properties):
            yield _places.run_of(_places.EXPERIMENT[0](record["experiment"]), record)

    @staticmethod
    def add_type_provider(runtype: str, run_factory: Callable[..., Any]) -> None:
        """`run_factory(experiment, record)` makes the runs of a type."""
        if runtype in _places.PROVIDERS:
            raise ValueError(f"RunType {runtype} already has a factory, can't add another")
        _places.PROVIDERS[runtype] = run_factory


class SubmittedRun(Run):
    """The run that a script is: whoever executes the script says how it ended."""

    def _check(self) -> None:
        """Nothing is asked: training begins also where the server is away."""

    def complete(self, _set_status: bool = False) -> None:
        logger.info("complete is not setting status for submitted runs.")

    def fail(
        self,
        error_details: Any = None,
        error_code: str | None = None,
        _set_status: bool = False,
    ) -> None:
        logger.info("fail is not setting status for submitted runs.")

    def cancel(self) -> None:
        logger.warning("cancel is not supported for submitted runs.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        self.complete()
        return False


def begun(experiment: Any, *, name: str = "", run_id: str | None = None) -> Run:
    """A run of this process that has begun; under `runvane run` the first one is that run."""
    native = start(experiment.name, name=name, id=run_id)
    _writers.begun(native)
    return Run(experiment, native.id)


def snapshot(run: Run, folder: str) -> None:
    """Nothing is waited for, and a folder that cannot be kept is a warning on the run."""
    writer = _writers.find(run.id)
    if writer:
        writer.run.take_snapshot(folder)


def made(experiment: Any, record: _reading.Record | str) -> Run:
    """Of what the server says, or of an id."""
    if isinstance(record, str):
        return Run(experiment, record)
    return Run(experiment, record["runId"], _record=record)


def get_run(experiment: Any, run_id: str, rehydrate: bool = True, clean_up: bool = True) -> Any:
    record = _reading.run(run_id)
    return _places.run_of(experiment, record) if rehydrate else made(experiment, record)


_places.RUN.append(made)
