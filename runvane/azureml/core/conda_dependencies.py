"""`CondaDependencies`: packages that a script needs."""

from collections.abc import Sequence


class CondaDependencies:
    """A value."""

    def __init__(
        self, conda_packages: Sequence[str] = (), pip_packages: Sequence[str] = ()
    ) -> None:
        self.conda_packages = [*conda_packages]
        self.pip_packages = [*pip_packages]

    @staticmethod
    def create(
        pip_indexurl: str | None = None,
        pip_packages: Sequence[str] | None = None,
        conda_packages: Sequence[str] | None = None,
        python_version: str | None = None,
        pin_sdk_version: bool = True,
    ) -> "CondaDependencies":
        return CondaDependencies(conda_packages or (), pip_packages or ())

    def add_pip_package(self, pip_package: str) -> None:
        self.pip_packages.append(pip_package)

    def add_conda_package(self, conda_package: str) -> None:
        self.conda_packages.append(conda_package)
