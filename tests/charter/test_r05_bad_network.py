"""R5: a network that loses, delays, cuts, repeats and reorders, and a server that has no time."""

import json
import random
import subprocess
import time
from pathlib import Path

import pytest

from tests.charter.figures import LONG, Figures
from tests.charter.networks import FAULTS, Network, between
from tests.flows.server import Server, finished

SECONDS = 1800 if LONG else 5
PROCESSES = 4 if LONG else 2
# So many are turned away for so long; they begin at the same time.
CLIENTS = 64 if LONG else 16
AWAY_S = 120 if LONG else 8
# After so long each waits as long as it will.
SETTLED_S = 30 if LONG else 4
MEGABYTE = 1024
SCRIPT = """
import json, resource, sys, time, runvane
run = runvane.start("network", id=sys.argv[1])
until, step, sizes = time.monotonic() + float(sys.argv[2]), 0, []
while time.monotonic() < until:
    run.log({"m": step, "n": -step})
    run.log_text("logs/steps.txt", f"{step}\\n")
    step += 1
    time.sleep(0.002)
    if step in (500, 1000):
        sizes.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sizes.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
run.complete()
print(json.dumps([step, sizes[-1] - sizes[0], run.flush(120)]))
"""
CROWD = """
import os, sys, time, runvane
for number in range(int(sys.argv[1])):
    if not os.fork():
        run = runvane.Run("crowd", id=f"crowd-{number}")
        until = time.monotonic() + float(sys.argv[2])
        while time.monotonic() < until:
            run.log("m", 0.5)
            time.sleep(0.2)
        os._exit(0)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
"""


def test_nothing_is_lost_or_doubled_on_a_bad_network(
    server: Server, figures: Figures, chance: random.Random
) -> None:
    faults = (*FAULTS, "half open") if LONG else FAULTS
    with between(Network(server, chance, faults)) as network:
        server.env["RUNVANE_URL"] = network.url
        scripts = {
            run: server.python("-c", SCRIPT, run, str(SECONDS), stdout=subprocess.PIPE)
            for run in (f"network-{number}" for number in range(PROCESSES))
        }
        time.sleep(SECONDS)
        network.share = 0.0
        told = {run: json.loads(finished(script)[-1]) for run, script in scripts.items()}
    server.env["RUNVANE_URL"] = server.url
    figures.cases = sum(network.met.values()) - network.met["none"]
    lost = 0
    for run, (count, _, sent) in told.items():
        assert sent, f"{run} did not send all"
        for metric in ("m", "n"):
            server.await_points(run, metric, count)
            steps, values = server.points(run, metric)
            lost += abs(count - len(steps)) + abs(count - server.count(run, metric))
            assert steps == [abs(value) for value in values] == list(range(count))
        [said] = server.log(run, "logs/steps.txt")
        lost += said != "".join(f"{step}\n" for step in range(count)).encode()
    figures.record("points", 2 * sum(count for count, _, _ in told.values()), at_least=1)
    figures.record("lost or doubled", lost, at_most=0)
    grown = max(size for _, size, _ in told.values()) / MEGABYTE
    figures.record("memory grown by, MB", grown, at_most=32)
    for fault in faults:
        figures.record(f"met: {fault}", network.met[fault])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_server_that_turns_all_away_is_not_run_down(
    server: Server, tmp_path: Path, figures: Figures, chance: random.Random
) -> None:
    with between(Network(server, chance)) as network:
        network.closed = True
        server.env["RUNVANE_URL"] = network.url
        crowd = server.python("-c", CROWD, str(CLIENTS), str(AWAY_S))
        while not network.came:
            time.sleep(0.01)
            assert crowd.poll() is None
        began = network.came[0]
        assert crowd.wait(AWAY_S + 60) == 0
        settled = [at - began for at in network.came if SETTLED_S < at - began < AWAY_S - 1]
    seconds = AWAY_S - 1 - SETTLED_S
    by_second = [
        sum(int(at) == second for at in settled) for second in range(SETTLED_S, AWAY_S - 1)
    ]
    mean = len(settled) / seconds
    figures.cases = CLIENTS
    figures.record("requests of a process, 1/s", mean / CLIENTS, at_most=1)
    # In a few seconds it may be that nobody's turn comes.
    peak = max(by_second) / mean if settled else 0.0
    figures.record("most in a second beside the mean", peak, at_most=3, firm=False)
