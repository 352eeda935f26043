"""Runs side by side: what the address of the comparison says, and the lines of its table."""

import math
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

from starlette.datastructures import QueryParams

from web.documents import Answer
from web.formats import NONE, duration, moment, number, readable
from web.texts import text

COMPARED_MAX = 20
CHARTS_MAX = 12
LINES_KEPT_MAX = 1000
PERCENT_MAX = 9999.0
STATS = ("LAST", "MIN", "MAX")
# Kinds that are one number after another.
LINES = ("SCALAR", "LIST")
GROUPS = ("params", "tags", "properties", "facts")
Turn = Literal["better", "worse", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What the address says: which runs, against which one, and what is shown of them."""

    runs: tuple[str, ...]
    base: str
    stat: str
    search: str
    everything: bool
    # The saved view that it was opened by.
    view: str
    # Charts of one's own, as `custom_charts` reads them.
    charts: tuple[str, ...]
    # The lines that an open page has, as `lines_said` says them; None: nothing is open yet.
    open: frozenset[str] | None

    @property
    def ordered(self) -> list[str]:
        """The baseline first: the contract says all changes from the first run."""
        return sorted(self.runs, key=lambda run: run != self.base)

    def query(self, **changes: Any) -> Mapping[str, Any]:
        own = {
            "runs": ",".join(self.runs),
            "base": self.base if self.runs and self.base != self.runs[0] else None,
            "stat": self.stat.lower() if self.stat != STATS[0] else None,
            "m": self.search,
            "all": "yes" if self.everything else None,
            "view": self.view,
            "chart": list(self.charts),
        }
        return {**own, **changes}

    def without(self, run: str) -> Mapping[str, Any]:
        rest = [each for each in self.runs if each != run]
        return self.query(runs=",".join(rest), base=None if run == self.base else self.base)


@dataclass(frozen=True, slots=True)
class Cell:
    said: str
    # As it was logged; None where there is nothing.
    value: Any = None
    # By how much it is more or less than the baseline's, with its sign.
    change: str = ""
    rises: bool = False
    turn: Turn = ""
    differs: bool = False
    # Better than that of any other run.
    best: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    cells: Sequence[Cell]
    differs: bool


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    lines: Sequence[Line]

    def keeping(self, wanted: Callable[[Line], bool]) -> "Group":
        return Group(self.name, [line for line in self.lines if wanted(line)])


def compared_in(params: QueryParams) -> Compared:
    said = (each.strip() for each in params.get("runs", "").split(","))
    runs = tuple(dict.fromkeys(each for each in said if each))
    base, stat = params.get("base", ""), params.get("stat", "").upper()
    return Compared(
        runs=runs,
        base=base if base in runs else next(iter(runs), ""),
        stat=stat if stat in STATS else STATS[0],
        search=params.get("m", "").strip(),
        everything=params.get("all") == "yes",
        view=params.get("view", ""),
        charts=tuple(params.getlist("chart")),
        open=frozenset(params["lines"].split(",")) if "lines" in params else None,
    )


def groups_of(found: Answer, asked: Compared) -> Sequence[Group]:
    """What was found of the runs and is searched for; a group without a line is left out."""
    runs = found["runs"]
    goals = _goals(runs)
    metrics = [
        Line(_label(each), _cells(each, number, _goal(each, goals)), each["differs"])
        for each in found["metrics"]
        if each["stat"] == asked.stat
    ]
    said = [Group("metrics", metrics)]
    for name in GROUPS:
        lines = [
            Line(each["name"], _cells(each, readable), each["differs"]) for each in found[name]
        ]
        said.append(Group(name, lines))
    said.append(Group("run", _of_runs(runs)))
    wanted = asked.search.lower()
    return _filled([group.keeping(lambda line: wanted in line.name.lower()) for group in said])


def differing(groups: Sequence[Group], asked: Compared) -> Sequence[Group]:
    """What a page shows of them: what differs, or everything where that is asked for."""
    return _filled(
        [group.keeping(lambda line: asked.everything or line.differs) for group in groups]
    )


def kept(groups: Sequence[Group], asked: Compared) -> tuple[Sequence[Group], int]:
    """
    What an open page goes on to show, and how many lines it would have besides.

    A line stays while what it says changes, also where it becomes equal; what begins to differ is
    counted. One that came or went by itself would move the charts below.
    """
    shown = differing(groups, asked)
    if asked.open is None:
        return shown, 0
    return _marked(groups, asked.open), len(set(_marks(shown)) - asked.open)


def _marked(groups: Sequence[Group], marks: frozenset[str]) -> Sequence[Group]:
    return _filled(
        [group.keeping(lambda line, of=group.name: _mark(of, line) in marks) for group in groups]
    )


def lines_said(groups: Sequence[Group]) -> str | None:
    """These lines for the address of a page's stream; None: they are too many for one."""
    marks = _marks(groups)
    return ",".join(marks) if len(marks) <= LINES_KEPT_MAX else None


def _marks(groups: Sequence[Group]) -> Sequence[str]:
    return [_mark(group.name, line) for group in groups for line in group.lines]


def _mark(group: str, line: Line) -> str:
    """Four characters for a name, which may be long."""
    found = blake2b(f"{group}/{line.name}".encode(), digest_size=3)
    return urlsafe_b64encode(found.digest()).decode()


def _filled(groups: Sequence[Group]) -> Sequence[Group]:
    return [group for group in groups if group.lines]


def shared_metrics(found: Answer, search: str) -> Sequence[str]:
    """Metrics that are drawn as lines and that two runs or more have."""
    return [
        each["name"]
        for each in found["sharedMetrics"]
        if each["kind"] in LINES and search.lower() in each["name"].lower()
    ]


def _goals(runs: Sequence[Answer]) -> Mapping[str, str]:
    """Which way a metric is to go, where all runs that say it say the same."""
    said: dict[str, set[str]] = {}
    for run in runs:
        if run["primaryGoal"]:
            said.setdefault(run["primaryMetric"], set()).add(run["primaryGoal"])
    return {metric: goals.pop() for metric, goals in said.items() if len(goals) == 1}


def _goal(each: Answer, goals: Mapping[str, str]) -> str | None:
    """Of a metric of several columns nobody says which one is meant."""
    return goals.get(each["metric"]) if each["column"] == "value" else None


def _of_runs(runs: Sequence[Answer]) -> Sequence[Line]:
    said = {
        "run.experiment": [run["experiment"] for run in runs],
        "run.status": [text(f"status.{run['status']}") for run in runs],
        "compare.target": [run["target"] or NONE for run in runs],
        "run.created": [moment(run["createdAt"]) for run in runs],
        "run.duration": [duration(run["duration"]) for run in runs],
    }
    return [
        Line(
            text(key),
            [Cell(each, differs=each != values[0]) for each in values],
            len(set(values)) > 1,
        )
        for key, values in said.items()
    ]


def _label(each: Answer) -> str:
    return each["metric"] if each["column"] == "value" else f"{each['metric']}.{each['column']}"


def _cells(each: Answer, say: Callable[[Any], str], goal: str | None = None) -> Sequence[Cell]:
    values, has = each["values"], each["has"]
    first, best = (has[0], say(values[0])), _best(values, goal)
    made: list[Cell] = []
    for value, there, percent in zip(values, has, each["percents"], strict=True):
        said = say(value) if there else NONE
        rises = bool(percent) and percent > 0
        turn: Turn = "better" if rises == (goal == "MAXIMIZE") else "worse"
        made.append(
            Cell(
                said,
                value=value,
                change=_percent(percent) if percent else "",
                rises=rises,
                turn=turn if percent and goal else "",
                # Two numbers may read alike and still not be the same.
                differs=(there, said) != first or bool(percent),
                best=best is not None and _finite(value) == best,
            )
        )
    return made


def _percent(percent: float) -> str:
    """Of a change beyond a hundredfold the values themselves say more."""
    beyond = "> " if percent > PERCENT_MAX else "< " if percent < -PERCENT_MAX else ""
    said = f"{beyond}{max(min(percent, PERCENT_MAX), -PERCENT_MAX):+,.1f} %"
    return said.replace("-", "\N{MINUS SIGN}")


def _best(values: Sequence[Any], goal: str | None) -> float | None:
    """None where nobody says which way is better, or all are as good."""
    if not goal:
        return None
    known = {found for value in values if (found := _finite(value)) is not None}
    if len(known) < 2:
        return None
    return max(known) if goal == "MAXIMIZE" else min(known)


def _finite(value: Any) -> float | None:
    """Integers beyond 2^53 come in digits."""
    if value is None:
        return None
    found = float(value)
    return found if math.isfinite(found) else None
