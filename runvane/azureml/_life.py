"""How a run begins and ends, and what is told of that."""

import json
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, TextIO

from runvane import _asking
from runvane.azureml import _reading, _streams, _writers
from runvane.azureml._handle import Handle
from runvane.azureml.exceptions import (
    ActivityFailedException,
    ExperimentExecutionException,
    ServiceException,
)

NO_DETAILS = "Detailed error not set on the Run. Please check the logs for details."
INTERRUPTED = (
    "The output streaming for the run interrupted.\n"
    "But the run is still executing on the compute target. \n"
    "Details for canceling the run can be found here: "
    "https://aka.ms/aml-docs-cancel-run"
)
_STATE = "subscription State($run: String!) { runChanged(runId: $run) { status } }"
_SUBMITTED = """query Submitted($run: String!) { run(runId: $run) {
  facts submission { definition } transitions { actor } } }"""
_CANCEL = """mutation Cancel($run: String!) { cancelRun(runId: $run) {
  userErrors { message code } } }"""


class Life(Handle):
    """Statuses have Azure's names."""

    def start(self) -> None:
        self._say("status", "Running")

    def complete(self, _set_status: bool = True) -> None:
        """What was logged is sent later where the server is away: nothing is waited for."""
        if _set_status:
            self._say("complete")

    def fail(
        self,
        error_details: Any = None,
        error_code: str | None = None,
        _set_status: bool = True,
    ) -> None:
        """`error_details` are words, or what was raised."""
        if not isinstance(error_details, str | BaseException | None):
            raise TypeError("error_details must be instance of string or BaseException.")
        reason = message = error_details or ""
        if isinstance(error_details, BaseException):
            kind = type(error_details).__name__
            reason = message = f"User program failed with {kind}: {error_details}"
        native = self._native
        if native is not None and isinstance(error_details, BaseException) and not error_code:
            native.fail(error_details, str(reason))
        elif native is not None:
            native.fail(str(message) or None, str(reason), code=error_code or "")
        else:
            error = {"type": error_code or "", "message": message, "traceback": ""}
            self._say("fail", error, str(reason))
        self._record = None

    def cancel(self) -> None:
        """A run of this process is canceled; one of another is asked to stop."""
        if self._native is not None:
            self._say("cancel")
        elif self.get_status() == "NotStarted":
            self._say("cancel", "canceled before it began")
        else:
            _reading.change(_CANCEL, "cancelRun", run=self._run_id)
            self._record = None

    def flush(self, timeout_seconds: float = 300) -> None:
        """Wait until the server has what was logged here; what takes longer is sent later."""
        native = self._native
        if native is not None:
            native.flush(timeout_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        """The exit of a script without an error is its success, and goes no further."""
        if error is None:
            self.complete()
        elif isinstance(error, SystemExit) and not error.code:
            self.complete()
            return True
        else:
            self.fail(error)
        return False

    def get_details(self) -> dict[str, Any]:
        """As Azure says it; `logFiles` are addresses, and datasets there are none."""
        said, (definition, submitter) = self._fresh(), self._submitted()
        details: dict[str, Any] = {
            "runId": self._run_id,
            "target": said["target"] or "local",
            "status": self.status,
            "startTimeUtc": _reading.time(said["startedAt"]),
            "endTimeUtc": _reading.time(said["endedAt"]),
            "services": {},
            "properties": {key: _reading.as_text(of) for key, of in said["properties"].items()},
            "inputDatasets": [],
            "outputDatasets": [],
            "runDefinition": definition,
            "logFiles": _streams.addresses(self._run_id),
            "submittedBy": submitter,
        }
        if said["warnings"]:
            details["warnings"] = [
                {"source": "Runvane", "message": text} for text in said["warnings"]
            ]
        if said["error"] or self.status == "Failed":
            details["error"] = self._error(said)
        return {key: of for key, of in details.items() if of is not None}

    def get_details_with_logs(self) -> dict[str, Any]:
        """`get_details`, with the text of each log file in the place of its address."""
        details = self.get_details()
        names = details["logFiles"]
        return {**details, "logFiles": {name: _streams.text(self._run_id, name) for name in names}}

    def wait_for_completion(
        self,
        show_output: bool = False,
        wait_post_processing: bool = False,
        raise_on_error: bool = True,
    ) -> dict[str, Any]:
        """Until it has ended; its details. Ctrl-C ends the waiting, not the run."""
        # How it ended is known behind `Finalizing`.
        more = _reading.POST_PROCESSING if wait_post_processing else ("Finalizing",)
        waiting = (*_reading.RUNNING, *more)
        if not show_output:
            self._wait(waiting)
            details = self.get_details()
            if details["status"] == "Failed" and raise_on_error:
                raise ActivityFailedException(
                    error_details=json.dumps(details.get("error") or NO_DETAILS, indent=4)
                )
            return details
        try:
            self._show(sys.stdout, waiting, raise_on_error=raise_on_error)
        except KeyboardInterrupt:
            raise ExperimentExecutionException(INTERRUPTED) from None
        return self.get_details()

    def _show(self, out: TextIO, waiting: tuple[str, ...], *, raise_on_error: bool) -> None:
        address = f"RunId: {self._run_id}\nWeb View: {self.get_portal_url()}\n"
        out.write(address)
        self._stream(out, waiting)
        details = self.get_details()
        out.write(f"\nExecution Summary\n=================\n{address}")
        if warnings := [each["message"] for each in details.get("warnings", ())]:
            out.write("\nWarnings:\n" + "".join(f"{text}\n" for text in warnings) + "\n")
        if details["status"] == "Failed":
            error = json.dumps(details.get("error") or NO_DETAILS, indent=4)
            if raise_on_error:
                raise ActivityFailedException(error_details=error)
            out.write(f"\nError:\n{error}\n")
        out.write("\n")
        out.flush()

    def _stream(self, out: TextIO, waiting: tuple[str, ...]) -> None:
        """The active log as it grows, until the run has ended and all of it is said."""
        shown = ""
        for name, lines in _streams.follow(self._run_id, waiting):
            if name != shown:
                out.write(f"\nStreaming {name}\n{'=' * (len(name) + 10)}\n\n")
                shown = name
            out.writelines(f"{line}\n" for line in lines)
            out.flush()

    def _wait(self, waiting: tuple[str, ...]) -> None:
        """Told by the server when the status changes."""
        _writers.settle()
        body = {"query": _STATE, "variables": {"run": self._run_id}}
        try:
            for answer in _asking.follow(body):
                data = answer.get("data")
                if not data or _reading.status(data["runChanged"]["status"]) not in waiting:
                    return
        except OSError as error:
            raise ServiceException(_asking.no_answer(error), error) from None

    def _submitted(self) -> tuple[Mapping[str, Any] | None, str]:
        """What it executes, where it was submitted, and who made it."""
        run = _reading.ask(_SUBMITTED, run=self._run_id)["run"]
        queued: Mapping[str, Any] = run["submission"] or {}
        definition = queued.get("definition") or run["facts"].get("definition")
        if definition is not None:
            definition = definition.get("runDefinition", definition)
        return definition, run["transitions"][0]["actor"]

    def _error(self, said: _reading.Record) -> dict[str, Any]:
        error: Mapping[str, Any] = said["error"] or dict[str, Any]()
        message = said["reason"] if self.status == "Failed" else ""
        found: dict[str, Any] = {
            "code": "UserError",
            "message": message or error.get("message", ""),
        }
        if error.get("traceback"):
            found["debugInfo"] = {
                "type": error["type"],
                "message": error["message"],
                "stackTrace": error["traceback"],
            }
        elif error.get("type"):
            found["code"] = error["type"]
        return {"error": found}
