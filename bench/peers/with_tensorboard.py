"""What TensorBoard's side does, in an environment of its own: tensorboardX's SummaryWriter."""

# Nothing that this file imports is in the environment that checks it.
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportMissingModuleSource=false

import json
import sys
import time

from columns import points_in
from tensorboardX import SummaryWriter

CALLS = 20_000


def calls(folder: str) -> dict[str, float]:
    """Microseconds of a call; it has no call for ten names, so these are ten calls."""
    with SummaryWriter(f"{folder}/calls") as writer:
        begun = time.perf_counter()
        for step in range(CALLS):
            writer.add_scalar("loss", 0.25, step)
        spent = (time.perf_counter() - begun) / CALLS * 1e6
    return {"one": spent, "of_ten": spent}


def ingest(folder: str, run: str, file: str, rows: int) -> dict[str, float]:
    """One series from a file of times and values; says when it began."""
    times, values = points_in(file, rows)
    begun = time.time()
    with SummaryWriter(f"{folder}/{run}") as writer:
        for step in range(rows):
            writer.add_scalar("loss", values[step], step, walltime=times[step] / 1000)
    return {"begun": begun}


if __name__ == "__main__":
    said = globals()[sys.argv[1]](*json.loads(sys.argv[2]))
    print(json.dumps(said))
