"""A command as a run that somebody executes: a worker of a compute target, or this machine."""

import io
import shlex
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runvane import _asking, _code, _facts, _source, paths
from runvane._errors import TransferError
from runvane._transfer import PATIENCE_S, Parcel, Transfers

# The machine that submits.
LOCAL = "local"
# Between the tries of a request that was not answered: with its key it is done once.
PAUSES_S = (0.2, 0.5, 1.5)
_SUBMIT = """mutation Submit($input: SubmitRunInput!) { submitRun(input: $input) {
  run { runId } userErrors { message code path } } }"""
_CREATE = """mutation Create($input: CreateRunInput!) { createRun(input: $input) {
  run { runId } userErrors { message code path } } }"""
_CANCEL = """mutation Cancel($run: String!, $reason: String!) {
  cancelRun(runId: $run, reason: $reason) { userErrors { message code } } }"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """
    `definition`: `command`, `environmentVariables`, `workingDirectory` and `maxDuration` as
    `submitRun` has them; what else is in it is kept.
    """

    experiment: str
    definition: Mapping[str, Any]
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    target: str = LOCAL
    name: str = ""
    kind: str = ""
    parent: str | None = None
    tags: Mapping[str, Any] = field(default_factory=dict[str, Any])
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    properties: Mapping[str, Any] = field(default_factory=dict[str, Any])
    slots: int = 1
    retryable: bool = False


def queue(order: Order, folder: Path, names: Sequence[str] | None = None) -> None:
    """
    Make a run that waits for its target, with the code of a folder, or only these files of it.

    Raises Refused with the server's words, TransferError where the code cannot be uploaded,
    OSError or ValueError where it cannot be taken.
    """
    snapshot = _source.of(folder) if names is None else _source.of_files(folder, names)
    transfers = Transfers()
    try:
        _may_upload(transfers, order.run_id, snapshot)
        asked = {
            **_said(order, snapshot, _facts_of(order, folder)),
            "target": order.target,
            "definition": {**order.definition, "snapshotId": snapshot.id},
            "slots": order.slots,
            "retryable": order.retryable,
        }
        answered(_SUBMIT, "submitRun", asked)
        try:
            _upload(transfers, order.run_id, snapshot)
        except (TransferError, OSError):
            _asking.change(
                _CANCEL, "cancelRun", run=order.run_id, reason="its code could not be uploaded"
            )
            raise
    finally:
        transfers.close()


def create(order: Order, snapshot: _source.Snapshot, folder: Path) -> None:
    """Make a run that is made ready, and that this machine executes."""
    facts = _facts_of(order, folder)
    # Not this process becomes the run.
    del facts["pid"]
    asked = {
        **_said(order, snapshot, facts),
        "status": "PREPARING",
        "facts": {**facts, "definition": dict(order.definition)},
    }
    answered(_CREATE, "createRun", asked)


def answered(document: str, name: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """The payload; where no answer came it is asked again, and done once by its key."""
    for pause_s in PAUSES_S:
        try:
            return _asking.change(document, name, input=asked)
        except _asking.Refused as error:
            if error.code:
                raise
            time.sleep(pause_s)
    return _asking.change(document, name, input=asked)


def _said(order: Order, snapshot: _source.Snapshot, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What both mutations take."""
    properties = {**_git(facts.get("git") or {}), _source.PROPERTY: snapshot.id}
    return {
        "experiment": order.experiment,
        "runId": order.run_id,
        "name": order.name,
        "kind": order.kind,
        "parentId": order.parent,
        "tags": dict(order.tags),
        "params": dict(order.params),
        "properties": {**order.properties, **properties},
        "idempotencyKey": uuid.uuid4().hex,
    }


def _facts_of(order: Order, folder: Path) -> dict[str, Any]:
    command = shlex.join(order.definition["command"])
    return _facts.facts(command, changed=_code.is_changed(str(folder)), folder=folder)


def git_properties(folder: Path) -> Mapping[str, str]:
    """As Azure has them; nothing where the folder is in no repository."""
    facts = _facts.facts("-", changed=_code.is_changed(str(folder)), folder=folder)
    return _git(facts.get("git") or {})


def _git(said: Mapping[str, Any]) -> Mapping[str, str]:
    found = {
        "azureml.git.repository_uri": said.get("repository"),
        "azureml.git.branch": said.get("branch"),
        "azureml.git.commit": said.get("commit"),
        "azureml.git.dirty": str(said["dirty"]) if "dirty" in said else None,
        "mlflow.source.git.repoURL": said.get("repository"),
        "mlflow.source.git.branch": said.get("branch"),
        "mlflow.source.git.commit": said.get("commit"),
    }
    return {key: value for key, value in found.items() if value}


def _may_upload(transfers: Transfers, run_id: str, snapshot: _source.Snapshot) -> None:
    """Asked before there is a run: one that waits for code which never comes would be left."""
    try:
        _put(transfers, run_id, paths.SNAPSHOT_LIST, snapshot.listing, patience_s=0.0)
    except TransferError as error:
        # Without an answer the next request says what to do.
        if error.status and error.code != "UNKNOWN_RUN":
            raise


def _upload(transfers: Transfers, run_id: str, snapshot: _source.Snapshot) -> None:
    for each in snapshot.parcels():
        _put(transfers, run_id, each.path, each.content)


def _put(
    transfers: Transfers,
    run_id: str,
    path: str,
    content: Path | bytes,
    patience_s: float = PATIENCE_S,
) -> None:
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
        transfers.upload(Parcel.of(run_id, path, "snapshot", file), file, patience_s)
