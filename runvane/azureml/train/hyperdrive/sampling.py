"""How settings are chosen of a space of parameters."""

from collections.abc import Mapping
from typing import Any, ClassVar

from runvane.azureml.train.hyperdrive.exceptions import HyperDriveConfigException


class HyperParameterSampling:
    """`parameter_space`: a name → an expression, as `{"lr": uniform(0, 1)}`."""

    SAMPLING_NAME: ClassVar[str] = ""
    DISTRIBUTIONS: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, parameter_space: Mapping[str, Any], properties: Mapping[str, Any] | None = None
    ) -> None:
        self.parameter_space = dict(parameter_space)
        self.properties = properties
        for expression in parameter_space.values():
            if self.DISTRIBUTIONS and expression[0] not in self.DISTRIBUTIONS:
                raise HyperDriveConfigException(
                    "This sampling method expects only the following distributions: "
                    f"[{', '.join(self.DISTRIBUTIONS)}]"
                )

    def to_json(self) -> dict[str, Any]:
        said = {"name": self.SAMPLING_NAME, "parameter_space": self.parameter_space}
        return {**said, "properties": self.properties} if self.properties else said

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HyperParameterSampling) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(repr(self.to_json()))


class RandomParameterSampling(HyperParameterSampling):
    """Each setting by chance."""

    SAMPLING_NAME = "RANDOM"


class GridParameterSampling(HyperParameterSampling):
    """Every combination of choices."""

    SAMPLING_NAME = "GRID"
    DISTRIBUTIONS = ("choice",)
