"""What W&B's side does, in an environment of its own: its offline mode, without a server."""

# Nothing that this file imports is in the environment that checks it.
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import json
import sys
import time

import wandb

CALLS = 5_000
NAMES = [f"metric-{number}" for number in range(10)]


def calls() -> dict[str, float]:
    """Microseconds of a call with one name, and of one scalar in a call with ten."""
    row = dict.fromkeys(NAMES, 0.25)
    spent: list[float] = []
    settings = wandb.Settings(silent=True, x_disable_stats=True)
    with wandb.init(project="bench", mode="offline", settings=settings) as run:
        for values in ({"loss": 0.25}, row):
            begun = time.perf_counter()
            for _ in range(CALLS):
                run.log(values)
            spent.append((time.perf_counter() - begun) / CALLS * 1e6)
    return {"one": spent[0], "of_ten": spent[1] / len(NAMES)}


if __name__ == "__main__":
    said = globals()[sys.argv[1]](*json.loads(sys.argv[2]))
    print(json.dumps(said))
