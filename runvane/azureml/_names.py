"""`import azureml…` without azureml: the names lead to the same modules as `runvane.azureml…`."""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

NAME = "azureml"
OURS = "runvane"
# Azure's private names that scripts import all the same.
ALSO = {
    "azureml._common": "runvane.azureml",
    "azureml._common.exceptions": "runvane.azureml.exceptions",
}


def install() -> None:
    """
    From now on `import azureml.core` imports Runvane's; twice is no error.

    Raise RuntimeError where Azure's own is imported already.
    """
    there = sys.modules.get(NAME)
    if there is not None and not _installed():
        raise RuntimeError(
            "azureml is imported already: call runvane.azureml.install() before the first import "
            "of azureml, in a fresh process or kernel"
        )
    if not _installed():
        sys.meta_path.insert(0, _Finder())


def uninstall() -> None:
    """`import azureml` is again what it was; what was imported stays usable."""
    sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, _Finder)]
    for name in [each for each in sys.modules if each == NAME or each.startswith(f"{NAME}.")]:
        if sys.modules[name].__name__.startswith(OURS):
            del sys.modules[name]


def _installed() -> bool:
    return any(isinstance(each, _Finder) for each in sys.meta_path)


class _Finder(MetaPathFinder):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname != NAME and not fullname.startswith(f"{NAME}."):
            return None
        ours = ALSO.get(fullname, f"{OURS}.{fullname}")
        found = importlib.util.find_spec(ours)
        if found is None:
            raise ModuleNotFoundError(
                f"No module named {fullname!r}: Runvane stands in for azureml and does not have "
                "it; docs/azureml.md lists what it has",
                name=fullname,
            )
        is_package = found.submodule_search_locations is not None
        return importlib.util.spec_from_loader(fullname, _Alias(ours), is_package=is_package)


class _Alias(Loader):
    """One module under two names."""

    def __init__(self, ours: str) -> None:
        self._ours = ours
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._ours)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import gave it a second spec; it keeps its own.
        module.__spec__ = self._spec
