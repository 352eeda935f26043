"""`azureml.core`."""

from runvane import __version__ as VERSION  # noqa: N812 - Azure's name for it
from runvane.azureml.core.compute_target import ComputeTarget
from runvane.azureml.core.environment import Environment
from runvane.azureml.core.experiment import Experiment
from runvane.azureml.core.run import Run, get_run
from runvane.azureml.core.runconfig import RunConfiguration
from runvane.azureml.core.script_run import ScriptRun
from runvane.azureml.core.script_run_config import ScriptRunConfig
from runvane.azureml.core.workspace import Workspace

__all__ = [
    "VERSION",
    "ComputeTarget",
    "Environment",
    "Experiment",
    "Run",
    "RunConfiguration",
    "ScriptRun",
    "ScriptRunConfig",
    "Workspace",
    "get_run",
]
