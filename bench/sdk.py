"""What logging costs the script, with no server in reach: `python -m bench.sdk`."""

import os
import statistics
import subprocess
import tempfile
import time
from array import array
from collections.abc import Callable
from pathlib import Path

import runvane

CALLS = 100_000
BULK_POINTS = 1_000_000
ROUNDS = 5


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"RUNVANE_HOME": folder, "RUNVANE_URL": "http://127.0.0.1:9"}
        measure()


def measure() -> None:
    row = {f"metric {number}": 0.5 for number in range(10)}
    column = array("d", [0.5]) * BULK_POINTS
    with runvane.Run("bench") as run:
        call_s = median_s(lambda: [run.log("loss", 0.5) for _ in range(CALLS)]) / CALLS
        dict_s = median_s(lambda: [run.log(row) for _ in range(CALLS)]) / CALLS / len(row)
        bulk_s = median_s(lambda: run.log_columns({"bulk": column})) / BULK_POINTS
    print(f"commit                       {commit()}")
    print(f"one log call                 {call_s * 1e6:8.2f} µs")
    print(f"one scalar of a dict of ten  {dict_s * 1e6:8.2f} µs")
    print(f"log_columns into the spool   {1e-6 / bulk_s:8.1f} million points/s")


def median_s(work: Callable[[], object]) -> float:
    spent: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return statistics.median(spent)


def commit() -> str:
    words = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    main()
