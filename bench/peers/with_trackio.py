"""What trackio's side does, in an environment of its own: its local mode, without a server."""

# Nothing that this file imports is in the environment that checks it.
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import json
import sys
import time

import trackio
from columns import points_in

CALLS = 5_000
NAMES = [f"metric-{number}" for number in range(10)]


def begin(run: str) -> None:
    trackio.init(project="bench", name=run, auto_log_gpu=False, auto_log_cpu=False)


def calls() -> dict[str, float]:
    """Microseconds of a call with one name, and of one scalar in a call with ten."""
    begin("calls")
    row = dict.fromkeys(NAMES, 0.25)
    spent: list[float] = []
    for values in ({"loss": 0.25}, row):
        begun = time.perf_counter()
        for _ in range(CALLS):
            trackio.log(values)
        spent.append((time.perf_counter() - begun) / CALLS * 1e6)
    trackio.finish()
    return {"one": spent[0], "of_ten": spent[1] / len(NAMES)}


def ingest(run: str, file: str, rows: int) -> dict[str, float]:
    """One series from a file of times and values; says when it began. It takes no times."""
    _, values = points_in(file, rows)
    begun = time.time()
    begin(run)
    for step in range(rows):
        trackio.log({"loss": values[step]}, step=step)
    trackio.finish()
    return {"begun": begun}


def ingest_wide(run: str, file: str, rows: int) -> dict[str, float]:
    """Ten series in one call a step: the way in which it is fastest."""
    _, values = points_in(file, rows)
    begun = time.time()
    begin(run)
    for step in range(rows):
        trackio.log(dict.fromkeys(["loss", *NAMES[1:]], values[step]), step=step)
    trackio.finish()
    return {"begun": begun}


if __name__ == "__main__":
    said = globals()[sys.argv[1]](*json.loads(sys.argv[2]))
    print(json.dumps(said))
