"""What MLflow's side does, in an environment of its own: its client, over HTTP to its server."""

# Nothing that this file imports is in the environment that checks it.
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false

import json
import sys
import time
from pathlib import Path
from typing import Any

import mlflow
from columns import points_in
from mlflow.entities import Metric, Param, RunTag

NAMES = [f"metric-{number}" for number in range(10)]
# As many as its server takes in one request.
BATCH = 1000


def calls(url: str, count: int) -> dict[str, float]:
    """Microseconds of a call with one name, and of one scalar in a call with ten."""
    mlflow.set_tracking_uri(url)
    spent: list[float] = []
    with mlflow.start_run():
        for log in (
            lambda: mlflow.log_metric("loss", 0.25),
            lambda: mlflow.log_metrics(dict.fromkeys(NAMES, 0.25)),
        ):
            log()
            begun = time.perf_counter()
            for _ in range(count):
                log()
            spent.append((time.perf_counter() - begun) / count * 1e6)
    return {"one": spent[0], "of_ten": spent[1] / len(NAMES)}


def ingest(url: str, file: str, rows: int) -> dict[str, Any]:
    """One series in batches of 1,000, the fastest call it has; says when it began."""
    times, values = points_in(file, rows)
    mlflow.set_tracking_uri(url)
    client = mlflow.MlflowClient()
    begun = time.time()
    run = client.create_run("0").info.run_id
    for at in range(0, rows, BATCH):
        some = range(at, min(at + BATCH, rows))
        client.log_batch(run, metrics=[Metric("loss", values[n], times[n], n) for n in some])
    return {"begun": begun, "run": run}


def runs(url: str, file: str) -> dict[str, Any]:
    """A run for each line of JSON, with its params, tags and metrics."""
    mlflow.set_tracking_uri(url)
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("runs")
    for text in Path(file).read_text().splitlines():
        spec = json.loads(text)
        run = client.create_run(experiment, run_name=spec["name"]).info.run_id
        client.log_batch(
            run,
            metrics=[Metric(key, value, 0, 0) for key, value in spec["metrics"].items()],
            params=[Param(key, str(value)) for key, value in spec["params"].items()],
            tags=[RunTag(key, value) for key, value in spec["tags"].items()],
        )
    return {"experiment": experiment}


if __name__ == "__main__":
    said = globals()[sys.argv[1]](*json.loads(sys.argv[2]))
    print(json.dumps(said))
