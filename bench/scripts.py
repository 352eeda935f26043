"""What the training side of the bench runs, each in a process of its own that prints one number."""

import statistics
import sys
import time
from array import array
from collections.abc import Callable

import runvane

CHUNK = 1000
CHUNKS = 100
NAMES = [f"metric-{number}" for number in range(10)]


def call_us() -> float:
    with runvane.Run("bench-calls") as run:
        return per_call(lambda: run.log("loss", 0.25))


def dict_us() -> float:
    values = dict.fromkeys(NAMES, 0.25)
    with runvane.Run("bench-calls") as run:
        return per_call(lambda: run.log(values)) / len(NAMES)


def per_call(log: Callable[[], None]) -> float:
    """The median over chunks, in microseconds."""
    seconds: list[float] = []
    for _ in range(CHUNKS):
        begun = time.perf_counter()
        for _ in range(CHUNK):
            log()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds) / CHUNK * 1e6


def columns(points: int) -> float:
    """Log that many points by whole columns, and say when it began."""
    rows = points // len(NAMES)
    values = array("d", (step / 7 for step in range(rows)))
    begun = time.time()
    with runvane.Run("bench-ingest", id="columns") as run:
        run.log_columns(dict.fromkeys(NAMES, values))
    return begun


def loop(points: int) -> float:
    """Log that many points one by one, and say when it began."""
    begun = time.time()
    with runvane.Run("bench-ingest", id="loop") as run:
        for step in range(points):
            run.log("loss", step / 7)
    return begun


def series(points: int) -> float:
    with runvane.Run("bench-series", id="series") as run:
        run.log_columns({"loss": array("d", (step % 97 / 7 for step in range(points)))})
    return 0


if __name__ == "__main__":
    function = globals()[sys.argv[1]]
    print(function(*map(int, sys.argv[2:])))
