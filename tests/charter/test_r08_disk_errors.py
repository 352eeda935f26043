"""R8: calls of the operating system that fail."""

import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.charter.faults import Fault, failing
from tests.charter.figures import LONG, Figures
from tests.charter.writers import complaints, judge, writing
from tests.flows.server import ROOT, Server

N_MAX = 300
SCRIPT_FAULTS = 100 if LONG else 3
WRITERS = 4
FAULT_S_MAX = 20
ERRORS = ("EIO", "ENOSPC")
SERVER_CALLS = ("fdatasync", "pwrite64")
# Which call of the spool fails, and how often: its records, its mark, and its folder. The first
# records tell of the script, behind them are the points, each tried twice; of the mark, the third
# write once doubled points.
SCRIPT_CALLS = {"write": (50, 2), "pwrite64": (3, 1), "rename": (1, 1)}
# Of a new spool: its mark, and the head of its records.
SPOOL_WRITES = 2
POINTS = 300
SCRIPT = f"""
import sys, time, runvane
run = runvane.Run("faults", id=sys.argv[1])
for step in range({POINTS}):
    run.log("m", step)
    time.sleep(0.0005)
run.complete()
"""


@pytest.fixture
def told(tmp_path: Path) -> Path:
    return tmp_path / "strace.txt"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_error_of_the_disk_is_never_acknowledged(
    server: Server, told: Path, figures: Figures, chance: random.Random
) -> None:
    """PostgreSQL's own processes write there, and stop at such an error by themselves."""
    ns = range(1, N_MAX + 1) if LONG else [1, *chance.sample(range(2, 40), 4)]
    met = after = 0
    with writing(server, WRITERS) as writers:
        for number, n in enumerate(ns):
            call, error = SERVER_CALLS[number % 2], ERRORS[number // 2 % 2]
            fault = Fault(call, error, n, told)
            with failing(fault, server.process.pid):
                until = time.monotonic() + FAULT_S_MAX
                while not fault.met and time.monotonic() < until:
                    time.sleep(0.02)
                # Long enough for what comes after it.
                time.sleep(0.1)
            met += fault.met
            after += fault.synced_after
            assert server.process.poll() is None, f"{error} of {call} {n} ended the server"
    figures.cases = len(ns)
    judge(server, writers, figures)
    figures.record("errors met", met, at_least=len(ns))
    figures.record("syncs of a log whose sync had failed", after, at_most=0)
    server.stop()
    figures.record("complaints of integrity_check", complaints(server).total(), at_most=0)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_error_of_the_disk_loses_no_point_uncounted(
    server: Server, told: Path, figures: Figures
) -> None:
    met = dropped = lost = 0
    for number in range(SCRIPT_FAULTS):
        call, (n, times) = list(SCRIPT_CALLS.items())[number % len(SCRIPT_CALLS)]
        n = 1 + number // len(SCRIPT_CALLS) if LONG else n
        # What makes a spool is tried once; a second fault would hit the words about the first.
        times = times if n > SPOOL_WRITES else 1
        fault = Fault(call, ERRORS[number % 2], n, told, times=times)
        run = f"faults-{number}"
        command = [*fault.command, sys.executable, "-c", SCRIPT, run]
        done = subprocess.run(
            command, check=False, env=server.env, cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{call} {n}: {done.stderr}"
        server.command("sync")
        met += fault.met
        stored, missing = _kept(server, run, done.stderr)
        dropped += missing
        lost += abs(POINTS - stored - missing)
    figures.cases = SCRIPT_FAULTS
    figures.record("lost or doubled without being counted", lost, at_most=0)
    figures.record("counted as dropped", dropped)
    figures.record("errors met", met, at_least=1)


def _kept(server: Server, run: str, said_aloud: str) -> tuple[int, int]:
    """How many points are there, and how many the run, or the script where none is, dropped."""
    found = server.ask("query ($run: String!) { run(runId: $run) { warnings } }", run=run)["run"]
    if found is None:
        # Not even its start could be kept.
        assert "points are dropped" in said_aloud
        return 0, POINTS
    said = [re.match(r"([\d,]+) points were dropped", each) for each in found["warnings"]]
    missing = sum(int(each[1].replace(",", "")) for each in said if each)
    if missing < POINTS:
        server.await_points(run, "m", POINTS - missing)
    return server.count(run, "m"), missing
