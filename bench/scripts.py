"""What the training side of the bench runs, each in a process of its own that prints one number.

A script's end waits only a few seconds for the server, so those whose points are
counted wait for it themselves.
"""

import statistics
import sys
import time
from collections.abc import Callable

import runvane
from bench.generators import points, spiked

CHUNK = 1000
# Of a long series, at once.
PART = 2_000_000
NAMES = [f"metric-{number}" for number in range(10)]


def call_us(chunks: str) -> float:
    with runvane.Run("bench-calls") as run:
        return per_call(lambda: run.log("loss", 0.25), int(chunks))


def dict_us(chunks: str) -> float:
    values = dict.fromkeys(NAMES, 0.25)
    with runvane.Run("bench-calls") as run:
        return per_call(lambda: run.log(values), int(chunks)) / len(NAMES)


def per_call(log: Callable[[], None], chunks: int) -> float:
    """The median over chunks, in microseconds."""
    seconds: list[float] = []
    for _ in range(chunks):
        begun = time.perf_counter()
        for _ in range(CHUNK):
            log()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds) / CHUNK * 1e6


def columns(run_id: str, count: str) -> float:
    """Log that many points of ten metrics by whole columns, and say when it began."""
    rows = int(count) // len(NAMES)
    made = points(rows)
    begun = time.time()
    with runvane.Run("bench", id=run_id) as run:
        run.log_columns(dict.fromkeys(NAMES, made.values), made.steps, made.times)
        run.flush()
    return begun


def loop(run_id: str, count: str) -> float:
    """Log that many points one by one, and say when it began."""
    values = points(int(count)).values.tolist()
    begun = time.time()
    with runvane.Run("bench", id=run_id) as run:
        for value in values:
            run.log("loss", value)
        run.flush()
    return begun


def series(run_id: str, count: str) -> float:
    """One metric with spikes, in parts, so that no size needs much memory."""
    made, _ = spiked(int(count))
    begun = time.time()
    with runvane.Run("bench", id=run_id) as run:
        for at in range(0, int(count), PART):
            part = slice(at, at + PART)
            run.log_columns({"loss": made.values[part]}, made.steps[part], made.times[part])
        run.flush()
    return begun


def wide(run_id: str, metrics: str, count: str) -> float:
    """That many points in all, spread over that many metrics."""
    rows = max(1, int(count) // int(metrics))
    made = points(rows)
    begun = time.time()
    with runvane.Run("bench", id=run_id) as run:
        names = [f"metric-{number}" for number in range(int(metrics))]
        run.log_columns(dict.fromkeys(names, made.values), made.steps, made.times)
        run.flush()
    return begun


def writer(run_id: str, name: str, first: str, count: str) -> float:
    """One of several that write to one run, each its own metric."""
    made = points(int(count), int(first))
    begun = time.time()
    run = runvane.Run("bench", id=run_id)
    run.log_columns({name: made.values}, made.steps, made.times)
    run.flush()
    return begun


def ticks(run_id: str, count: str, every_ms: str) -> float:
    """Log the time of logging, so that whoever reads it knows how old it is."""
    with runvane.Run("bench", id=run_id) as run:
        for _ in range(int(count)):
            run.log("tick", time.time())
            time.sleep(int(every_ms) / 1000)
    return 0


if __name__ == "__main__":
    function = globals()[sys.argv[1]]
    print(function(*sys.argv[2:]))
