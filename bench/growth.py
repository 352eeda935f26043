"""How cost grows with points, runs, metrics of a run, and writers; flat where it should be flat."""

import json
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import TypeAlias

from bench import lists
from bench.batches import Sender, block
from bench.clients import Question, in_turn
from bench.desk import Desk, graphql, page, script
from bench.figures import quantile, said
from bench.generators import points
from bench.loading import EXPERIMENT
from bench.machine import memory_mb
from bench.rows.ingest import await_folded
from bench.rows.page import COUNT, FILTER, table
from bench.rows.series import CHART
from bench.stores import await_quiet
from bench.systems import CHART_POINTS
from tests.flows.server import Server

Row: TypeAlias = dict[str, float]
REPEATS = 20
POINTS = (100_000, 1_000_000, 10_000_000, 100_000_000)
RUNS = (1_000, 10_000, 100_000, 1_000_000)
METRICS = (10, 100, 1_000, 10_000, 100_000)
# Of all metrics of a run together, and at least one of each.
METRIC_POINTS = 1_000_000
WRITERS = (1, 4, 16, 64)
BATCHES = 512
STEPS_PER_BATCH = 100
METRICS_PER_BATCH = 10
ZOOM = """query ($run: String!, $points: Int!, $from: Float!, $to: Float!) {
    series(runs: [$run], metric: "loss", maxPoints: $points, precision: FLOAT32,
           range: {from: $from, to: $to}) { x lines { mean min max } } }"""
METRIC = CHART.replace('"loss"', '"metric-7"')


def by_points(desk: Desk) -> Iterator[Row]:
    """One series of that many points, through SDK and HTTP; a server and a database each."""
    for count in POINTS[: desk.size(len(POINTS), 1)]:
        with desk.server(f"points-{count}") as server:
            begun = script(server, "series", "grown", count)
            sent = time.time()
            folded = await_folded(server, "grown", "loss", count)
            await_quiet(server.home / "runvane.db")
            zoom = {"from": count / 2, "to": count / 2 + count / 100}
            charts = {
                "chart, ms": graphql(server, CHART, run="grown", points=CHART_POINTS),
                "zoom to 1 %, ms": graphql(server, ZOOM, run="grown", points=CHART_POINTS, **zoom),
            }
            yield {
                "points": count,
                "ingest, points/s": count / (folded - begun),
                "fold lag, s": folded - sent,
                **usual(desk, charts),
                "database, MB": megabytes(server),
                "memory, MB": memory_mb(server.process.pid),
            }


def by_runs(desk: Desk) -> Iterator[Row]:
    """A list of that many runs on SQLite, and on PostgreSQL (pg)."""
    for count in RUNS[: desk.size(len(RUNS), 1)]:
        row: Row = {"runs": count}
        for prefix in ("",) if desk.quick else ("", "pg "):
            with listed(desk, count, prefix) as server:
                counted = {"experiment": EXPERIMENT, "tags": [{"key": "team", "value": "team-7"}]}
                asked = {
                    f"{prefix}page, ms": table(server, ""),
                    f"{prefix}filtered, ms": table(server, FILTER),
                    f"{prefix}count, ms": graphql(server, COUNT, filter=counted),
                }
                row |= usual(desk, asked)
                row[f"{prefix}memory, MB"] = memory_mb(server.process.pid)
                if not prefix:
                    row["database, MB"] = megabytes(server)
        yield row


def by_metrics(desk: Desk) -> Iterator[Row]:
    """One run with that many metrics."""
    for count in METRICS[: desk.size(len(METRICS), 2)]:
        with desk.server(f"metrics-{count}") as server:
            total = max(desk.size(METRIC_POINTS, 1_000), count)
            begun = script(server, "wide", "wide", count, total)
            sent = time.time()
            each = max(1, total // count)
            folded = await_folded(server, "wide", f"metric-{count - 1}", each)
            await_quiet(server.home / "runvane.db")
            asked = {
                "chart, ms": graphql(server, METRIC, run="wide", points=CHART_POINTS),
                "page of the run, ms": page(server, "/runs/wide"),
                "page of the list, ms": page(server, "/experiments/bench"),
            }
            yield {
                "metrics": count,
                "points": each * count,
                "ingest, points/s": each * count / (folded - begun),
                "fold lag, s": folded - sent,
                **usual(desk, asked),
                "database, MB": megabytes(server),
                "memory, MB": memory_mb(server.process.pid),
            }


def by_writers(desk: Desk) -> Iterator[Row]:
    """
    That many writers of one run, each with one batch of 10 x 100 points in flight.

    Bodies are JSON and made before; the writers are threads of one process beside the server.
    """
    batches = desk.size(BATCHES, 16)
    series = [points(STEPS_PER_BATCH, stream) for stream in range(METRICS_PER_BATCH)]
    metrics = [block(f"metric-{n}", each) for n, each in enumerate(series)]
    for count in WRITERS[: desk.size(len(WRITERS), 2)]:
        with desk.server(f"writers-{count}") as server:
            senders = [Sender(server, f"writer-{number}") for number in range(count)]
            for sender in senders:
                sender.start("shared", "bench")
            waited: list[float] = []
            begun = time.time()
            threads = [
                threading.Thread(target=send, args=(each, metrics, batches // count, waited))
                for each in senders
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            acked = time.time()
            total = batches // count * count * STEPS_PER_BATCH * METRICS_PER_BATCH
            folded = await_folded(server, "shared", "metric-0", total // METRICS_PER_BATCH)
            yield {
                "writers": count,
                "acknowledged, points/s": total / (acked - begun),
                "answer p50, ms": median(waited),
                "answer p95, ms": quantile(waited, 0.95),
                "fold lag, s": folded - acked,
                "memory, MB": memory_mb(server.process.pid),
            }


def send(
    sender: Sender, metrics: Sequence[Mapping[str, object]], batches: int, waited: list[float]
) -> None:
    for _ in range(batches):
        begun = time.perf_counter()
        sender.send("shared", metrics=metrics)
        waited.append((time.perf_counter() - begun) * 1000)
    sender.close()


@contextmanager
def listed(desk: Desk, count: int, prefix: str) -> Generator[Server]:
    with ExitStack() as stack:
        if prefix:
            url = stack.enter_context(lists.on_postgres(count))
            yield stack.enter_context(desk.server(f"runs-{count}", database_url=url))
        else:
            yield stack.enter_context(desk.server("runs", home=lists.sqlite(count)))


def usual(desk: Desk, asked: Mapping[str, Question]) -> Row:
    return {name: median(of) for name, of in in_turn(asked, desk.size(REPEATS, 2)).items()}


def megabytes(server: Server) -> float:
    files = server.home.glob("runvane.db*")
    return sum(path.stat().st_size for path in files) / 2**20


TABLES: Mapping[str, Callable[[Desk], Iterator[Row]]] = {
    "points": by_points,
    "runs": by_runs,
    "metrics": by_metrics,
    "writers": by_writers,
}


def measure(desk: Desk, names: Sequence[str]) -> Mapping[str, Sequence[Row]]:
    """The tables, each row printed as soon as it is there."""
    found: dict[str, list[Row]] = {}
    for name in names or TABLES:
        print(f"\n  by {name}: {(TABLES[name].__doc__ or '').strip().splitlines()[0]}")
        for row in TABLES[name](desk):
            found.setdefault(name, []).append(row)
            print("   ", json.dumps({key: said(value) for key, value in row.items()}), flush=True)
    return found


def markdown(rows: Sequence[Row]) -> str:
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    lines += [f"| {' | '.join(said(row[name]) for name in names)} |" for row in rows]
    return "\n".join(lines)
