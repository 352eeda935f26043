"""
The runs below one run as trials of a search: their states over time, how good each one was, and
with which parameters. What is drawn is worked out here, in the units of an SVG's view box.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import Any, Literal

from starlette.requests import Request

from web.documents import Answer, question
from web.formats import instant, number, value_of
from web.run_address import Cell

TRIALS_MAX = 500
SLOTS = 48
WIDTH, HEIGHT, EDGE = 600.0, 150.0, 8.0
# In per cent.
MARGIN = 4.0
AXES_MAX = 8
# Of fewer, nobody says which are far from the others.
QUARTILES_FROM = 5
# Of what differs, so many are asked for.
PARAMS_MAX = 24
# Larger by so much, and the positions on an axis are those of powers of ten.
WIDE = 100
SHADES = 5
State = Literal["completed", "active", "canceled", "failed", "queued"]
STATES: Sequence[State] = ("completed", "active", "canceled", "failed", "queued")
_STATE: Mapping[str, State] = {
    "COMPLETED": "completed",
    "CANCELED": "canceled",
    "FAILED": "failed",
    "NOT_STARTED": "queued",
    "UNAPPROVED": "queued",
    "QUEUED": "queued",
}


@dataclass(frozen=True, slots=True)
class Trial:
    run: Answer
    value: float | None
    params: Sequence[Any]

    @property
    def state(self) -> State:
        return _STATE.get(self.run["status"], "active")

    @property
    def name(self) -> str:
        return self.run["name"] or self.run["runId"]


@dataclass(frozen=True, slots=True)
class Slot:
    """How many trials had which state at one moment, as bars that stand on each other."""

    x: float
    width: float
    bars: Sequence[tuple[State, float, float]]


@dataclass(frozen=True, slots=True)
class History:
    slots: Sequence[Slot]
    # Those that any trial has had.
    states: Sequence[State]
    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a trial stands, in per cent of the picture; `beyond`: at the edge, for want of room."""

    trial: Trial
    x: float
    y: float
    beyond: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """
    What an axis of values shows. A few that are far worse than the others do not press these
    together: they stand at its edge, which then says so.

    Far is beyond Tukey's outer fence: three times the distance of the quartiles from them.
    """

    low: float
    high: float
    is_cut: bool
    highest: bool

    @classmethod
    def of(cls, values: Sequence[float], *, highest: bool) -> "Reach":
        low, high = min(values), max(values)
        if len(values) < QUARTILES_FROM:
            return cls(low, high, is_cut=False, highest=highest)
        lower, _, upper = quantiles(values, n=4, method="inclusive")
        fence = 3 * (upper - lower)
        if highest:
            near = min(each for each in values if each >= lower - fence)
            return cls(near, high, near > low, highest)
        near = max(each for each in values if each <= upper + fence)
        return cls(low, near, near < high, highest)

    def share(self, value: float) -> float:
        """From 0 to 1, what is beyond at its end."""
        return min(1.0, max(0.0, _share(value, self.low, self.high)))

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    @property
    def ends(self) -> tuple[str, str]:
        """What is written at both."""
        low, high = number(self.low), number(self.high)
        if not self.is_cut:
            return low, high
        return (f"≤ {low}", high) if self.highest else (low, f"≥ {high}")


@dataclass(frozen=True, slots=True)
class Scores:
    """Each trial's value in the order of their start, and the best so far as a line."""

    spots: Sequence[Spot]
    path: str
    best: Spot
    reach: "Reach"


@dataclass(frozen=True, slots=True)
class Axis:
    name: str
    x: float
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Line:
    trial: Trial
    path: str
    # 0 for the best ones.
    shade: int


@dataclass(frozen=True, slots=True)
class Parallel:
    axes: Sequence[Axis]
    lines: Sequence[Line]


async def trials(
    request: Request, run: Answer, experiment: Answer, searched: Cell
) -> dict[str, Any]:
    """The values of `_trials.html`: a search over parameters, by the metric that it is about."""
    keys = [each["key"] for each in experiment["paramColumns"] if each["varies"]]
    query = question(
        "trials",
        filter={"experiment": run["experiment"], "parent": run["runId"]},
        first=TRIALS_MAX,
        cells=[searched.variables],
        params=keys[:PARAMS_MAX],
    )
    page = (await query.answer(request))["runs"]
    found, highest = trials_of(page), searched.stat == "MAX"
    states = [trial.state for trial in found]
    return {
        "trials": found,
        "primary": searched.metric,
        "more_trials": page["pageInfo"]["hasNextPage"],
        "state_counts": {state: states.count(state) for state in STATES},
        "history": history_of(found),
        "scores": scores_of(found, highest=highest),
        "parallel": parallel_of(found, keys[:PARAMS_MAX], searched.metric, highest=highest),
    }


def trials_of(page: Answer) -> Sequence[Trial]:
    """Oldest first; a value that is no finite number is none."""
    parts = zip(page["edges"], page["metricCells"], page["paramCells"], strict=True)
    return [
        Trial(edge["node"], next((v for v in cells if _finite(v)), None), params)
        for edge, cells, params in parts
    ]


