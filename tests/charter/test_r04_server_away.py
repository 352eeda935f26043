"""R4: a training whose server is away, silent, unknown, or none of ours."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.charter.figures import LONG, Figures
from tests.flows.server import ROOT, Server

CALLS = 100_000 if LONG else 10_000
STEPS = 2_000 if LONG else 100
REPEATS = 10 if LONG else 4
EXIT_S_MAX = 5
# The long form asks for times; the short one has other things running beside it.
LANES = 1 if LONG else 5
FILES = ("outputs/a", "outputs/b", "outputs/c")
SCRIPT = f"""
import json, statistics, sys, time, runvane
def step():
    until = time.perf_counter() + 0.001
    while time.perf_counter() < until:
        pass
def steps(log):
    begun = time.perf_counter()
    for number in range({STEPS}):
        step()
        log({{"loss": 0.5, "acc": number}})
    return time.perf_counter() - begun
run = runvane.start("away", id=sys.argv[1])
spent = []
for number in range({CALLS}):
    begun = time.perf_counter()
    run.log({{"loss": 0.5, "acc": number}})
    spent.append(time.perf_counter() - begun)
pairs = [(steps(str), steps(run.log)) for _ in range({REPEATS})]
bare, logged = (statistics.median(side) for side in zip(*pairs))
for name in {FILES!r}:
    run.upload_file(name, "pyproject.toml")
spent.sort()
print(json.dumps({{
    "p50": spent[len(spent) // 2] * 1e6,
    "p99": spent[len(spent) * 99 // 100] * 1e6,
    "max": spent[-1] * 1e3,
    "loss": 100 * (logged / bare - 1),
    "at": time.time(),
}}))
"""
POINTS = CALLS + STEPS * REPEATS
CONTENT = (ROOT / "pyproject.toml").read_text()


@contextmanager
def places(server: Server) -> Generator[Mapping[str, str]]:
    """Where a server should be, and what is there instead."""
    with ExitStack() as stack:
        closed, full, silent = (stack.enter_context(closing(socket.socket())) for _ in range(3))
        for each in (closed, full, silent):
            each.bind(("127.0.0.1", 0))
        full.listen(0)
        silent.listen(64)
        address = full.getsockname()
        # Nobody takes these in: whoever comes next is not even refused.
        for _ in range(2):
            waiting = stack.enter_context(closing(socket.socket()))
            waiting.settimeout(0)
            waiting.connect_ex(address)
        yield {
            "a closed port": url(closed),
            "a black hole": url(full),
            "no answer": url(silent),
            "an unknown name": "http://runvane.invalid:8470",
            "no TLS": server.url.replace("http", "https"),
        }


def url(place: socket.socket) -> str:
    return f"http://127.0.0.1:{place.getsockname()[1]}"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_server_that_is_away_costs_a_training_nothing_and_gets_all_of_it_later(
    server: Server, figures: Figures
) -> None:
    with places(server) as every, ThreadPoolExecutor(LANES) as lanes:
        asked = {name: lanes.submit(logged, server, name, url) for name, url in every.items()}
        told = {name: answer.result() for name, answer in asked.items()}
    figures.cases = len(told)
    for name, said in told.items():
        figures.record(f"{name}: p50, µs", said["p50"], at_most=10, firm=False)
        figures.record(f"{name}: p99, µs", said["p99"], at_most=50, firm=False)
        figures.record(f"{name}: longest, ms", said["max"], at_most=20, firm=False)
        figures.record(f"{name}: slower by, %", said["loss"], at_most=1, firm=False)
        figures.record(f"{name}: exit, s", said["exit"], at_most=EXIT_S_MAX, firm=LONG)
    # Another process finishes what these have left.
    server.command("sync")
    for name in told:
        for metric in ("loss", "acc"):
            server.await_points(run_of(name), metric, POINTS)
            assert server.count(run_of(name), metric) == POINTS
        for file in FILES:
            assert server.page(f"/files/runs/{run_of(name)}/{file}") == CONTENT
    figures.record("points that arrived", 2 * POINTS * len(told), at_least=1)
    figures.record("files that arrived", len(FILES) * len(told), at_least=1)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_training_goes_on_over_a_server_that_leaves_and_comes_back(
    server: Server, tmp_path: Path, figures: Figures
) -> None:
    enough = tmp_path / "enough"
    code = """
import os, sys, time, runvane
with runvane.start("away", id="over") as run:
    step = 0
    while not os.path.exists(sys.argv[1]):
        run.log("m", step)
        step += 1
        time.sleep(0.001)
    print(step)
    assert run.flush(60)
"""
    script = server.python("-c", code, str(enough), stdout=subprocess.PIPE)
    server.await_points("over", "m", 1)
    server.kill()
    time.sleep(60 if LONG else 1.5)
    server.start()
    before = server.count("over", "m")
    server.await_points("over", "m", before + 1)
    enough.touch()
    output, _ = script.communicate(timeout=90)
    assert script.returncode == 0
    count = int(output)
    server.await_points("over", "m", count)
    steps, values = server.points("over", "m")
    figures.cases = 1
    figures.record("points", count, at_least=1)
    figures.record("lost or doubled", abs(count - len(steps)), at_most=0)
    assert steps == values == list(range(count))


def logged(server: Server, name: str, url: str) -> dict[str, Any]:
    environment = {**server.env, "RUNVANE_URL": url}
    command = [sys.executable, "-c", SCRIPT, run_of(name)]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as script:
        output, said = script.communicate(timeout=120)
    ended = time.time()
    assert script.returncode == 0, said
    # It says where to watch, and that files wait; that nobody is there is no news to who trains.
    assert said.count("\n") <= 2, said
    return {**json.loads(output), "exit": ended - json.loads(output)["at"]}


def run_of(name: str) -> str:
    return name.replace(" ", "-")
