"""`azureml.core`."""

from runvane import __version__ as VERSION  # noqa: N812 - Azure's name for it
from runvane.azureml.core.experiment import Experiment
from runvane.azureml.core.run import Run, get_run
from runvane.azureml.core.workspace import Workspace

__all__ = ["VERSION", "Experiment", "Run", "Workspace", "get_run"]
