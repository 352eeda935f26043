"""What a test of the charter reached and what it wanted, for the report of `make charter`."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# `make charter` sets it: forms that take minutes. Without it, seconds.
LONG = "RUNVANE_CHARTER" in os.environ
REPORT = "RUNVANE_CHARTER_REPORT"


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    reached: float
    wanted: str
    met: bool


@dataclass(slots=True)
class Figures:
    cases: int = 0
    reached: list[Figure] = field(default_factory=list[Figure])

    def record(
        self,
        name: str,
        value: float,
        *,
        at_most: float | None = None,
        at_least: float | None = None,
        firm: bool = True,
    ) -> None:
        """
        Write the figure down, then fail when it is out of its bounds.

        One that is not firm (a time on a busy machine) is judged by `make charter` alone.
        """
        bounds = {"≤": at_most, "≥": at_least}
        wanted = " ".join(
            f"{sign} {bound:g}" for sign, bound in bounds.items() if bound is not None
        )
        met = (at_most is None or value <= at_most) and (at_least is None or value >= at_least)
        self.reached.append(Figure(name, value, wanted, met))
        assert met or not firm, f"{name}: {value:g}, wanted {wanted}"


def tell(figures: Figures, about: Mapping[str, Any]) -> None:
    """Append a line to the report, where one was asked for."""
    if path := os.environ.get(REPORT):
        line = {**about, **asdict(figures), "form": "long" if LONG else "short"}
        with Path(path).open("a") as report:
            report.write(json.dumps(line, ensure_ascii=False) + "\n")
