"""R16: real trainings, which fork, are stopped, and end in every way."""

import os
import subprocess
import sys
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.charter.disks import mounted_read_only
from tests.charter.figures import LONG, Figures
from tests.charter.trainings import BEGIN, NOTHING, TRAININGS, Training
from tests.flows.server import ROOT, Server

REPEATS = 20 if LONG else 1
HANG_S = 10
# As many at once as keep two processors busy.
LANES = 3


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    output: bytes
    seconds: float


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_training_runs_and_ends_as_it_would_without_us(
    server: Server, tmp_path: Path, figures: Figures
) -> None:
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    (nothing / "runvane.py").write_text(NOTHING)
    cases = [(name, f"{name}-{n}") for n in range(REPEATS) for name in TRAININGS]
    with mounted_read_only() as fixed, ThreadPoolExecutor(LANES) as lanes:

        def all_with(library: Path) -> list[Ended]:
            def one(case: tuple[str, str]) -> Ended:
                return ended(server, TRAININGS[case[0]], case[1], library, fixed)

            return list(lanes.map(one, cases))

        alone, logged = all_with(nothing), all_with(ROOT)
    server.command("sync")
    figures.cases = len(cases)
    changed = [
        (run, before, after)
        for (_, run), before, after in zip(cases, alone, logged, strict=True)
        if (before.code, before.output) != (after.code, after.output)
    ]
    assert not changed, changed
    figures.record("exit codes or outputs changed", len(changed), at_most=0)
    figures.record("longest, s", max(each.seconds for each in logged), at_most=HANG_S)
    lost = 0
    for name, run in cases:
        server.await_points(run, "m", TRAININGS[name].points)
        lost += abs(TRAININGS[name].points - server.count(run, "m"))
    figures.record("points", sum(TRAININGS[name].points for name, _ in cases))
    figures.record("lost or doubled", lost, at_most=0)


def ended(server: Server, training: Training, run: str, library: Path, fixed: Path) -> Ended:
    """With that library as `runvane`."""
    environment: dict[str, str] = {**server.env, "PYTHONPATH": str(library)}
    # Python would write lines in two halves, and those of several processes into each other.
    environment.pop("PYTHONUNBUFFERED", None)
    for name, value in training.environment.items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    if training.lost_spool:
        environment["RUNVANE_TOKEN"] = server.headers["authorization"].removeprefix("Bearer ")
    with started_in(training.folder, server.home, run, fixed) as folder:
        script = server.home / f"{run}.py"
        script.write_text(BEGIN + training.code)
        begun = time.monotonic()
        command = [sys.executable, str(script), run]
        if training.folder == "gone":
            command = ["sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh", *command]
        done = subprocess.run(
            command, check=False, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=10 * HANG_S,
        )  # fmt: skip
    # Processes print when they like; each of their lines is whole.
    output = b"".join(sorted(done.stdout.splitlines(keepends=True)))
    return Ended(done.returncode, output, time.monotonic() - begun)


@contextmanager
def started_in(kind: str, home: Path, run: str, fixed: Path) -> Generator[Path]:
    folder = fixed if kind == "read-only" else home / f"in-{run}-{os.urandom(4).hex()}"
    folder.mkdir(exist_ok=True)
    yield folder
