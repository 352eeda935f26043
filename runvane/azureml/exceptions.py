"""The exceptions of `azureml.exceptions`, which scripts catch by name."""

import json
from typing import Any


class AzureMLException(Exception):
    """`message` in words; as text also the kind, the cause and a JSON for programs."""

    _code = "SystemError"

    def __init__(self, exception_message: str, inner_exception: Any = None, **kwargs: Any) -> None:
        super().__init__(exception_message)
        self.message = exception_message
        self.inner_exception = inner_exception

    def __str__(self) -> str:
        said = {"error": {"code": self._code, "message": self.message}}
        return (
            f"{type(self).__name__}:\n\tMessage: {self.message}\n\tInnerException "
            f"{self.inner_exception}\n\tErrorResponse \n{json.dumps(said, indent=4)}"
        )

    __repr__ = __str__


class UserErrorException(AzureMLException):
    """What the caller can mend."""

    _code = "UserError"


class ActivityFailedException(AzureMLException):
    """A run that was waited for has failed; `error_details` is JSON."""

    def __init__(self, error_details: str, **kwargs: Any) -> None:
        super().__init__(f"Activity Failed:\n{error_details}", **kwargs)


class ExperimentExecutionException(AzureMLException):
    """Waiting for a run was interrupted, or it could not be submitted."""


class RunConfigurationException(AzureMLException):
    """A configuration makes no sense."""


class RunEnvironmentException(AzureMLException):
    """There is no run in the environment, and an offline one was not wanted."""

    def __init__(self, **kwargs: Any) -> None:
        words = (
            "Could not load a submitted run, if outside of an execution context, use "
            "experiment.start_logging to initialize an azureml.core.Run."
        )
        super().__init__(words, **kwargs)


class ServiceException(AzureMLException):
    """The server refused something, or did not answer."""


class SnapshotException(AzureMLException):
    """A snapshot could not be taken or restored."""


class TrainingException(AzureMLException):
    """A training could not be begun or read."""


class WorkspaceException(AzureMLException):
    """There is no such workspace."""


class ComputeTargetException(AzureMLException):
    """There is no such compute target."""


class ProjectSystemException(AzureMLException):
    """A folder is not what it should be."""


class NotSupportedException(AzureMLException, NotImplementedError):
    """Runvane does not do this; the message says what there is instead."""
