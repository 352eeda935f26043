"""`ScriptRunConfig`: a script, its arguments, and where it is to run."""

from collections.abc import Sequence
from typing import Any

from runvane.azureml.core.environment import Environment
from runvane.azureml.core.runconfig import RunConfiguration
from runvane.azureml.exceptions import UserErrorException

# 30 days.
DURATION_S_MAX = 2_592_000


class ScriptRunConfig:
    """A value; `arguments` or `command`, not both without a script."""

    def __init__(
        self,
        source_directory: str,
        script: str | None = None,
        arguments: Sequence[Any] | None = None,
        run_config: RunConfiguration | None = None,
        _telemetry_values: Any = None,
        compute_target: Any = None,
        environment: Environment | None = None,
        distributed_job_config: Any = None,
        resume_from: Any = None,
        max_run_duration_seconds: int = DURATION_S_MAX,
        command: Sequence[str] | str | None = None,
        docker_runtime_config: Any = None,
    ) -> None:
        if script and command:
            raise UserErrorException("Either script or command is specified, not both.")
        self.source_directory = source_directory or "."
        self.script = script
        self.command = command
        self.arguments = list(arguments or ())
        self.run_config = run_config or RunConfiguration()
        self.run_config.target = compute_target or self.run_config.target
        self.run_config.environment = environment or self.run_config.environment
        self.distributed_job_config = distributed_job_config
        self.resume_from = resume_from
        self.max_run_duration_seconds = max_run_duration_seconds
        self.docker_runtime_config = docker_runtime_config
