"""`ComputeTarget`: where runs run, by name."""

from typing import Any


class ComputeTarget:
    """A value: `Run.list_by_compute` says what goes on there."""

    type = "Runvane"

    def __init__(self, workspace: Any, name: str) -> None:
        self.workspace = workspace
        self.name = name

    def __repr__(self) -> str:
        return f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name})"


class AmlCompute(ComputeTarget):
    """Azure's name for a cluster."""

    type = "AmlCompute"
