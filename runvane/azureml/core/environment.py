"""`Environment`: what a script runs in."""

from pathlib import Path
from typing import Any

from runvane.azureml.core.conda_dependencies import CondaDependencies


class PythonSection:
    """Which Python, and its packages."""

    def __init__(self) -> None:
        self.user_managed_dependencies = False
        self.interpreter_path = "python"
        self.conda_dependencies: CondaDependencies | None = None
        self.conda_dependencies_file: str | None = None


class DockerSection:
    """Kept as it is said; nothing is built."""

    def __init__(self) -> None:
        self.enabled = False
        self.base_image: str | None = None
        self.base_dockerfile: str | None = None


class Environment:
    """A value."""

    def __init__(self, name: str, **kwargs: Any) -> None:
        self.name = name
        self.version: str | None = None
        self.python = PythonSection()
        self.docker = DockerSection()
        self.environment_variables: dict[str, str] = {}

    @staticmethod
    def from_conda_specification(name: str, file_path: str) -> "Environment":
        made = Environment(name)
        made.python.conda_dependencies_file = file_path
        return made

    @staticmethod
    def from_pip_requirements(name: str, file_path: str) -> "Environment":
        """One package a line; what is no package (options, comments) is left out."""
        lines = [line.strip() for line in Path(file_path).read_text(encoding="utf-8").splitlines()]
        packages = [line for line in lines if line and line[0] not in "#-"]
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies(pip_packages=packages)
        return made

    def register(self, workspace: Any) -> "Environment":
        """Nothing is registered: an environment is part of what it is used for."""
        return self

    def clone(self, new_name: str) -> "Environment":
        made = Environment(new_name)
        made.python, made.docker = self.python, self.docker
        made.environment_variables = dict(self.environment_variables)
        return made

    def __repr__(self) -> str:
        return f"Environment(Name: {self.name},\nVersion: {self.version})"
