"""What a sweep's configuration may be wrong about."""

from runvane.azureml.exceptions import TrainingException


class HyperDriveConfigException(TrainingException):
    """A configuration makes no sense."""


class HyperDriveNotImplementedException(TrainingException):
    """A sweep has no such thing."""
