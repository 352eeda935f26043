"""How settings are chosen of a space of parameters."""

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any, ClassVar, TypeAlias

from runvane.azureml.train.hyperdrive.exceptions import HyperDriveConfigException

# A value of each parameter.
Point: TypeAlias = Mapping[str, Any]


class HyperParameterSampling(ABC):
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

    @abstractmethod
    def points(self, count: int) -> Iterator[Point]:
        """At most so many settings."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HyperParameterSampling) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(repr(self.to_json()))


class RandomParameterSampling(HyperParameterSampling):
    """Each setting by chance; the same ones for the same `properties={"seed": 1}`."""

    SAMPLING_NAME = "RANDOM"

    def points(self, count: int) -> Iterator[Point]:
        seed = (self.properties or {}).get("seed")
        chance = random.Random(seed)  # noqa: S311 - to search, not to hide
        for _ in range(count):
            yield {name: _drawn(chance, *of) for name, of in self.parameter_space.items()}


class GridParameterSampling(HyperParameterSampling):
    """Every combination of choices."""

    SAMPLING_NAME = "GRID"
    DISTRIBUTIONS = ("choice",)

    def points(self, count: int) -> Iterator[Point]:
        options = [said[0] for _, said in self.parameter_space.values()]
        for values in islice(product(*options), count):
            yield dict(zip(self.parameter_space, values, strict=True))


def _drawn(chance: random.Random, name: str, said: Sequence[Any]) -> Any:
    """Of an expression, as `parameter_expressions` describe them."""
    if name == "choice":
        return chance.choice(said[0])
    if name == "randint":
        return chance.randrange(said[0])
    kind = name.removeprefix("q")
    draw = chance.gauss if kind.endswith("normal") else chance.uniform
    value = draw(said[0], said[1])
    if kind.startswith("log"):
        value = math.exp(value)
    return round(value / said[2]) * said[2] if name != kind else value
