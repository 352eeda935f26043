"""
The data of every measurement: which distribution, how much noise, what jitter, which seed.

Everything follows from `SEED`: two runs of the bench, and every system in it, get the
same numbers.

- **Points** look like a training loss: `2.5 exp(-step / 20,000) + 0.3` plus normal noise of
  0.05, rounded to float32 and held in float64, as a framework's `.item()` gives them. Time
  goes on by 100 ms a step and jitters by 0 to 19 ms, uniformly.
- **Spikes** are single points far above the noise, one in each twentieth of the series, so
  that no two of them share a pixel of any chart.
- **Runs** hold two kinds of values. `uniform/*` metrics, `seed`, `bs`, `team` are drawn
  independently and uniformly, which is the worst case for a planner. `lr`, `model` and the
  `val/*` metrics hang together as in a sweep: the best learning rate of each model differs, the
  loss grows with the squared distance (in decades) from it plus a log-normal noise, accuracy
  falls with the loss, and one run in 100 diverged to NaN.
- **Lines** of a log are a trainer's, 96 bytes on average: a time, a step, three numbers that are
  drawn uniformly; ten of them, evenly spread, are errors.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

SEED = 20_261
BEGIN_MS = 1_700_000_000_000
STEP_MS = 100
JITTER_MS = 20
DECAY_STEPS = 20_000
NOISE = 0.05
SPIKES = 20
# Far above any noise, and different from each other, so that each can be found in an answer.
SPIKE = 50.0
MODELS = ("cnn-s", "cnn-m", "cnn-l", "mlp-s", "mlp-l", "vit-t", "vit-s", "vit-b")
BATCH_SIZES = (16, 32, 64, 128, 256)
TEAMS = 40
LOG_ERRORS = 10
RUNS_PER_CHUNK = 10_000
Floats: TypeAlias = NDArray[np.float64]
Whole: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Points:
    steps: Whole
    times: Whole
    values: Floats


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What one run of a list was started with and how it ended; NaN is a value."""

    number: int
    name: str
    params: Mapping[str, Any]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]


def points(count: int, stream: int = 0) -> Points:
    """`stream` makes another series of the same kind."""
    chance = np.random.default_rng([SEED, stream])
    steps = np.arange(count, dtype="i8")
    times = BEGIN_MS + steps * STEP_MS + chance.integers(0, JITTER_MS, count)
    clean = 2.5 * np.exp(-steps / DECAY_STEPS) + 0.3
    noisy = clean + NOISE * chance.standard_normal(count)
    return Points(steps, times, noisy.astype("f4").astype("f8"))


def spiked(count: int, stream: int = 0) -> tuple[Points, Sequence[float]]:
    """Points with spikes, and the values of the spikes."""
    made = points(count, stream)
    chance = np.random.default_rng([SEED, stream, 1])
    part = count // SPIKES
    planted = SPIKE + np.arange(SPIKES)
    made.values[np.arange(SPIKES) * part + chance.integers(0, part, SPIKES) * 9 // 10] = planted
    return made, planted.tolist()


def found(planted: Sequence[float], shown: Sequence[float | None]) -> int:
    """How many of the spikes are among the values of an answer."""
    near = {round(value, 3) for value in shown if value is not None}
    return sum(round(value, 3) in near for value in planted)


def runs(count: int) -> Iterator[RunSpec]:
    """The same run under each number, however many there are."""
    for chunk in range(-(-count // RUNS_PER_CHUNK)):
        yield from _chunk(chunk, min(RUNS_PER_CHUNK, count - chunk * RUNS_PER_CHUNK))


def log_lines(count: int) -> str:
    """ASCII, so that characters are bytes."""
    chance = np.random.default_rng([SEED, 3])
    numbers = chance.random((count, 3))
    errors = {n * count // LOG_ERRORS + count // LOG_ERRORS // 2 for n in range(LOG_ERRORS)}
    return "".join(
        f"2026-11-27 {n // 3_600_000 % 24:02d}:{n // 60_000 % 60:02d}:{n // 1000 % 60:02d},"
        f"{n % 1000:03d} "
        + (
            f"ERROR trainer: device {n % 8}: out of memory at step {n}\n"
            if n in errors
            else f"INFO trainer: step {n} loss {loss:.6f} accuracy {accuracy:.4f}"
            f" lr {rate:.8f} gpu {n % 8}\n"
        )
        for n, (loss, accuracy, rate) in enumerate(numbers.tolist())
    )


def _chunk(chunk: int, count: int) -> Iterator[RunSpec]:
    chance = np.random.default_rng([SEED, 2, chunk])
    n = RUNS_PER_CHUNK
    uniform = chance.random((n, 2))
    bs, team, seed = (chance.integers(0, m, n) for m in (len(BATCH_SIZES), TEAMS, 1000))
    model = chance.integers(0, len(MODELS), n)
    lr = 10 ** chance.uniform(-5, -1, n)
    away = np.log10(lr) + 2 + model / 4
    loss = (0.1 + 0.05 * away**2) * chance.lognormal(0, 0.1, n)
    accuracy = np.clip(1 - loss / 2 + 0.01 * chance.standard_normal(n), 0, 1)
    loss[chance.random(n) < 0.01] = np.nan
    for at in range(count):
        number = chunk * n + at + 1
        yield RunSpec(
            number,
            f"{MODELS[model[at]]} {number}",
            {
                "lr": float(f"{lr[at]:.4g}"),
                "bs": BATCH_SIZES[bs[at]],
                "model": MODELS[model[at]],
                "seed": int(seed[at]),
                "optimizer": ("adam", "sgd")[number % 2],
                "epochs": 10,
            },
            {"team": f"team-{team[at]}", "stage": ("dev", "test", "prod")[number % 3], "note": ""},
            {
                "uniform/a": float(uniform[at, 0]),
                "uniform/b": float(uniform[at, 1]),
                "val/loss": float(loss[at]),
                "val/accuracy": float(accuracy[at]),
            },
        )
