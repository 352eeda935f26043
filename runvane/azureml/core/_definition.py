"""What a ScriptRunConfig says, as a target executes it and as `get_details` tells it."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runvane._submission import LOCAL
from runvane.azureml._handle import logger
from runvane.azureml.core.conda_dependencies import CondaDependencies
from runvane.azureml.core.environment import Environment
from runvane.azureml.core.runconfig import (
    MpiConfiguration,
    PyTorchConfiguration,
    TensorflowConfiguration,
)
from runvane.azureml.core.script_run_config import ScriptRunConfig
from runvane.azureml.exceptions import NotSupportedException, UserErrorException

SHELL = ("/bin/sh", "-c")
# What `interpreter_path` is where nobody says one.
PYTHON = "python"
# Where a script finds what the run has left that it goes on from.
RESUMED = ".resume_from"
_MPI = ("Mpi", "IntelMpi", "OpenMpi")


def of(config: ScriptRunConfig) -> dict[str, Any]:
    """As `submitRun` takes it, with Azure's `runDefinition` beside."""
    _look_at_folder(config)
    run_config, environment = config.run_config, config.run_config.environment
    processes = _processes(config)
    script, command = config.script or run_config.script, config.command or run_config.command
    arguments = [str(each) for each in config.arguments or run_config.arguments]
    if config.resume_from is not None:
        arguments += ["--resume-from", RESUMED]
    said = {**environment.environment_variables, **run_config.environment_variables}
    variables = {str(key): str(value) for key, value in said.items()}
    words = _of_command(command) if command else _of_script(config, script, arguments)
    definition: dict[str, Any] = {
        "command": words,
        "environmentVariables": variables,
        "maxDuration": config.max_run_duration_seconds,
        "runDefinition": {
            "script": None if command else script,
            "command": shlex.join(words) if command else None,
            "arguments": arguments,
            "framework": run_config.framework,
            "communicator": run_config.communicator,
            "target": target_of(config),
            "nodeCount": 1,
            "maxRunDurationSeconds": config.max_run_duration_seconds,
            "environment": _told(environment),
            "environmentVariables": variables,
            "mpi": {"processCountPerNode": processes},
        },
    }
    return {**definition, "processes": processes} if processes > 1 else definition


def with_arguments(definition: Mapping[str, Any], more: Sequence[str]) -> dict[str, Any]:
    """The same with more of them at the end."""
    *head, last = words = list(definition["command"])
    if tuple(head) == SHELL:
        words = [*head, " ".join([last, *map(shlex.quote, more)])]
    else:
        words += more
    said = definition["runDefinition"]
    told = {**said, "arguments": [*said["arguments"], *more]}
    if said["command"]:
        told["command"] = shlex.join(words)
    return {**definition, "command": words, "runDefinition": told}


def target_of(config: ScriptRunConfig) -> str:
    """Its name."""
    target = config.run_config.target
    return target if isinstance(target, str) else str(target.name)


def _look_at_folder(config: ScriptRunConfig) -> None:
    if not Path(config.source_directory).is_dir():
        raise UserErrorException(f"source_directory {config.source_directory} is no folder.")
    if config.resume_from is not None and target_of(config) != LOCAL:
        raise NotSupportedException(
            "resume_from works on the target local. On another one give the script the run's id, "
            'and let it read Run.get(workspace, id).download_files("outputs").'
        )


def _of_command(command: Sequence[Any] | str) -> list[str]:
    """A text is for a shell; a list is a program and its arguments."""
    return [*SHELL, command] if isinstance(command, str) else [str(each) for each in command]


def _of_script(config: ScriptRunConfig, script: str | None, arguments: Sequence[str]) -> list[str]:
    if not script:
        raise UserErrorException("Say what to execute: script, or command.")
    if not (Path(config.source_directory) / script).is_file():
        raise UserErrorException(
            f"Script {script} was not found in {Path(config.source_directory).resolve()}: it is "
            "named as from source_directory."
        )
    environment: Environment = config.run_config.environment
    _warn_of(environment)
    python = environment.python.interpreter_path
    if python == PYTHON and target_of(config) == LOCAL:
        python = sys.executable
    return [python, script, *arguments]


def _processes(config: ScriptRunConfig) -> int:
    """How many ranks there are, all on one node."""
    job, run_config = config.distributed_job_config, config.run_config
    if isinstance(job, TensorflowConfiguration):
        raise NotSupportedException(
            "Runvane begins ranks as MpiConfiguration and PyTorchConfiguration have them; "
            "parameter servers are the script's own."
        )
    if max(getattr(job, "node_count", 1), run_config.node_count) > 1:
        raise NotSupportedException(
            "Runvane executes a run on one node: node_count is 1, and process_count says how many "
            "ranks are begun there."
        )
    count: Any = 1
    if isinstance(job, MpiConfiguration):
        count = job.process_count_per_node
    elif isinstance(job, PyTorchConfiguration):
        count = 1 if job.process_count is None else job.process_count
    elif run_config.communicator in _MPI:
        count = run_config.mpi.process_count_per_node
    if not isinstance(count, int) or count < 1:
        raise UserErrorException(f"A run has 1 process or more, not {count}.")
    return count


def _warn_of(environment: Environment) -> None:
    """Azure would build it; whoever counts on that is told."""
    python = environment.python
    asks = python.conda_dependencies or python.conda_dependencies_file
    if (asks and not python.user_managed_dependencies) or environment.docker.enabled:
        logger.warning(
            "Environment %s is not built: its script runs with the packages that its target has.",
            environment.name,
        )


def _told(environment: Environment) -> dict[str, Any]:
    python = environment.python
    asks: CondaDependencies | None = python.conda_dependencies
    return {
        "name": environment.name,
        "version": environment.version,
        "python": {
            "interpreterPath": python.interpreter_path,
            "userManagedDependencies": python.user_managed_dependencies,
            "condaDependencies": {
                "dependencies": [*asks.conda_packages, {"pip": asks.pip_packages}]
            }
            if asks
            else None,
        },
        "environmentVariables": environment.environment_variables,
        "docker": {"baseImage": environment.docker.base_image},
    }