def history_of(trials: Sequence[Trial], now: datetime | None = None) -> History | None:
    told = [
        [(_at(each["at"]), each["status"]) for each in trial.run["transitions"]] for trial in trials
    ]
    times = [at for each in told for at, _ in each]
    if not times:
        return None
    begin = min(times)
    going = any(trial.state in ("active", "queued") for trial in trials)
    end = max(times) if not going else (now or datetime.now(UTC))
    span = max((end - begin).total_seconds(), 1e-3)
    width = WIDTH / SLOTS
    slots: list[Slot] = []
    for n in range(SLOTS):
        at = span * (n + 1) / SLOTS
        until = begin + timedelta(seconds=at)
        found = [[status for when, status in each if when <= until] for each in told]
        states: list[State] = [_STATE.get(each[-1], "active") for each in found if each]
        slots.append(Slot(n * width, width - 2, list(_stacked(states, len(trials)))))
    seen = {state for slot in slots for state, *_ in slot.bars}
    return History(slots, [state for state in STATES if state in seen], begin, end)


def scores_of(trials: Sequence[Trial], *, highest: bool) -> Scores | None:
    """None where fewer than two trials have a value."""
    valued = [(n, trial, trial.value) for n, trial in enumerate(trials) if trial.value is not None]
    if len(valued) < 2:
        return None
    reach = Reach.of([value for *_, value in valued], highest=highest)
    last = max(len(trials) - 1, 1)
    spots = [
        Spot(trial, _within(n / last), _within(1 - reach.share(value)), not reach.holds(value))
        for n, trial, value in valued
    ]
    path, best, most = f"M{spots[0].x} {spots[0].y}", spots[0], valued[0][2]
    for spot, (*_, value) in zip(spots, valued, strict=True):
        if (value > most) if highest else (value < most):
            path += f"H{spot.x}V{spot.y}"
            best, most = spot, value
    return Scores(spots, f"{path}H{_within(1)}", best, reach)


def parallel_of(
    trials: Sequence[Trial], keys: Sequence[str], metric: str, *, highest: bool
) -> Parallel | None:
    """An axis for each parameter that differs, and the metric as the last one."""
    valued = [trial for trial in trials if trial.value is not None]
    columns = {key: [trial.params[n] for trial in valued] for n, key in enumerate(keys)}
    differing = {key: column for key, column in columns.items() if len(set(map(str, column))) > 1}
    if len(valued) < 2 or not differing:
        return None
    values = [trial.value for trial in valued if trial.value is not None]
    reach = Reach.of(values, highest=highest)
    drawn = [(key, *_axis(differing[key])) for key in list(differing)[:AXES_MAX]]
    drawn.append((metric, [reach.share(value) for value in values], *reach.ends))
    step = (WIDTH - 2 * EDGE) / (len(drawn) - 1)
    axes: list[Axis] = []
    places: list[Sequence[float]] = []
    for n, (name, shares, low, high) in enumerate(drawn):
        axes.append(Axis(name, EDGE + n * step, low, high))
        places.append([HEIGHT - EDGE - share * (HEIGHT - 2 * EDGE) for share in shares])
    ranked = sorted(valued, key=lambda trial: trial.value or 0.0, reverse=highest)
    shades = {id(trial): n * SHADES // len(ranked) for n, trial in enumerate(ranked)}
    lines = [
        Line(trial, _curve([axis.x for axis in axes], [of[n] for of in places]), shades[id(trial)])
        for n, trial in enumerate(valued)
    ]
    # The best ones are drawn last, over the others.
    return Parallel(axes, sorted(lines, key=lambda line: -line.shade))


def _stacked(states: Sequence[State], most: int) -> Iterator[tuple[State, float, float]]:
    top = HEIGHT
    for state in STATES:
        height = HEIGHT * states.count(state) / most
        if height:
            top -= height
            yield state, round(top, 1), round(height, 1)


def _axis(column: Sequence[Any]) -> tuple[Sequence[float], str, str]:
    """Where each value is, from 0 to 1, and what is written at both ends."""
    numbers = [each for each in column if _finite(each)]
    if len(numbers) < len(column):
        words = sorted({value_of(each) for each in column})
        places = {word: n / max(len(words) - 1, 1) for n, word in enumerate(words)}
        return [places[value_of(each)] for each in column], words[0], words[-1]
    low, high = min(numbers), max(numbers)
    if low > 0 and high / low >= WIDE:
        shares = [_share(math.log(each), math.log(low), math.log(high)) for each in numbers]
    else:
        shares = [_share(each, low, high) for each in numbers]
    return shares, number(low), number(high)


def _curve(xs: Sequence[float], ys: Sequence[float]) -> str:
    path = f"M{xs[0]:.1f} {ys[0]:.1f}"
    for n in range(1, len(xs)):
        middle = (xs[n - 1] + xs[n]) / 2
        path += f"C{middle:.1f} {ys[n - 1]:.1f} {middle:.1f} {ys[n]:.1f} {xs[n]:.1f} {ys[n]:.1f}"
    return path


def _within(share: float) -> float:
    """In per cent, with room at both ends for what is drawn there."""
    return round(MARGIN + share * (100 - 2 * MARGIN), 2)


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.5


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _at(said: str) -> datetime:
    at = instant(said)
    assert at is not None
    return at
