"""What a run is, in the plainest words: lists and dicts, no frames, no folds, nothing lost."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from runvane.wire import NAME_LENGTH_MAX

# Values as they travel: "NaN", "Infinity" and "-Infinity" by name.
Point: TypeAlias = tuple[int, int, Any]
ENDED = {"Completed", "Failed", "Canceled"}


@dataclass
class Model:
    experiment: str
    status: str = "Running"
    history: list[str] = field(default_factory=lambda: ["Running"])
    params: dict[str, Any] = field(default_factory=dict[str, Any])
    tags: dict[str, Any] = field(default_factory=dict[str, Any])
    warnings: list[str] = field(default_factory=list[str])
    kinds: dict[str, str] = field(default_factory=dict[str, str])
    points: dict[tuple[str, str], list[Point]] = field(
        default_factory=dict[tuple[str, str], list[Point]]
    )
    deleted: bool = False

    def take(self, content: Mapping[str, Any]) -> None:
        """A batch that was acknowledged, once."""
        for event in content.get("events", ()):
            getattr(self, f"_{event['type']}")(event)
        for place, block in enumerate(content.get("metrics", ())):
            self._block(place, block)

    def _start(self, event: Mapping[str, Any]) -> None:
        if event["experiment"] != self.experiment:
            was, said = self.experiment, event["experiment"]
            self.warnings.append(f"the run stays in {was}; it was started in {said}")
        if self.status in ENDED and event.get("resume"):
            self._move("Running")

    def _params(self, event: Mapping[str, Any]) -> None:
        for key, value in event["values"].items():
            if self.params.setdefault(key, value) != value:
                there = self.params[key]
                self.warnings.append(f"param {key} stays {there}: it is written once")

    def _tags(self, event: Mapping[str, Any]) -> None:
        for key in event["remove"]:
            self.tags.pop(key, None)
        self.tags.update(event["set"])

    def _status(self, event: Mapping[str, Any]) -> None:
        new = event["status"]
        if self.status not in ENDED:
            self._move(new)
        elif new != self.status:
            self.warnings.append(f"{new} came after {self.status} and changed nothing")

    def _warn(self, event: Mapping[str, Any]) -> None:
        self.warnings.append(event["text"])

    def _move(self, status: str) -> None:
        if status != self.status:
            self.status = status
            self.history.append(status)

    def _block(self, place: int, block: Mapping[str, Any]) -> None:
        name, kind, steps, times = (block[key] for key in ("name", "kind", "steps", "times"))
        if not name:
            why = f"name has 1 to {NAME_LENGTH_MAX} characters"
            self.warnings.append(f"metrics[{place}] was left out: {why}")
        elif len(steps) and {len(steps)} != {len(times), *map(len, block["columns"].values())}:
            why = "differ in length: it was left out"
            self.warnings.append(f"the columns of metric {name} {why}")
        elif any(value is not None for values in block["columns"].values() for value in values):
            first = self.kinds.setdefault(name, kind)
            strange = f"metric {name} stays {first}: it was also logged as {kind}"
            if kind != first and strange not in self.warnings:
                self.warnings.append(strange)
            for column, values in block["columns"].items():
                there = self.points.setdefault((name, column), [])
                every = zip(steps, times, values, strict=True)
                there += [point for point in every if point[2] is not None]


@dataclass(frozen=True)
class Known:
    """What must be known of one column; of points at one place, any may be the last."""

    points: Sequence[Point]

    def check(self, summary: Mapping[str, Any]) -> None:
        finite = [(s, t, v) for s, t, v in self.points if not isinstance(v, str)]
        at = max((step, time) for step, time, _ in self.points)
        assert int(summary["n"]) == len(self.points)
        assert int(summary["nFinite"]) == len(finite)
        assert int(summary["lastStep"]) == at[0]
        assert summary["last"] in [_float(v) for s, t, v in self.points if (s, t) == at]
        if not finite:
            assert [summary[key] for key in ("first", "min", "max", "mean")] == [None] * 4
            return
        low = min((float(value), step) for step, _, value in finite)
        high = min((-float(value), step) for step, _, value in finite)
        assert (summary["min"], int(summary["minStep"])) == low
        assert (-summary["max"], int(summary["maxStep"])) == high
        begin = min((step, time) for step, time, _ in finite)
        assert summary["first"] in [float(v) for s, t, v in finite if (s, t) == begin]
        values = [float(value) for *_, value in finite]
        mean, far = math.fsum(values) / len(values), max(map(abs, values))
        assert abs(summary["mean"] - mean) <= 1e-9 * far

    def check_rows(self, rows: Mapping[str, Any], column: str) -> None:
        (values,) = [each["values"] for each in rows["columns"] if each["name"] == column]
        found = zip(
            map(int, rows["steps"]), map(int, rows["times"]), map(of_wire, values), strict=True
        )
        assert Counter(each for each in found if each[2] is not None) == Counter(self.points)
        places = list(zip(map(int, rows["steps"]), map(int, rows["times"]), strict=True))
        assert places == sorted(places)

    def check_export(self, lines: Sequence[Mapping[str, Any]]) -> None:
        found = [(each["step"], each["time"], each["value"]) for each in lines]
        assert Counter(found) == Counter(self.points)
        places = [place[:2] for place in found]
        assert places == sorted(places)

    def check_series(self, series: Mapping[str, Any]) -> None:
        places = sorted({step for step, *_ in self.points})
        assert [int(x) for x in series["x"]] == places
        assert int(series["pointsTotal"]) == len(self.points)
        line = series["lines"][0]
        for n, place in enumerate(places):
            here = [float(v) for s, _, v in self.points if s == place and not isinstance(v, str)]
            for name, choose in (("min", min), ("max", max)):
                found = of_wire(line[name][n])
                assert (None if found is None else float(found)) == (choose(here) if here else None)
        marks = {(each["x"], each["kind"]) for each in line["marks"]}
        assert marks == {(float(s), v) for s, _, v in self.points if isinstance(v, str)}


def of_wire(value: Any) -> Any:
    """Integers beyond 2^53 travel in digits."""
    return int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else value


def _float(value: Any) -> Any:
    return value if isinstance(value, str) else float(value)
