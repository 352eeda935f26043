"""The run of a script that no run was given to: it prints what it would have logged."""

from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from runvane.azureml._handle import logger


class OfflineRun:
    """Azure's words, on stdout."""

    def __init__(self, run_id: str | None = None) -> None:
        self.id = run_id or f"OfflineRun_{uuid4()}"

    def add_properties(self, properties: Any) -> None:
        print(f"Attempted to add properties {properties}")

    def set_tags(self, tags: Any) -> None:
        print(f"Attempted to set tags {tags}")

    def tag(self, name: str, value: Any = None) -> None:
        print(f"Attempted to add tag {name} with value {value}")

    def complete(self) -> None:
        logger.debug("complete is not supported for offline runs.")

    def fail(self, error_details: Any = None, error_code: Any = None) -> None:
        logger.debug("fail is not supported for offline runs.")
        print(f"Run failed with error code {error_code}:\n{error_details}")

    def cancel(self) -> None:
        logger.debug("cancel is not supported for offline runs.")

    def log(self, name: str, value: Any, description: str = "", step: Any = None) -> None:
        self._emit("scalar", name, value)

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        self._emit("list", name, value)

    def log_table(self, name: str, value: Any, description: str = "") -> None:
        self._emit("table", name, value)

    def log_row(self, name: str, description: str | None = None, **kwargs: Any) -> None:
        self._emit("row", name, kwargs)

    def log_image(
        self, name: str, path: str | None = None, plot: Any = None, description: str = ""
    ) -> None:
        self._emit("image", name, plot or path)

    def log_residuals(self, name: str, value: Any, description: str | None = None) -> None:
        self._emit("residual", name, value)

    def log_predictions(self, name: str, value: Any, description: str | None = None) -> None:
        self._emit("predictions", name, value)

    def log_accuracy_table(self, name: str, value: Any, description: str | None = None) -> None:
        self._emit("accuracy_table", name, value)

    def log_confusion_matrix(self, name: str, value: Any, description: str | None = None) -> None:
        self._emit("confusion_matrix", name, value)

    def upload_folder(self, name: str, path: Any, datastore_name: Any = None) -> None:
        print(f"Attempted to track folder {name} at {path}")

    def upload_files(
        self,
        name: Any,
        paths: Any,
        return_artifacts: bool = False,
        timeout_seconds: Any = None,
        datastore_name: Any = None,
    ) -> None:
        print(f"Attempted to track files {name} at {paths} with timeout {timeout_seconds}s")

    def upload_file(self, name: str, path_or_stream: Any, datastore_name: Any = None) -> None:
        print(f"Attempted to track file {name} at {path_or_stream}")

    def child_run(
        self, name: str | None = None, run_id: str | None = None, outputs: Any = None
    ) -> "OfflineRun":
        return OfflineRun(run_id or f"{self.id}.{name or uuid4()}")

    def flush(self) -> None:
        print(f"Attempted to flush run with id {self.id}")

    def __enter__(self) -> Self:
        print(f"[START] Run {self.id} context")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        print(f"[STOP] Run {self.id} context")

    def _emit(self, kind: str, name: str, value: Any) -> None:
        print(f"Attempted to log {kind} metric {name}:\n{value}")
