"""`RunConfiguration`: how and where a script is executed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runvane.azureml.core.conda_dependencies import CondaDependencies
from runvane.azureml.core.environment import Environment


@dataclass
class DockerConfiguration:
    """Kept as it is said."""

    use_docker: bool = False
    shared_volumes: bool = True
    arguments: Sequence[str] = ()
    shm_size: str | None = None


@dataclass
class MpiConfiguration:
    """Ranks of one run."""

    process_count_per_node: int = 1
    node_count: int = 1


@dataclass
class PyTorchConfiguration:
    """Ranks of one run."""

    communication_backend: str = "Nccl"
    process_count: int | None = None
    node_count: int = 1


@dataclass
class TensorflowConfiguration:
    """Ranks of one run."""

    worker_count: int = 1
    parameter_server_count: int = 1


class RunConfiguration:
    """A value; `target` is the name of a compute target, `local` for this machine."""

    def __init__(
        self,
        script: str | None = None,
        arguments: Sequence[str] | None = None,
        framework: str | None = None,
        communicator: str | None = None,
        conda_dependencies: CondaDependencies | None = None,
        _history_enabled: bool | None = None,
        _path: str | None = None,
        _name: str | None = None,
        command: Sequence[str] | str | None = None,
    ) -> None:
        self.script = script
        self.arguments = list(arguments or ())
        self.framework = framework or "Python"
        self.communicator = communicator or "None"
        self.command = command
        self.target: Any = "local"
        self.node_count = 1
        self.environment_variables: dict[str, str] = {}
        self.environment = Environment("project")
        self.environment.python.conda_dependencies = conda_dependencies
        self.docker = DockerConfiguration()
        self.mpi = MpiConfiguration()
        self.pytorch = PyTorchConfiguration()
        self.tensorflow = TensorflowConfiguration()
