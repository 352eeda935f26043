"""`ScriptRun`: a script that was submitted, and how that is done."""

import re
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from runvane import _asking, _local, _run_files, _submission
from runvane._errors import TransferError
from runvane._submission import LOCAL, Order
from runvane.azureml import _labels, _places, _reading, _writers
from runvane.azureml.core import _definition
from runvane.azureml.core.run import Run
from runvane.azureml.core.script_run_config import ScriptRunConfig
from runvane.azureml.exceptions import (
    AzureMLException,
    ComputeTargetException,
    ServiceException,
    SnapshotException,
    UserErrorException,
)

T = TypeVar("T")
NAME_LENGTH_MAX = 200


class ScriptRun(Run):
    """A run of type `azureml.scriptrun`, which its target executes."""

    RUN_TYPE = "azureml.scriptrun"


def submit(
    experiment: Any,
    config: ScriptRunConfig,
    tags: Mapping[str, Any] | None = None,
    *,
    parent: str | None = None,
    run_id: str | None = None,
) -> ScriptRun:
    """Its run, once its target has it; on this machine it is begun, and goes on by itself."""
    order = order_of(experiment.name, config, tags, parent=parent, run_id=run_id)
    _writers.settle()
    said_by_azure(lambda: begin(order, config))
    return ScriptRun(experiment, order.run_id)


def order_of(
    experiment: str,
    config: ScriptRunConfig,
    tags: Mapping[str, Any] | None = None,
    *,
    parent: str | None = None,
    run_id: str | None = None,
) -> Order:
    """What is submitted for a configuration."""
    return Order(
        experiment=experiment,
        definition=_definition.of(config),
        run_id=run_id or id_of(experiment),
        target=_definition.target_of(config),
        kind=ScriptRun.RUN_TYPE,
        parent=parent,
        tags=_labels.clean(tags or {}),
    )


def begin(order: Order, config: ScriptRunConfig) -> None:
    folder = Path(config.source_directory)
    if order.target != LOCAL:
        _submission.queue(order, folder)
        return
    resumed: Run | None = config.resume_from

    def prepare(code: Path) -> None:
        if resumed:
            _fetch_outputs(resumed, code)

    _local.submit(order, folder, prepare=prepare)


def _fetch_outputs(of: Run, code: Path) -> None:
    """What `resume_from` has left, for the script that goes on from there."""
    folder = code / _definition.RESUMED
    folder.mkdir()
    try:
        _run_files.download_files(of.id, "outputs/", folder, append_prefix=False)
    except TransferError as error:
        raise ServiceException(f"The outputs of run {of.id} did not come: {error}", error) from None


def id_of(experiment: str) -> str:
    """As Azure makes them: `experiment_1596538385_1a2b3c4d`."""
    plain = re.sub(r"[^A-Za-z0-9._~-]", "_", experiment)[:NAME_LENGTH_MAX]
    return f"{plain}_{int(time.time())}_{uuid.uuid4().hex[:8]}"


def said_by_azure(submitting: Callable[[], T]) -> T:
    """What is refused is raised as Azure raises it, in words that say what to do."""
    try:
        return submitting()
    except _asking.Refused as error:
        raise _refused(error) from None
    except TransferError as error:
        kind = ServiceException if error.passing else SnapshotException
        raise kind(f"The code could not be uploaded: {error}", error) from None
    except (OSError, ValueError) as error:
        raise SnapshotException(f"No snapshot could be taken: {error}", error) from None


def _refused(error: _asking.Refused) -> AzureMLException:
    words = str(error)
    if error.code == "NOT_FOUND" and "compute target" in words:
        return ComputeTargetException(words, error)
    if error.code in ("BAD_USER_INPUT", "TOO_LARGE", "CONFLICT"):
        return UserErrorException(words, error)
    return ServiceException(words, error)


def made(experiment: Any, record: _reading.Record) -> ScriptRun:
    return ScriptRun(experiment, record["runId"], _record=record)


_places.PROVIDERS.setdefault(ScriptRun.RUN_TYPE, made)
_places.SUBMITTERS[ScriptRunConfig] = submit
