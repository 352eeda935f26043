"""`Workspace`: the server, under the names that a script gives it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runvane import home
from runvane.azureml import _places, _reading
from runvane.azureml.core.compute_target import ComputeTarget
from runvane.azureml.core.experiment import Experiment
from runvane.azureml.core.run import Run
from runvane.azureml.exceptions import UserErrorException

NAME = "runvane"
CONFIG = "config.json"
_TARGETS = "{ computeTargets(first: 1000) { edges { node { name } } } }"
FOLDERS = (".azureml", "aml_config", "")


class Workspace:
    """One server has one: RUNVANE_URL says which, and the names are only names."""

    def __init__(
        self,
        subscription_id: str = "",
        resource_group: str = "",
        workspace_name: str = NAME,
        auth: Any = None,
        **kwargs: Any,
    ) -> None:
        self._subscription_id = subscription_id
        self._resource_group = resource_group
        self._name = workspace_name

    @staticmethod
    def from_config(
        path: str | Path | None = None,
        auth: Any = None,
        _logger: Any = None,
        _file_name: str | None = None,
    ) -> "Workspace":
        """Azure's config.json, if there is one; a `path` that was given must lead to one."""
        place = Path(path or ".").resolve()
        found = place if place.is_file() else _find(place, _file_name or CONFIG)
        if found is None and path is None:
            return Workspace()
        if found is None:
            raise UserErrorException(
                f"The workspace configuration file config.json, could not be found in {place} or "
                "its parent directories. Please check whether the workspace configuration file "
                "exists, or provide the full path to the configuration file as an argument. You "
                "can leave the argument out: Runvane needs none."
            )
        said: Mapping[str, str] = json.loads(found.read_text(encoding="utf-8"))
        return Workspace(
            said.get("subscription_id", ""),
            said.get("resource_group", ""),
            said.get("workspace_name", NAME),
        )

    @staticmethod
    def get(
        name: str,
        auth: Any = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        location: str | None = None,
        cloud: str = "AzureCloud",
        id: str | None = None,
    ) -> "Workspace":
        return Workspace(subscription_id or "", resource_group or "", name)

    @staticmethod
    def create(name: str, auth: Any = None, **kwargs: Any) -> "Workspace":
        """There is nothing to be made: the server is the workspace."""
        group, subscription = kwargs.get("resource_group"), kwargs.get("subscription_id")
        return Workspace(subscription or "", group or "", name)

    @staticmethod
    def list(
        subscription_id: str, auth: Any = None, resource_group: str | None = None
    ) -> "dict[str, list[Workspace]]":
        return {NAME: [Workspace(subscription_id, resource_group or "")]}

    def write_config(self, path: str | Path | None = None, file_name: str | None = None) -> None:
        """Into the folder `.azureml` of `path`, where `from_config` finds it."""
        folder = Path(path or ".") / FOLDERS[0]
        said = {
            "subscription_id": self._subscription_id,
            "resource_group": self._resource_group,
            "workspace_name": self._name,
        }
        target = folder / Path(file_name or CONFIG).with_suffix(".json")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            target.write_text(json.dumps(said, indent=4), encoding="utf-8")
        except OSError as error:
            raise UserErrorException(
                f"Could not write the config file to: {target}\n{error}"
            ) from None

    @property
    def name(self) -> str:
        return self._name

    @property
    def subscription_id(self) -> str:
        return self._subscription_id

    @property
    def resource_group(self) -> str:
        return self._resource_group

    @property
    def location(self) -> str:
        """Where it is."""
        return home.url()

    @property
    def experiments(self) -> dict[str, Experiment]:
        return {each.name: each for each in Experiment.list(self)}

    @property
    def compute_targets(self) -> dict[str, ComputeTarget]:
        """Those that workers serve, or that runs wait for, by name."""
        found = _reading.ask(_TARGETS)["computeTargets"]["edges"]
        names = (edge["node"]["name"] for edge in found)
        return {name: ComputeTarget(self, name) for name in names}

    def get_run(self, run_id: str) -> Any:
        return Run.get(self, run_id)

    def get_details(self) -> dict[str, Any]:
        return {
            "id": f"/subscriptions/{self._subscription_id}/resourceGroups/{self._resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self._name}",
            "name": self._name,
            "location": self.location,
            "type": "Microsoft.MachineLearningServices/workspaces",
            "discoveryUrl": home.url(),
        }

    def __repr__(self) -> str:
        names = f"name='{self._name}', subscription_id='{self._subscription_id}'"
        return f"Workspace.create({names}, resource_group='{self._resource_group}')"


def _find(place: Path, file_name: str) -> Path | None:
    for folder in FOLDERS:
        for above in (place, *place.parents):
            candidate = above / folder / file_name
            if candidate.is_file():
                return candidate
    return None


def _experiment(name: str) -> Experiment:
    return Experiment(Workspace(), name, _skip_name_validation=True, _create_in_cloud=False)


_places.EXPERIMENT.append(_experiment)
