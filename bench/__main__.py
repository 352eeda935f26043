"""Measure what exists now, beside its target; write the figures with the commit they belong to."""

import http.client
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.flows.server import ROOT, Server

RESULTS = ROOT / "bench/results"
COLUMN_POINTS = 5_000_000
LOOP_POINTS = 300_000
SERIES_POINTS = 100_000
SERIES = """{ series(runs: ["series"], metric: "loss", precision: FLOAT32) {
    x lines { mean min max } } }"""
RUNS = 1000
REPEATS = 30
ARRIVAL_S_MAX = 120
# Figure: what it should be, and whether more is better.
TARGETS = {
    "log_call_us": (3.0, False),
    "log_dict_us": (0.5, False),
    "ingest_columns": (3_000_000.0, True),
    "ingest_log": (350_000.0, True),
    "series_ms": (8.0, False),
    "page_ms": (18.0, False),
    "start_s": (1.0, False),
    "memory_mb": (120.0, False),
}


def main() -> None:
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), None)
        begun = time.monotonic()
        server.start()
        try:
            tell(figures, "start_s", time.monotonic() - begun)
            measure(server, figures)
        finally:
            server.stop()
    RESULTS.mkdir(exist_ok=True)
    commit = git("rev-parse", "--short=12", "HEAD") + ("-changed" if git("status", "-s") else "")
    machine = {"python": platform.python_version(), "cores": os.cpu_count()}
    path = RESULTS / f"{commit}.json"
    path.write_text(json.dumps({"commit": commit, **machine, "figures": figures}, indent=2) + "\n")
    print(f"\n  written to {path.relative_to(ROOT)}")


def measure(server: Server, figures: dict[str, float]) -> None:
    tell(figures, "log_call_us", script(server, "call_us"))
    tell(figures, "log_dict_us", script(server, "dict_us"))
    begun = script(server, "columns", COLUMN_POINTS)
    arrived = await_points(server, "columns", "metric-9", COLUMN_POINTS // 10)
    tell(figures, "ingest_columns", COLUMN_POINTS / (arrived - begun))
    begun = script(server, "loop", LOOP_POINTS)
    arrived = await_points(server, "loop", "loss", LOOP_POINTS)
    tell(figures, "ingest_log", LOOP_POINTS / (arrived - begun))
    script(server, "series", SERIES_POINTS)
    await_points(server, "series", "loss", SERIES_POINTS)
    body = json.dumps({"query": SERIES}).encode()
    tell(figures, "series_ms", milliseconds(server, "POST", "/graphql", body))
    make_runs(server)
    tell(figures, "page_ms", milliseconds(server, "GET", "/experiments/bench-page"))
    tell(figures, "memory_mb", memory_mb(server.process.pid))


def tell(figures: dict[str, float], name: str, figure: float) -> None:
    target, more = TARGETS[name]
    figures[name] = figure
    ratio = figure / target if more else target / figure
    print(
        f"  {name:<16}{figure:>14,.2f}   target {target:>12,.2f}   {ratio:5.2f} of it", flush=True
    )


def script(server: Server, name: str, *numbers: int) -> float:
    words = ["-m", "bench.scripts", name, *map(str, numbers)]
    with server.python(*words, stdout=subprocess.PIPE) as process:
        output, _ = process.communicate()
    if process.returncode:
        sys.exit(f"bench.scripts {name} failed")
    return float(output.split()[-1])


def await_points(server: Server, run: str, metric: str, count: int) -> float:
    """When all of them could be queried."""
    until = time.monotonic() + ARRIVAL_S_MAX
    while time.monotonic() < until:
        if server.count(run, metric) >= count:
            return time.time()
        time.sleep(0.01)
    sys.exit(f"{run}: not all points arrived in {ARRIVAL_S_MAX} s")


def make_runs(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    headers = {**server.headers, "content-type": "application/json"}
    for number in range(RUNS):
        start = {"type": "start", "at": 0, "experiment": "bench-page", "name": f"run {number}"}
        point = {"name": "loss", "kind": "scalar", "steps": [0], "times": [0]}
        for seq, content in enumerate(
            ({"events": [start]}, {"metrics": [{**point, "columns": {"value": [number / 7]}}]})
        ):
            batch = {"run": f"page-{number}", "writer": "w", "seq": seq, **content}
            connection.request("POST", "/ingest/v1", json.dumps(batch), headers)
            reply = connection.getresponse()
            if reply.status != http.HTTPStatus.OK:
                sys.exit(f"a batch was answered {reply.status}: {reply.read().decode()}")
            reply.read()
    connection.close()


def milliseconds(server: Server, method: str, path: str, body: bytes | None = None) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    headers = {**server.headers, "content-type": "application/json"}

    def ask() -> None:
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        if reply.status != http.HTTPStatus.OK or b'"errors"' in reply.read():
            sys.exit(f"{path} was answered {reply.status}")

    ask()
    median = statistics.median(seconds(ask) for _ in range(REPEATS))
    connection.close()
    return median * 1000


def seconds(ask: Callable[[], None]) -> float:
    begun = time.perf_counter()
    ask()
    return time.perf_counter() - begun


def memory_mb(process: int) -> float:
    shown = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(process)], check=True, capture_output=True, text=True
    )
    return int(shown.stdout) / 1024


def git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


if __name__ == "__main__":
    main()
