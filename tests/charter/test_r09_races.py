"""R9: writers and folders of several processes at once."""

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.charter import racers
from tests.charter.figures import LONG, Figures
from tests.charter.model import Known, Model
from tests.flows.server import Server, finished

BATCHES = 400 if LONG else 40
COLUMN = """query ($run: String!, $metric: String!) { run(runId: $run) { metric(name: $metric) {
    columns { n nFinite last first min max mean lastStep minStep maxStep } } } }"""
SERIES = """query ($run: String!, $metric: String!, $from: Float!, $to: Float!) {
    series(runs: [$run], metric: $metric, maxPoints: 5000, range: {from: $from, to: $to}) {
        x pointsTotal lines { min max marks { x kind } } } }"""
# Of a line, 1,000 marks are shown: three kinds at each place are fewer.
WINDOW = 300


@pytest.fixture
def servers(database_url: str | None, tmp_path: Path) -> Iterator[list[Server]]:
    """Two on one PostgreSQL; of SQLite there is one. In each, two folders race."""
    count = 2 if database_url else 1
    servers = [Server(tmp_path, database_url) for _ in range(count)]
    for number, server in enumerate(servers):
        server.program = ["-c", racers.FOLDERS, str(tmp_path / f"races-{number}")]
        server.start()
    yield servers
    for server in servers:
        server.stop()


def test_racing_writers_and_folders_lose_and_double_nothing(
    servers: list[Server], tmp_path: Path, figures: Figures, chance: random.Random
) -> None:
    seed = chance.getrandbits(32)
    words = ["-m", "tests.charter.racers", str(seed)]
    ports = [str(server.port) for server in servers]
    writers = [
        servers[0].python(*words, str(writer), str(BATCHES), *ports, stdout=subprocess.PIPE)
        for writer in range(racers.WRITERS)
    ]
    repeats = sum(int(finished(writer, 600)[0]) for writer in writers)

    model = Model("races")
    for writer in range(racers.WRITERS):
        for seq in range(BATCHES + 1):
            model.take(racers.content(seed, writer, seq))
    figures.cases = racers.WRITERS * BATCHES
    figures.record("repeats", repeats, at_least=BATCHES / 2)
    for (metric, _), points in model.points.items():
        for server in servers:
            server.await_points(racers.RUN, metric, len(points))
            found = server.ask(COLUMN, run=racers.RUN, metric=metric)["run"]["metric"]
            Known(points).check(found["columns"][0])
        for begin in range(0, max(step for step, *_ in points) + 1, WINDOW):
            span = {"from": float(begin), "to": float(begin + WINDOW - 1)}
            asked = {"run": racers.RUN, "metric": metric, **span}
            here = [point for point in points if begin <= point[0] < begin + WINDOW]
            Known(here).check_series(servers[-1].ask(SERIES, **asked)["series"])
        exported = servers[0].page(f"/export/runs/{racers.RUN}?metric={metric}").splitlines()
        Known(points).check_export([json.loads(line) for line in exported])
    figures.record("differences", 0, at_most=0)
    for server in servers:
        server.stop()
    told = [map(int, path.read_text().split()) for path in tmp_path.glob("races-*")]
    folds, merges = map(sum, zip(*told, strict=True))
    figures.record("folds that another was faster than", folds, at_least=1)
    figures.record("merges that another was faster than", merges, at_least=1)
