"""`azureml.train.automl`, for reading."""

from runvane.azureml.train.automl.run import AutoMLRun

__all__ = ["AutoMLRun"]
