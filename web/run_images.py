"""The pictures that a run logged: of each metric one for each step, and which is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

# More are found by their names in the outputs.
IMAGES_MAX = 48
STEPS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Pictured:
    """`logged`: the steps with the files' paths, in rising order."""

    metric: str
    logged: Sequence[tuple[int, str]]

    def at(self, step: int | None) -> tuple[int, str] | None:
        """What was the newest at this step; of all, without one."""
        found = [each for each in self.logged if step is None or each[0] <= step]
        return found[-1] if found else None


def pictured(metric: str, steps: Sequence[Any], paths: Sequence[Any]) -> Pictured:
    """A metric that was numbers before has no picture at their steps."""
    logged = zip(steps, paths, strict=True)
    by_step = {int(step): path for step, path in logged if isinstance(path, str) and path}
    return Pictured(metric, sorted(by_step.items()))


def steps_of(images: Sequence[Pictured]) -> Sequence[int]:
    return sorted({step for each in images for step, _ in each.logged})


def asked_step(params: Mapping[str, str]) -> int | None:
    try:
        return int(params["step"])
    except (KeyError, ValueError):
        return None


def sources(image: Pictured, run_id: str, base: str) -> Sequence[tuple[int, str, str]]:
    """For the script that goes through the steps: each with its path and where its bytes are."""
    place = f"{base}files/runs/{quote(run_id, safe='')}/"
    return [(step, path, place + quote(path)) for step, path in image.logged]
