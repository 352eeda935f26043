"""`azureml.widgets`."""

from runvane.azureml.widgets.run_details import RunDetails

__all__ = ["RunDetails"]
